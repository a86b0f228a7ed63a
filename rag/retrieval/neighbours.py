"""Find the passages that stand beside others: a decision often stands below its discussion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.retrieval.answerability import AnswerScores
from rag.types import Chunk, Hit

if TYPE_CHECKING:
    from rag.store import Index


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourParameters:
    """The constants of :func:`neighbours_of_answers`."""

    answers: float = 0.5
    """Neighbours are read of passages that answer with at least this probability."""

    passages: int = 8
    """Neighbours are read of at most so many passages, those that answer best."""

    kept: float = 0.5
    """A neighbour is evidence if it answers with at least this probability itself."""


_PARAMETERS = NeighbourParameters()

FOUND_BY = ("neighbour",)
"""The ``found_by`` of a hit that no search returned."""


def neighbours_of_answers(index: Index, hits: Sequence[Hit], scores: AnswerScores) -> list[Hit]:
    """Return the passages before and after those of ``hits`` that answer, without those that are hits themselves.

    Args:
        index: where the hits are from.
        hits: those of one question.
        scores: of the hits that were read.

    Returns:
        Hits ranked after all ``hits``, found by "neighbour", with the cosine of what they stand beside, in its order.
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
                found.append(Hit(chunk=chunk, rank=rank, score=0.0, cosine=hit.cosine, found_by=FOUND_BY))
    return found


def without_neighbours(hits: Sequence[Hit]) -> list[Hit]:
    """Return those of ``hits`` that a search found."""
    return [hit for hit in hits if hit.found_by != FOUND_BY]


def kept_neighbours(neighbours: Sequence[Hit], scores: AnswerScores) -> list[Hit]:
    """Return those of ``neighbours`` that answer themselves, by the ``scores`` of these."""
    return [hit for hit in neighbours if (scores.best(hit.chunk.id) or 0.0) >= _PARAMETERS.kept]


def as_neighbours(chunks: Sequence[Chunk], hits: Sequence[Hit]) -> list[Hit]:
    """Return ``chunks`` as hits found by "neighbour", ranked after all ``hits``, without those that are hits."""
    known = {hit.chunk.id for hit in hits}
    new = list({chunk.id: chunk for chunk in chunks if chunk.id not in known}.values())
    return [Hit(chunk=each, rank=rank, score=0.0, found_by=FOUND_BY) for rank, each in enumerate(new, len(hits) + 1)]
