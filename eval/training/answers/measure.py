"""Figures of an answer score on questions with their own passages: answers against near misses, and by domain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rag._internal.length_batches import length_batches

from .examples import AskedQuestion, LabelledUnit, Packs, QuestionData

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from rag.verify.support.network import SupportNetwork


def score_questions(network: SupportNetwork, tokenizer: Tokenizer, data: QuestionData) -> dict[str, float]:
    """Return the logit of each question of ``data`` with its own passage, by id."""
    import torch

    from rag.verify.support.network import collate

    make = Packs(tokenizer)
    asked: defaultdict[str, list[AskedQuestion]] = defaultdict(list)
    for each in data.questions:
        asked[each.passage].append(each)
    packs = [make.pack(data.passages[id_], [(each.text, 0.0) for each in of]).pack for id_, of in asked.items()]
    questions = list(asked.values())
    found: dict[str, float] = {}
    for numbers in length_batches([pack.length for pack in packs], 2048):
        with torch.inference_mode():
            logits, _ = network(collate([packs[number] for number in numbers]))
        ids = [each.id for number in numbers for each in questions[number]]
        found |= dict(zip(ids, logits.tolist(), strict=True))
    return found


def balanced_accuracy(scores: npt.NDArray[np.float64], positive: npt.NDArray[np.bool_], threshold: float) -> float:
    """Return the mean of the shares of positives and of others on their side of ``threshold``, in per cent."""
    accepted = scores >= threshold
    return 50.0 * float(accepted[positive].mean() + (~accepted[~positive]).mean())


def best_threshold(scores: npt.NDArray[np.float64], positive: npt.NDArray[np.bool_]) -> float:
    """Return the score with the highest balanced accuracy as threshold."""
    return max(np.unique(scores).tolist(), key=lambda value: balanced_accuracy(scores, positive, value))


def question_figures(data: QuestionData, scores: Mapping[str, float]) -> str:
    """Return a table: balanced accuracy of full answers against near misses at the best common threshold, by domain."""
    asked = [each for each in data.questions if each.label != "part"]
    values = np.array([scores[each.id] for each in asked])
    positive = np.array([each.label == "full" for each in asked])
    threshold = best_threshold(values, positive)
    by_domain: defaultdict[str, list[int]] = defaultdict(list)
    for at, each in enumerate(asked):
        by_domain[data.passages[each.passage].domain].append(at)
    rows: list[tuple[str, Sequence[int]]] = [*sorted(by_domain.items()), ("all", range(len(asked)))]
    lines = [
        f"{name:20} n {len(places):4}  balanced {balanced_accuracy(values[places], positive[places], threshold):.1f}"
        for name, places in rows
        if 0 < positive[places].sum() < len(places)
    ]
    part = [scores[each.id] for each in data.questions if each.label == "part"]
    accepted = float(np.mean(np.array(part) >= threshold)) if part else 0.0
    return "\n".join([*lines, f"threshold {threshold:.3f}; part accepted {accepted:.1%} of {len(part)}"])


def score_units(
    network: SupportNetwork, tokenizer: Tokenizer, units: Sequence[LabelledUnit]
) -> list[tuple[float, float | None]]:
    """Return for each unit the logits that it can stand alone, and that it answers its question, if it has one.

    All of ``units`` are labelled for standing alone.
    """
    import torch

    from rag.verify.support.network import collate

    packs = [pack.pack for pack in Packs(tokenizer).units(units)]
    found: list[tuple[float, float | None]] = [(0.0, None)] * len(units)
    for numbers in length_batches([pack.length for pack in packs], 2048):
        with torch.inference_mode():
            logits = network(collate([packs[number] for number in numbers]))[0].tolist()
        for number in numbers:
            own = [logits.pop(0) for _ in packs[number].claims]
            found[number] = (own[0], own[1] if len(own) > 1 else None)
    return found


def area_under_curve(scores: npt.NDArray[np.float64], positive: npt.NDArray[np.bool_]) -> float:
    """Return the share of pairs of a positive and another in which the positive one has the higher score."""
    higher, lower = scores[positive][:, None], scores[~positive]
    return float(np.mean((higher > lower) + 0.5 * (higher == lower)))


def unit_figures(units: Sequence[LabelledUnit], scores: Sequence[tuple[float, float | None]]) -> str:
    """Return a table by source: balanced accuracy at the logit 0 and AUC of standing alone; AUC of answering.

    Units that can stand alone after a small change count as positive, and for answering only units labelled D or A.
    """
    by_source: defaultdict[str, list[int]] = defaultdict(list)
    for at, each in enumerate(units):
        by_source[each.source].append(at)
    lines = []
    for source, places in sorted(by_source.items()):
        alone = np.array([units[at].alone != "no" for at in places])
        values = np.array([scores[at][0] for at in places])
        line = (
            f"{source:12} n {len(places):4}  alone: balanced {balanced_accuracy(values, alone, 0.0):.1f}, "
            f"AUC {area_under_curve(values, alone):.3f}"
        )
        answering = [(score, units[at].use in {"D", "A"}) for at in places if (score := scores[at][1]) is not None]
        if answering:
            logits, positive = (np.array(column) for column in zip(*answering, strict=True))
            line += f"  answers: AUC {area_under_curve(logits, positive.astype(bool)):.3f}"
        lines.append(line)
    return "\n".join(lines)
