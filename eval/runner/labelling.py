"""Label sentences by hand: draw a random sample of a run's sentences and ask a person for a verdict on each.

The labels measure the judge's errors, see :func:`..metrics.intervals.prediction_powered_mean`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rag.types import Support

from ..judges.labels import Label, read_labels
from .score import ScoredBrief, SentenceScore

_SUPPORT_BY_KEY: dict[str, Support] = {"f": "full", "p": "partial", "n": "none"}


def sample_sentences(scored: Sequence[ScoredBrief], n: int, seed: int = 7) -> list[tuple[ScoredBrief, SentenceScore]]:
    """Draw ``n`` distinct sentences uniformly from all of ``scored``, reproducibly for a given ``seed``.

    A sentence that appears several times in a brief, for instance in its summary and its body, counts once.
    """
    distinct = list({(brief.id, row.text): (brief, row) for brief in scored for row in brief.rows}.values())
    return random.Random(seed).sample(distinct, min(n, len(distinct)))


def label_sentences(
    sentences: Sequence[tuple[ScoredBrief, SentenceScore]],
    path: Path,
    ask: Callable[[str], str],
    show: Callable[[str], None],
) -> Iterator[Label]:
    """Ask a person about each sentence without a label in ``path``, and append each label there at once.

    The judge's verdict is not shown, so that it does not influence the person.

    Args:
        sentences: the sentences to label, each with its brief.
        path: the JSONL file of labels.
        ask: shows a prompt and returns the key typed: f, p, n, or q to stop.
        show: prints a line.
    """
    labelled = {(label.id, label.text) for label in read_labels(path)}
    for number, (brief, row) in enumerate(sentences, 1):
        if (brief.id, row.text) in labelled:
            continue
        show(f"\n{number} of {len(sentences)}: {brief.question}\n")
        for cited in row.citations:
            show(f"[{cited}] {brief.passages.get(cited, 'no such passage')}\n")
        show(f"SENTENCE: {row.text}\n")
        while (key := ask("stated by these passages? f(ull), p(artly), n(ot), q(uit): ").strip().lower()) != "q":
            if key in _SUPPORT_BY_KEY:
                break
            show("type f, p, n or q")
        if key == "q":
            return
        label = Label(id=brief.id, text=row.text, support=_SUPPORT_BY_KEY[key])
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(label.model_dump(), ensure_ascii=False) + "\n")
        yield label
