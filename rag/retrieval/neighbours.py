"""The passages beside those that answer: what was decided often stands below the question that was discussed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.retrieval.answerability import AnswerScores
from rag.types import Hit

if TYPE_CHECKING:
    from rag.store import Index


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourParameters:
    """The constants of :func:`neighbours_of_answers`."""

    answers: float = 0.5
    """Probability that a passage answers from which its neighbours are read."""

    passages: int = 8
    """Passages whose neighbours are read, those that answer best."""


_PARAMETERS = NeighbourParameters()


def neighbours_of_answers(index: Index, hits: Sequence[Hit], scores: AnswerScores) -> list[Hit]:
    """Return the passages before and after those of ``hits`` that answer, without those that are hits themselves.

    Args:
        index: where the hits are from.
        hits: those of one question.
        scores: of the hits that were read.

    Returns:
        Hits ranked after all ``hits``, found by "neighbour", in the order of what they stand beside.
    """
    answering = sorted(
        (hit for hit in hits if (scores.best(hit.chunk.id) or 0.0) >= _PARAMETERS.answers),
        key=lambda hit: -(scores.best(hit.chunk.id) or 0.0),
    )
    known = {hit.chunk.id for hit in hits}
    found: list[Hit] = []
    for hit in answering[: _PARAMETERS.passages]:
        for chunk in index.catalogue.neighbours(hit.chunk):
            if chunk.id not in known:
                known.add(chunk.id)
                rank = len(hits) + len(found) + 1
                found.append(Hit(chunk=chunk, rank=rank, score=0.0, cosine=0.0, found_by=("neighbour",)))
    return found
