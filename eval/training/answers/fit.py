"""Fit the weights of ``rag/writing/rating.py`` on labelled units, and measure the choice on whole collections. ::

    python -m eval.training.answers.fit rustblog=STORE mueller=STORE 18f=STORE scrapy=STORE

Each STORE is an index of a collection of ``unit_labels.jsonl``. The weights are fitted on all collections but one and
measured on this one, in turn. A unit is an example alone and after as many units as it needs; the target is whether
it answers and can be understood so.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rag._internal.log_odds import log_odds
from rag.config import load_settings
from rag.retrieval import AnswerScores, read_further, search_parts
from rag.store import Index
from rag.types import Hit
from rag.verify.answers import STANDALONE_QUESTION, load_answer_model, load_sentence_model
from rag.writing.rating import RatingParameters

from ..verifier.examples import read_rows
from .examples import LabelledUnit, with_extensions
from .measure import area_under_curve
from .units import HITS, LABELS, opened, text_key, units_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

BEST = 8
"""Texts of a question that are looked at: as many as the best half of a brief has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A text with its labels.

    ``features`` are the log-odds that it answers and that its passage does, the cosine of the passage, and the log-odds
    that it stands alone.
    """

    question: str
    unit: str
    features: tuple[float, float, float, float]
    use: str
    alone: bool

    @property
    def positive(self) -> bool:
        """Whether the text answers and can be understood as it stands."""
        return self.alone and self.use in "DA"


def examples_of(index: Index, question: str, labels: dict[str, str]) -> Iterator[Example]:
    """Yield the examples of the labelled units among the hits for ``question``."""
    hits = search_parts(index, question, k=HITS)
    settings = load_settings({"llm": "extractive"})
    unread = AnswerScores(questions=((question,),), by_chunk={})
    scores = read_further(unread, hits, load_answer_model(settings).probabilities).by_chunk
    texts: list[tuple[LabelledUnit, str, Hit]] = []
    for hit in hits:
        previous: str | None = None
        for unit in units_of(hit.chunk):
            key = text_key(f"{unit['context']}\n{unit['text']}")
            label = labels.get(key)
            if label is not None:
                known = {"collection": "", "question": question, "previous_needs": previous}
                row = {**unit, **known, "use": label[0], "needs": label[1:]}
                texts += [(each, key, hit) for each in with_extensions(row)]
            previous = label[1:] if label else None
    if not texts:
        return
    read = [f"{each.title}\n{each.text}" for each, _, _ in texts]
    answers, alone = load_sentence_model(settings).probabilities([question, STANDALONE_QUESTION], read)
    for (each, key, hit), answer, stands in zip(texts, answers.tolist(), alone.tolist(), strict=True):
        probabilities = (answer, scores[hit.chunk.id][0], stands)
        answering, passage, standing = log_odds(probabilities, least=RatingParameters().least).tolist()
        yield Example(
            question=question,
            unit=key,
            features=(answering, passage, hit.cosine, standing),
            use=each.use or "B",
            alone=each.alone == "yes",
        )


def fit(examples: Sequence[Example]) -> tuple[Numbers, float]:
    """Return the weights of the features and the intercept of a logistic regression."""
    from sklearn.linear_model import LogisticRegression

    features = np.array([each.features for each in examples])
    model = LogisticRegression(C=10.0).fit(features, [each.positive for each in examples])
    return np.asarray(model.coef_[0]), float(model.intercept_[0])


def figures(examples: Sequence[Example], scores: Numbers, standalone: float = 0.0) -> dict[str, float]:
    """Return means over the questions: of the best texts, a unit once, the shares that answer, or do or give context.

    Args:
        examples: of one collection.
        scores: one for each of them.
        standalone: log-odds of standing alone below which a text is left out.
    """
    by_question: defaultdict[str, list[int]] = defaultdict(list)
    for at, each in enumerate(examples):
        by_question[each.question].append(at)
    shares = []
    for places in by_question.values():
        if not any(examples[at].positive for at in places):
            continue
        seen: dict[str, Example] = {}
        for at in sorted(places, key=lambda at: -scores[at]):
            if examples[at].features[-1] >= standalone:
                seen.setdefault(examples[at].unit, examples[at])
        best = list(seen.values())[:BEST]
        if not best:
            continue
        answering = np.mean([each.positive for each in best])
        useful = np.mean([each.alone and each.use in "DAC" for each in best])
        shares.append((answering, useful, np.mean([each.alone for each in best]), best[0].positive))
    positive = np.array([each.positive for each in examples])
    means = np.mean(np.array(shares, dtype=float), axis=0).tolist()
    names = ("answer and understood", "answer or context, and understood", "understood", "first answers")
    return dict(zip(names, means, strict=True)) | {"AUC": area_under_curve(scores, positive), "questions": len(shares)}


def main() -> None:
    """Print the figures of each collection by weights of the others and by the product's, and weights of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", nargs="+", metavar="NAME=STORE")
    stores = dict(each.split("=", 1) for each in parser.parse_args().stores)
    labelled: defaultdict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for row in read_rows(LABELS):
        if row["collection"] in stores:
            labelled[row["collection"]][row["question"]] = row["units"]
    found: dict[str, list[Example]] = {}
    for name, questions in labelled.items():
        with opened(stores[name]) as index:
            found[name] = [each for text, labels in questions.items() for each in examples_of(index, text, labels)]
    shipped = RatingParameters()
    own = np.array([shipped.sentence, shipped.passage, shipped.cosine, shipped.alone])
    for name, examples in found.items():
        features = np.array([each.features for each in examples])
        others = [each for other, theirs in found.items() if other != name for each in theirs]
        rows = {"the product's weights": own}
        if others:
            rows["weights of the others"] = fit(others)[0]
        for title, weights in rows.items():
            shown = "  ".join(f"{key} {value:.3g}" for key, value in figures(examples, features @ weights).items())
            print(f"{name:12} n {len(examples):5}  {title:22} {shown}", flush=True)
    weights, intercept = fit([each for theirs in found.values() for each in theirs])
    names = ("sentence", "passage", "cosine", "alone")
    shown = "  ".join(f"{name} {value:.3f}" for name, value in zip(names, weights, strict=True))
    print(f"of all: {shown}  intercept {intercept:.3f}")


if __name__ == "__main__":
    main()
