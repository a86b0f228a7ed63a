"""Where two documents contradict each other: one disputes, in so many words, what the other states.

The verifier's P(refuted) was tried first, on close sentences from different documents, and of its twenty surest
pairs one was a contradiction. What documents say themselves is surer: "Barr disagreed with Horowitz …" beside
"Horowitz concluded …". Rather silence than a false alarm: a contradiction that nobody points out is not told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.text import FUNCTION_WORDS, stem
from rag.writing.evidence import EvidenceSentence

MOST = 3
"""Disagreements that a brief tells."""

CLOSE = 0.38
"""Cosine from which two sentences may be about one thing. Low: that they name each other says more."""

_PARTY = (
    r"(?P<{}>(?:the |some of |most of |all of )*(?:[A-Z][\w’'-]+|(?:majority|minority|committee)(?:['’]s)?)"
    r"(?: (?:of |the )*[A-Z][\w’'-]+)*)"
)
_DISPUTES = re.compile(
    r"\b(?:disagree[ds]?|(?:did|do|does) not agree) with " + _PARTY.format("one") + r"|"
    r"\b(?:disputed?|disputes|reject(?:ed|s)?|contradict(?:ed|s)?|challenged)\b(?: in [\w ]{3,20})? "
    + _PARTY.format("other")
    + r" (?:finding|conclusion|judgment|criticism|claim|account|accusation|assessment|view|version|statement)"
)
_FINDS = re.compile(
    r"\b(?:found|finds|conclude[ds]?|reported|reports|judge[ds]|assesse[ds]|determine[ds]|testified|accused|claimed)\b"
)
_WORD = re.compile(r"[^\W\d_][\w’'-]{2,}")
_STOP_WORDS = FUNCTION_WORDS | frozenset(
    "would could may might any all some said then after before against not".split()
)
"""Words that do not identify a party to a disagreement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """``disputing`` says that what ``stating`` says is not so; they stand in different documents."""

    disputing: EvidenceSentence
    stating: EvidenceSentence

    @property
    def about(self) -> str:
        """What the disputing document calls the matter."""
        chunk = self.disputing.chunk
        return chunk.heading_path[-1] if chunk.heading_path else chunk.title


def conflicts(notes: Sequence[EvidenceSentence], vectors: NDArray[np.float32]) -> list[Conflict]:
    """The disagreements among ``notes``, whose unit ``vectors`` are rows: the closest first, each note in one."""
    disputing = [note for note in notes if _DISPUTES.search(note.text)]
    if not disputing:
        return []
    of = {id(note): row for note, row in zip(notes, vectors, strict=True)}
    found = []
    for a in disputing:
        for b in notes:
            close = float(np.dot(of[id(a)], of[id(b)]))
            if a.chunk.document_id != b.chunk.document_id and close >= CLOSE and contradicts(a.text, b.text):
                found.append((close, Conflict(disputing=a, stating=b)))
    found.sort(key=lambda pair: (-pair[0], pair[1].disputing.text, pair[1].stating.text))
    told: list[Conflict] = []
    used: set[int] = set()
    for _, conflict in found:
        if not used & {id(conflict.disputing), id(conflict.stating)} and len(told) < MOST:
            used |= {id(conflict.disputing), id(conflict.stating)}
            told.append(conflict)
    return told


def contradicts(disputing: str, stating: str) -> bool:
    """Whether ``disputing`` says that its subject disputes somebody's finding, and ``stating`` tells that finding."""
    dispute, finding = _DISPUTES.search(disputing), _FINDS.search(stating)
    if not dispute or not finding or _DISPUTES.search(stating):
        return False
    party = _words(dispute["one"] or dispute["other"])
    return bool(party) and party <= _words(stating[: finding.start()])


def _words(text: str) -> set[str]:
    """Content words, stemmed, lower case."""
    return {stem(re.sub(r"['’]s?$", "", word)) for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS}
