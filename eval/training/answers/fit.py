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

from rag.config import load_settings
from rag.types import Question
from rag.verify.answers import STANDALONE_QUESTION, load_sentence_model
from rag.writing.evidence import evidence_sentence
from rag.writing.rating import RatingParameters
from rag.writing.session import Session
from rag.writing.units import evidence_units

from ..verifier.examples import read_rows
from .examples import LabelledUnit, with_extensions
from .measure import area_under_curve
from .units import LABELS, MAX_BEFORE, unit_key

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

BEST = 8
"""Texts of a question that are looked at: as many as the best half of a brief has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A text with the log-odds that it answers, that its passage does and that it stands alone, and its labels."""

    question: str
    unit: str
    features: tuple[float, float, float]
    use: str
    alone: bool

    @property
    def positive(self) -> bool:
        """Whether the text answers and can be understood as it stands."""
        return self.alone and self.use in "DA"


def log_odds(probability: float) -> float:
    """Return the log-odds of a probability, bounded as the product bounds them."""
    bounded = min(max(probability, 1e-4), 1 - 1e-4)
    return float(np.log(bounded / (1 - bounded)))


def examples_of(session: Session, question: str, labels: dict[str, str]) -> Iterator[Example]:
    """Yield the examples of the labelled units among the hits for ``question``."""
    hits, answerability = session.assess(Question(id="labelled", text=question))
    scores = answerability.scores.by_chunk
    texts: list[tuple[LabelledUnit, str, float]] = []
    for hit in hits:
        passage = scores[hit.chunk.id][0] if hit.chunk.id in scores else RatingParameters().unread_passage
        before: list[str] = []
        previous: str | None = None
        for unit in evidence_units(hit.chunk.text, hit.chunk.columns):
            text = evidence_sentence(hit.chunk, unit).text
            key = unit_key(hit.chunk.context, text)
            label = labels.get(key)
            if label is not None:
                place = {"collection": "", "question": question, "context": hit.chunk.context}
                row = {"text": text, "before": before[-MAX_BEFORE:], "use": label[0], "needs": label[1:]}
                extended = with_extensions({**place, **row, "previous_needs": previous})
                texts += [(each, key, passage) for each in extended]
            previous = label[1:] if label else None
            before.append(text)
    if not texts:
        return
    model = load_sentence_model(load_settings({"llm": "extractive"}))
    read = [f"{each.title}\n{each.text}" for each, _, _ in texts]
    answers, alone = model.probabilities([question, STANDALONE_QUESTION], read)
    for (each, key, passage), answer, stands in zip(texts, answers.tolist(), alone.tolist(), strict=True):
        yield Example(
            question=question,
            unit=key,
            features=(log_odds(answer), log_odds(passage), log_odds(stands)),
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
            if examples[at].features[2] >= standalone:
                seen.setdefault(examples[at].unit, examples[at])
        best = list(seen.values())[:BEST]
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
        with Session(load_settings({"store": stores[name], "llm": "extractive"})) as session:
            found[name] = [each for text, labels in questions.items() for each in examples_of(session, text, labels)]
    shipped = RatingParameters()
    own = np.array([shipped.sentence, shipped.passage, shipped.alone])
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
    print(f"of all: sentence {weights[0]:.3f}  passage {weights[1]:.3f}  alone {weights[2]:.3f}  {intercept:.3f}")


if __name__ == "__main__":
    main()
