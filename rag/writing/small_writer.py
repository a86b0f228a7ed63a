"""The writer for a small model: one small step a call.

The model merges two evidence sentences. A merged sentence cites the chunks of the sentences that it was made from, so
its citations are known and not chosen by the model. Sections keep the headings of the documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rag.errors import ReplyError
from rag.llm.prompts import Prompt
from rag.types import Sentence
from rag.writing.drafts import ClosingPart, Draft, DraftSection, RefusedDraft, quote_draft
from rag.writing.evidence import EvidenceSentence
from rag.writing.merge import departure_from_sources, restore_source_form
from rag.writing.model_calls import (
    MAX_SENTENCE_TOKENS,
    SentenceReply,
    ask_for_rewrite,
    ask_with_retry,
    clean_sentences,
)
from rag.writing.outline import OutlineSection

if TYPE_CHECKING:
    from rag.llm.chat_model import ChatModel

MAX_REWRITES = 4
"""Largest number of calls for rewriting in a brief."""

MAX_GAP = 40
"""Characters between two sentences that may be merged: room for "However, ", but not for another sentence."""

MAX_MERGED_WORDS = 64
"""Two sentences with more words than this stay apart: the merged one would be too long to read or verify."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallWriter:
    """A :class:`rag.writing.drafts.Writer` that merges evidence sentences in pairs."""

    model: ChatModel
    merge_prompt: Prompt
    rewrite_prompt: Prompt
    _merged: dict[tuple[EvidenceSentence, ...], tuple[Draft, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """The drafts of the pairs merged so far: the summary often has a pair of a section, and the reply is the same."""

    def section(self, section: OutlineSection, other_headings: Sequence[str]) -> DraftSection:
        """See :class:`rag.writing.drafts.Writer`."""
        drafts = [draft for pair in adjacent_pairs(section.evidence) for draft in self._merge(pair)]
        return DraftSection(heading=None, drafts=tuple(drafts))

    def closing(self, part: ClosingPart, evidence: Sequence[EvidenceSentence], body: Sequence[Sentence]) -> list[Draft]:
        """See :class:`rag.writing.drafts.Writer`. Merges the evidence chosen for the part."""
        return [draft for pair in adjacent_pairs(evidence) for draft in self._merge(pair)]

    @property
    def max_rewrites(self) -> int:
        """See :class:`rag.writing.drafts.Writer`. A call takes this model seconds and seldom helps."""
        return MAX_REWRITES

    def revise_section(self, refused: Sequence[RefusedDraft], section: OutlineSection) -> list[tuple[Draft, ...]]:
        """See :class:`rag.writing.drafts.Writer`. Revises one draft a call, from its own evidence sentences."""
        return [self._revise(each) for each in refused]

    def revise_closing(self, refused: Sequence[RefusedDraft], body: Sequence[Sentence]) -> list[tuple[Draft, ...]]:
        """See :meth:`revise_section`."""
        return [self._revise(each) for each in refused]

    def _revise(self, refused: RefusedDraft) -> tuple[Draft, ...]:
        """Return the new wording of a draft, which has to keep to its evidence like a merged one."""
        texts = [sentence.text for sentence in refused.draft.evidence]
        try:
            revised = ask_for_rewrite(self.model, self.rewrite_prompt, refused.draft, refused.fault, "\n".join(texts))
        except ReplyError:
            return ()
        return (replace(revised, fault=departure_from_sources(texts, revised.text)),) if revised else ()

    def _merge(self, sentences: tuple[EvidenceSentence, ...]) -> tuple[Draft, ...]:
        if len(sentences) == 1:
            return (quote_draft(sentences[0]),)
        if sentences not in self._merged:
            self._merged[sentences] = self._merge_pair(sentences)
        return self._merged[sentences]

    def _merge_pair(self, sentences: tuple[EvidenceSentence, ...]) -> tuple[Draft, ...]:
        texts = [sentence.text for sentence in sentences]
        chunks = tuple({sentence.chunk.id: sentence.chunk for sentence in sentences}.values())
        numbered = "\n".join(f"Note {n}: {text}" for n, text in enumerate(texts, 1))
        reply = ask_with_retry(
            self.model, self.merge_prompt, SentenceReply, max_tokens=MAX_SENTENCE_TOKENS, sentences=numbered
        )
        merged = clean_sentences(restore_source_form(reply.sentence, texts, [chunk.text for chunk in chunks]))
        if len(merged) != 1:  # the model kept the sentences apart
            return tuple(quote_draft(sentence) for sentence in sentences)
        fault = departure_from_sources(texts, merged[0])
        return (Draft(text=merged[0], chunks=chunks, evidence=sentences, fault=fault, merged=True),)


def adjacent_pairs(
    sentences: Sequence[EvidenceSentence], max_words: int = MAX_MERGED_WORDS
) -> list[tuple[EvidenceSentence, ...]]:
    """Group ``sentences``, in order, into pairs that may be merged and single sentences.

    A pair follows directly on each other in one document and has at most ``max_words`` words. Merging sentences from
    different places would suggest that they belong to one story. A sentence in quotation marks as a whole stays alone.
    """
    groups: list[tuple[EvidenceSentence, ...]] = []
    for sentence in sentences:
        last = groups[-1] if groups else ()
        if (
            len(last) == 1
            and last[0].chunk.document_id == sentence.chunk.document_id
            and 0 <= sentence.chunk.start + sentence.start - last[0].chunk.start - last[0].end <= MAX_GAP
            and len(last[0].text.split()) + len(sentence.text.split()) <= max_words
            and not any(text.startswith("“") and text.endswith("”") for text in (last[0].text, sentence.text))
        ):
            groups[-1] = (*last, sentence)
        else:
            groups.append((sentence,))
    return groups
