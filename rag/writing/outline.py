"""The plan of a brief: the best notes, shared out into balanced sections, each note in one.

No model is asked. Notes are chosen by maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998) and shared out
by correlation clustering (Bansal, Blum & Chawla, 2004) with bounds on the sizes, because plain clustering gives one
section eleven notes and the next one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rag.embedding.encoder import EmbedWords
from rag.retrieval import term_coverage
from rag.text import CALENDAR
from rag.types import Hit
from rag.writing.disagreements import Conflict, conflicts
from rag.writing.evidence import EvidenceSentence, evidence_sentences, with_limits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

Embed = Callable[[Sequence[str]], "Vectors"]
"""Texts → unit vectors, one a row."""

SENTENCES_A_SECTION = 3
CANDIDATES = 120
"""So many candidate sentences are embedded at the most: the draft has to stand within seconds."""

_ENUMERATOR = re.compile(r"^(?:(?:[ivxlc]+|[a-z]|\d+(?:\.\d+)*)[.)]\s+)+", re.IGNORECASE)
"""The number or letter before a heading in its own document, which means nothing in a brief."""

_GENERIC = frozenset(
    (
        "analysis|overview|background|introduction|summary|conclusion|conclusions|factual background|executive summary"
        "|executive summary to volume i|executive summary to volume ii|application|public records"
        "|appendix|notes|discussion|results|general|legal framework|preface|foreword|contents|abstract|other"
    ).split("|")
)
"""Headings that any document has: they do not say what a section is about."""

_NAMED = re.compile(r"(?<=[a-z,;] )[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)*")
"""A name, not at the start of its sentence."""

_TITLES = frozenset(
    "President Senator Representative Judge Director Secretary Congress Campaign Office Committee".split()
)
"""What stands for somebody without saying for whom."""

_INTRODUCED = re.compile(r"\b[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)+")
"""A name of two words or more, such as opens a sentence on somebody."""

_TWICE = 0.86
"""Two notes with a cosine above this say the same thing."""

SPREAD = 0.05
"""What each note already taken from a document costs the next one: a broad question should hear many of them."""

SUBJECT = 0.4
"""What likeness of title and headings to the question is worth beside that of the sentence itself."""

TERM_COVERAGE = 0.6
"""What it is worth that a sentence itself meets the words that the question turns on."""

PASSAGE = 0.75
"""What the score of a note's passage is worth beside that of the sentence itself."""

NEAR = 0.25
"""Hits whose score is this much below the best are left out: they lack a word that the question turns on."""

SUBJECT_NEAR = 0.22
"""The same of a document, by its best hit: a treaty on a canal is near a question on arms control, but not enough."""

NEAREST_PASSAGES = 0.15
"""What a passage this near to the best one says belongs to the answer, whether or not a sentence names its subject."""

SAME_DOCUMENT = 0.1
"""What coming from one document adds to the likeness of two notes that are shared out."""

_WITHIN = 0.3
"""Notes that are this much less relevant than the best five are about something else."""

_SUBJECT_WITHIN = 0.25
"""The same of a document, by its best note: where none of it is nearer than this, it is about something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineSection:
    """Notes that belong together, in the order in which they are told, and what their documents call them."""

    heading: str
    notes: tuple[EvidenceSentence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """``sections`` in the order of the brief; ``leads`` are notes that sum it up, each from another section;
    ``conflicts`` are notes on the question that contradict each other. ``broad``: no word of the question tells one
    passage from another ("the links between …")."""

    sections: tuple[OutlineSection, ...]
    key_points: tuple[EvidenceSentence, ...]
    conflicts: tuple[Conflict, ...] = ()
    broad: bool = False


def make_outline(
    question: str, hits: Sequence[Hit], embed: Embed, embed_words: EmbedWords, *, sections: int = 6
) -> Outline:
    """Notes from ``hits``, which :func:`rag.retrieval.rerank.best` found, in at most ``sections`` sections.

    Fewer where the question is narrow. Empty without notes.
    """
    near = _near(hits)
    candidates = list(evidence_sentences(near))[:CANDIDATES]
    if not candidates:
        return Outline(sections=(), key_points=())
    contexts = list(dict.fromkeys(note.chunk.context for note in candidates))
    vectors = embed([question, *contexts, *(note.text for note in candidates)])
    asked, around, vectors = vectors[0], vectors[1 : 1 + len(contexts)] @ vectors[0], vectors[1 + len(contexts) :]
    subject = dict(zip(contexts, SUBJECT * (around - around.mean()), strict=True))
    score = {hit.chunk.id: hit.score for hit in near}
    worth = [_worth(note) + subject[note.chunk.context] + PASSAGE * score[note.chunk.id] for note in candidates]
    broad = not any(hit.term_coverage for hit in hits)
    met = 0.0 if broad else term_coverage(question, [note.text for note in candidates], embed_words)
    relevance = vectors @ asked + TERM_COVERAGE * met + np.array(worth, dtype=np.float32)
    candidates = [replace(note, relevance=float(r)) for note, r in zip(candidates, relevance, strict=True)]
    nearest = np.array([score[note.chunk.id] >= score[near[0].chunk.id] - NEAREST_PASSAGES for note in candidates])
    astray = _astray(relevance, candidates, nearest)
    chosen = _choose(relevance, vectors, candidates, astray, limit=sections * SENTENCES_A_SECTION)
    # What belongs together is a matter of what the passages are about, so titles and headings count here.
    subjects = embed([f"{candidates[i].chunk.context}\n{candidates[i].text}" for i in chosen])
    likeness = _likeness(subjects, [candidates[i] for i in chosen])
    groups = _share_out(likeness, max(1, min(sections, round(len(chosen) / SENTENCES_A_SECTION))))
    grouped = sorted(
        _completed([[candidates[chosen[i]] for i in group] for group in groups], candidates),
        key=lambda notes: -max(note.relevance for note in notes),
    )
    planned = [
        OutlineSection(heading=heading, notes=tuple(_told_in_order(notes)))
        for heading, notes in zip(_headings(grouped), grouped, strict=True)
    ]
    key_points = [max(notes, key=lambda note: note.relevance - _length(note)) for notes in grouped]
    close = np.flatnonzero(~astray)
    found = conflicts([candidates[i] for i in close], vectors[close])
    return Outline(sections=tuple(planned), key_points=tuple(key_points), conflicts=tuple(found), broad=broad)


def _near(hits: Sequence[Hit]) -> list[Hit]:
    best: dict[str, float] = {}
    for hit in hits:
        best.setdefault(hit.chunk.document_id, hit.score)  # the best comes first
    return [
        hit
        for hit in hits
        if hit.score >= hits[0].score - NEAR and best[hit.chunk.document_id] >= hits[0].score - SUBJECT_NEAR
    ]


def _worth(note: EvidenceSentence) -> float:
    """What likeness to the question leaves out: content."""
    return 0.1 * min(1.0, len(note.text.split()) / 22)


def _length(note: EvidenceSentence) -> float:
    """What length costs a note that is to sum up its section."""
    return 0.01 * max(0, len(note.text.split()) - 22)


def _choose(
    relevance: Vectors, vectors: Vectors, notes: Sequence[EvidenceSentence], astray: NDArray[np.bool_], limit: int
) -> list[int]:
    """Indices of the notes to use, by marginal relevance; a document that was used before has to offer more."""
    chosen: list[int] = []
    used: Counter[str] = Counter()
    nearest = np.zeros(len(notes), dtype=np.float32)
    while len(chosen) < limit:
        told = np.array([used[note.chunk.document_id] for note in notes], dtype=np.float32)
        gain = 0.75 * relevance - 0.25 * nearest - SPREAD * told
        gain[chosen] = -np.inf
        gain[(nearest > _TWICE) | astray] = -np.inf
        best = int(np.argmax(gain))
        if not np.isfinite(gain[best]):
            break
        chosen.append(best)
        used[notes[best].chunk.document_id] += 1
        nearest = np.maximum(nearest, vectors @ vectors[best])
    return chosen


def _astray(relevance: Vectors, notes: Sequence[EvidenceSentence], nearest: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which notes are about something else, or stand in a document that is; no note of a ``nearest`` passage is."""
    top = float(np.sort(relevance)[-5:].mean())
    best: dict[str, float] = {}
    for note, own in zip(notes, relevance, strict=True):
        best[note.chunk.document_id] = max(best.get(note.chunk.document_id, -np.inf), float(own))
    strange = np.array([best[note.chunk.document_id] < top - _SUBJECT_WITHIN for note in notes])
    return strange | ((relevance < top - _WITHIN) & ~nearest)


def _likeness(vectors: Vectors, notes: Sequence[EvidenceSentence]) -> Vectors:
    """How well each two of ``notes`` go together; two of one document go better."""
    places = np.array([note.chunk.document_id for note in notes])
    pairs: Vectors = vectors @ vectors.T + SAME_DOCUMENT * (places[:, None] == places[None, :])
    return pairs


def _share_out(likeness: Vectors, groups: int) -> list[list[int]]:
    """Row indices in ``groups`` groups whose sizes differ by two at the most. Deterministic.

    Maximises the likeness within groups, over that of any two rows, by moving and swapping rows until nothing helps.
    """
    count = len(likeness)
    others = ~np.eye(count, dtype=bool)
    likeness = np.where(others, likeness - likeness[others].mean() if count > 1 else 0.0, 0.0)
    fewest, most = max(1, count // groups - 1), -(-count // groups) + 1
    labels = np.arange(count) % groups
    for _ in range(4 * count):
        ties = np.stack([likeness[:, labels == g].sum(axis=1) for g in range(groups)], axis=1)
        own = ties[np.arange(count), labels]
        sizes = np.bincount(labels, minlength=groups)
        best, change = 1e-6, None
        for i in range(count):
            for g in range(groups):
                if g != labels[i] and sizes[labels[i]] > fewest and sizes[g] < most and ties[i, g] - own[i] > best:
                    best, change = ties[i, g] - own[i], [(i, g)]
            for j in range(i):
                if labels[i] != labels[j]:
                    gain = ties[i, labels[j]] + ties[j, labels[i]] - own[i] - own[j] - 2 * likeness[i, j]
                    if gain > best:
                        best, change = gain, [(i, labels[j]), (j, labels[i])]
        if change is None:
            break
        for i, g in change:
            labels[i] = g
    return [[int(i) for i in np.flatnonzero(labels == g)] for g in range(groups)]


def _completed(
    groups: Sequence[Sequence[EvidenceSentence]], candidates: Sequence[EvidenceSentence]
) -> list[list[EvidenceSentence]]:
    """``groups`` with what takes one of their notes back in part beside that note, wherever it was."""
    whole = {note: with_limits(note, candidates) for group in groups for note in group}
    moved = {later for told in whole.values() for later in told[1:]}
    kept = [[told for note in group if note not in moved for told in whole[note]] for group in groups]
    return [group for group in kept if group]


def _told_in_order(notes: Sequence[EvidenceSentence]) -> list[EvidenceSentence]:
    """Notes of one document follow its order; documents follow each other by their best note's place."""
    first = {note.chunk.document_id: place for place, note in reversed(list(enumerate(notes)))}
    return sorted(notes, key=lambda note: (first[note.chunk.document_id], note.chunk.start + note.start))


def _headings(groups: Sequence[Sequence[EvidenceSentence]]) -> list[str]:
    """What the documents call each group's subject, or the names that its notes share; no two alike.

    The heading nearest to most notes comes first, then those above it; one that any document has ("Analysis",
    "Overview") says nothing, and a document's title says too little.
    """
    taken: set[str] = set()
    headings = []
    for group in groups:
        paths = [[_ENUMERATOR.sub("", part) for part in note.chunk.heading_path] for note in group]
        depth = max(map(len, paths))
        own = [
            name
            for up in range(1, depth + 1)
            for name, _ in Counter(p[-up] for p in paths if len(p) >= up).most_common()
        ]
        titles = [note.chunk.title for note in group if note.chunk.title]
        telling = [name for name in own if name.casefold() not in _GENERIC and name not in titles]
        lowest = Counter(path[-1] for path in paths if path and path[-1] in telling).most_common(2)
        if len(lowest) > 1 and 2 * lowest[0][1] <= len(group):  # the heading of one note would not be true of the rest
            telling.insert(0, "; ".join(name for name, _ in lowest))
        names = [name for name in [" and ".join(_subjects(group)), *_introduced(group)] if name]
        ranked = [
            *telling,
            # The heading is another section's: what this one adds to it.
            *(f"{heading}: {name}" for heading in telling[:1] for name in names if name not in heading),
            *(name for name in names if " " in name),
            *titles,
            *own,
            "What the documents say",
        ]
        heading = next(
            (name for name in ranked if name and name.casefold() not in taken), f"{ranked[0]} ({len(taken) + 1})"
        )
        taken.add(heading.casefold())
        headings.append(heading)
    return headings


def _subjects(group: Sequence[EvidenceSentence]) -> list[str]:
    """The one or two names that stand in most notes of ``group``, each in two of them at least."""
    found = [{match.group() for match in _NAMED.finditer(note.text)} - _TITLES - CALENDAR for note in group]
    counts = Counter(name for names in found for name in names)
    return sorted((name for name, count in counts.items() if count > 1), key=lambda name: (-counts[name], name))[:2]


def _introduced(group: Sequence[EvidenceSentence]) -> list[str]:
    """The first full name in each note of ``group``."""
    return [match.group() for note in group if (match := _INTRODUCED.search(note.text))]
