"""The plan of a brief: the best notes, shared out into balanced sections, each note in one.

No model is asked. Notes are chosen by maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998) and
shared out by k-means in which every cluster has the same capacity (the assignment step is an optimal
transport problem, solved exactly), because plain clustering gives one section eleven notes and the next one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rag.notes import Note, notes_of
from rag.types import Hit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

Embed = Callable[[Sequence[str]], "Vectors"]
"""Texts → unit vectors, one a row."""

NOTES_A_SECTION = 3
CANDIDATES = 120
"""So many candidate sentences are embedded at the most: the draft has to stand within seconds."""

_ENUMERATOR = re.compile(r"^(?:(?:[ivxlc]+|[a-z]|\d+(?:\.\d+)*)[.)]\s+)+", re.IGNORECASE)
"""The number or letter before a heading in its own document, which means nothing in a brief."""

_TWICE = 0.86
"""Two notes with a cosine above this say the same thing."""

_WITHIN = 0.22
"""Notes that are this much less relevant than the best five are about something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSection:
    """Notes that belong together, in the order in which they are told, and what their documents call them."""

    heading: str
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``sections`` in the order of the brief; ``leads`` are notes that sum it up, each from another section."""

    sections: tuple[PlannedSection, ...]
    leads: tuple[Note, ...]


def plan(question: str, hits: Sequence[Hit], embed: Embed, *, sections: int = 6) -> Plan:
    """Notes from ``hits`` in at most ``sections`` sections; fewer where the question is narrow. Empty without notes."""
    candidates = list(notes_of(hits))[:CANDIDATES]
    if not candidates:
        return Plan(sections=(), leads=())
    vectors = embed([question, *(note.text for note in candidates)])
    asked, vectors = vectors[0], vectors[1:]
    ranks = {hit.chunk.id: hit.rank for hit in hits}
    relevance = vectors @ asked + np.array([_worth(n, ranks[n.chunk.id]) for n in candidates], dtype=np.float32)
    chosen = _choose(relevance, vectors, candidates, limit=sections * NOTES_A_SECTION)
    groups = _share_out(vectors[chosen], max(1, min(sections, round(len(chosen) / NOTES_A_SECTION))))
    grouped = sorted(
        ([chosen[i] for i in group] for group in groups), key=lambda group: -max(float(relevance[i]) for i in group)
    )
    headings = _headings([[candidates[i] for i in group] for group in grouped])
    planned = [
        PlannedSection(heading=heading, notes=tuple(_told_in_order([candidates[i] for i in group])))
        for heading, group in zip(headings, grouped, strict=True)
    ]
    leads = [candidates[max(group, key=lambda i: float(relevance[i]) - _length(candidates[i]))] for group in grouped]
    return Plan(sections=tuple(planned), leads=tuple(leads))


def _worth(note: Note, rank: int) -> float:
    """What a note has beside its likeness to the question: a well ranked passage, and something to say."""
    return 0.15 / (1 + rank / 10) + 0.1 * min(1.0, len(note.text.split()) / 22)


def _length(note: Note) -> float:
    """What length costs a note that is to sum up its section."""
    return 0.01 * max(0, len(note.text.split()) - 22)


def _choose(relevance: Vectors, vectors: Vectors, notes: Sequence[Note], limit: int) -> list[int]:
    """Indices of the notes to use, by marginal relevance; no document fills more than half of a brief of many."""
    documents = {note.chunk.document_id for note in notes}
    cap = limit if len(documents) < 4 else max(4, limit // 3)
    floor = float(np.sort(relevance)[-5:].mean()) - _WITHIN
    chosen: list[int] = []
    used: Counter[str] = Counter()
    nearest = np.zeros(len(notes), dtype=np.float32)
    while len(chosen) < limit:
        gain = 0.75 * relevance - 0.25 * nearest
        gain[chosen] = -np.inf
        gain[(nearest > _TWICE) | (relevance < floor)] = -np.inf
        gain[[used[note.chunk.document_id] >= cap for note in notes]] = -np.inf
        best = int(np.argmax(gain))
        if not np.isfinite(gain[best]):
            break
        chosen.append(best)
        used[notes[best].chunk.document_id] += 1
        nearest = np.maximum(nearest, vectors @ vectors[best])
    return chosen


def _share_out(vectors: Vectors, groups: int) -> list[list[int]]:
    """Row indices in ``groups`` clusters whose sizes differ by one at the most. Deterministic."""
    from scipy.optimize import linear_sum_assignment

    seeds = [0]
    while len(seeds) < groups:  # farthest first: the sections should be about different things
        seeds.append(int(np.argmin((vectors @ vectors[seeds].T).max(axis=1))))
    centres = vectors[seeds]
    slots = np.arange(len(vectors)) % groups
    labels = slots
    for _ in range(20):
        rows, columns = linear_sum_assignment(-(vectors @ centres.T)[:, slots])
        assigned = slots[columns[np.argsort(rows)]]
        if (assigned == labels).all():
            break
        labels = assigned
        centres = np.stack([vectors[labels == g].mean(axis=0) for g in range(groups)])
    return [[int(i) for i in np.flatnonzero(labels == g)] for g in range(groups)]


def _told_in_order(notes: Sequence[Note]) -> list[Note]:
    """Notes of one document follow its order; documents follow each other by their best note's place."""
    first = {note.chunk.document_id: place for place, note in reversed(list(enumerate(notes)))}
    return sorted(notes, key=lambda note: (first[note.chunk.document_id], note.chunk.start + note.start))


def _headings(groups: Sequence[Sequence[Note]]) -> list[str]:
    """What the documents call each group's subject: the heading, or title, of most of its notes; no two alike."""
    taken: set[str] = set()
    headings = []
    for group in groups:
        names = Counter(_ENUMERATOR.sub("", note.chunk.heading_path[-1]) for note in group if note.chunk.heading_path)
        titles = Counter(note.chunk.title for note in group if note.chunk.title)
        ranked = [name for name, _ in (*names.most_common(), *titles.most_common())] or ["What the documents say"]
        fresh = [name for name in ranked if name.casefold() not in taken]
        heading = fresh[0] if fresh else f"{ranked[0]} ({len(taken) + 1})"
        taken.add(heading.casefold())
        headings.append(heading)
    return headings
