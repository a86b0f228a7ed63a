"""Choose what replaces a sentence that failed: the nearest sentence that does not stand in the brief yet."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from rag.text import content_stems, split_statements
from rag.types import Chunk, Hit, Quote, Sentence
from rag.writing.drafts import Draft
from rag.writing.evidence import EvidenceSentence, evidence_sentences, with_qualifications
from rag.writing.sentence_blocks import with_antecedents

MIN_SHARED_WORDS = 2
"""Content words that an evidence sentence shares with the draft that it replaces: with fewer it says something else."""


def comparison_key(text: str) -> str:
    """Return ``text`` without case, spacing and punctuation: sentences with the same key count as the same."""
    return re.sub(r"\W+", " ", text.casefold()).strip()


@dataclass(slots=True, kw_only=True)
class StandingSentences:
    """The sentences that stand in a brief, and the spans of chunks that they quote."""

    keys: set[str] = field(default_factory=set)
    quotes: list[Quote] = field(default_factory=list)

    @classmethod
    def of(cls, sentences: Iterable[Sentence]) -> StandingSentences:
        """Return those of ``sentences``."""
        standing = cls()
        for sentence in sentences:
            standing.add(sentence)
        return standing

    def add(self, sentence: Sentence) -> bool:
        """Add ``sentence``; return False if one with the same words stands already."""
        if sentence in self:
            return False
        self.keys.add(comparison_key(sentence.text))
        self.quotes += sentence.quotes
        return True

    def __contains__(self, sentence: Sentence) -> bool:
        return comparison_key(sentence.text) in self.keys

    def quotes_part_of(self, sentence: Sentence) -> bool:
        """Whether a sentence that stands rests on words that ``sentence`` rests on."""
        return any(_share_characters(quote, other) for quote in self.quotes for other in sentence.quotes)

    def states(self, evidence: EvidenceSentence) -> bool:
        """Whether ``evidence`` stands in the brief: as it is, or because a sentence that stands quotes it."""
        return comparison_key(evidence.text) in self.keys or any(
            _share_characters(quote, evidence.quote) for quote in self.quotes
        )


def nearest_evidence(draft: Draft, standing: StandingSentences) -> list[EvidenceSentence]:
    """Return the evidence sentence nearest to ``draft`` that does not stand yet, its antecedents and what qualifies it.

    Candidates are the draft's evidence sentences and all others of its chunks; none is returned if none shares
    :data:`MIN_SHARED_WORDS` with it.
    """
    hits = [Hit(chunk=chunk, rank=rank, score=0.0) for rank, chunk in enumerate(draft.chunks, 1)]
    candidates = [*draft.evidence]
    candidates += [each for each in evidence_sentences(hits) if not _meets_any(each, candidates)]
    best = max(
        (each for each in candidates if not any(map(standing.states, with_antecedents(each)))),
        key=lambda each: _shared_words(draft.text, each.text),
        default=None,
    )
    if best is None or _shared_words(draft.text, best.text) < MIN_SHARED_WORDS:
        return []
    # A sentence that cannot stand alone, such as "However, it failed.", can follow the one that it qualifies.
    following = [each for each in _all_sentences(best.chunk) if not _meets_any(each, candidates)]
    block = [*with_antecedents(best)[:-1], *with_qualifications(best, [*candidates, *following])]
    return [each for each in block if each is best or not standing.states(each)]


def _all_sentences(chunk: Chunk) -> list[EvidenceSentence]:
    return [
        EvidenceSentence(text=" ".join(chunk.text[start:end].split()), chunk=chunk, start=start, end=end)
        for start, end in split_statements(chunk.text)
    ]


def _meets_any(sentence: EvidenceSentence, others: Iterable[EvidenceSentence]) -> bool:
    return any(_share_characters(sentence.quote, other.quote) for other in others)


def _share_characters(a: Quote, b: Quote) -> bool:
    return a.chunk_id == b.chunk_id and a.start < b.end and b.start < a.end


def _shared_words(a: str, b: str) -> int:
    return len(content_stems(a) & content_stems(b))
