"""Find sentences of two documents that contradict each other: one disputes a finding that the other states.

Only disputes that a document states in words are found ("Barr disagreed with Horowitz …" and "Horowitz concluded …"),
since a false alarm is worse than a missed contradiction. The verifier's P(refuted) on similar sentences of different
documents was tried first: of its twenty most certain pairs one was a contradiction.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.text import FUNCTION_WORDS, stem
from rag.writing.evidence import EvidenceSentence

MAX_CONFLICTS = 3
"""Largest number of disagreements in a brief."""

MIN_SIMILARITY = 0.38
"""Lowest cosine of two sentences on one subject. It is low because the names that they share are the better sign."""

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
    """Two sentences of different documents: ``disputing`` disputes the finding that ``stating`` states."""

    disputing: EvidenceSentence
    stating: EvidenceSentence

    @property
    def about(self) -> str:
        """The subject, as the nearest heading above ``disputing`` or its document's title names it."""
        chunk = self.disputing.chunk
        return chunk.heading_path[-1] if chunk.heading_path else chunk.title


def find_conflicts(sentences: Sequence[EvidenceSentence], vectors: NDArray[np.float32]) -> list[Conflict]:
    """Return the conflicts among ``sentences``, the most similar pair first; a sentence takes part in one at most.

    Args:
        sentences: the candidates.
        vectors: their unit vectors, one per row.
    """
    disputing = [sentence for sentence in sentences if _DISPUTES.search(sentence.text)]
    if not disputing:
        return []
    vector_of = {id(sentence): row for sentence, row in zip(sentences, vectors, strict=True)}
    found = []
    for a in disputing:
        for b in sentences:
            similarity = float(np.dot(vector_of[id(a)], vector_of[id(b)]))
            if (
                a.chunk.document_id != b.chunk.document_id
                and similarity >= MIN_SIMILARITY
                and contradicts(a.text, b.text)
            ):
                found.append((similarity, Conflict(disputing=a, stating=b)))
    found.sort(key=lambda pair: (-pair[0], pair[1].disputing.text, pair[1].stating.text))
    kept: list[Conflict] = []
    used: set[int] = set()
    for _, conflict in found:
        pair = {id(conflict.disputing), id(conflict.stating)}
        if not used & pair and len(kept) < MAX_CONFLICTS:
            used |= pair
            kept.append(conflict)
    return kept


def contradicts(disputing: str, stating: str) -> bool:
    """Whether ``disputing`` disputes a finding of a person or body, and ``stating`` states a finding of the same."""
    dispute, finding = _DISPUTES.search(disputing), _FINDS.search(stating)
    if not dispute or not finding or _DISPUTES.search(stating):
        return False
    party = _words(dispute["one"] or dispute["other"])
    return bool(party) and party <= _words(stating[: finding.start()])


def _words(text: str) -> set[str]:
    """Return the stems of the content words of ``text``, in lower case."""
    return {stem(re.sub(r"['’]s?$", "", word)) for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS}
