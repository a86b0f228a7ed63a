"""The writer for a small model: one call for each section, from its evidence sentences as numbered notes.

The call gives a heading, and sentences where notes of one passage can be joined. A sentence that keeps to its notes is
a draft that cites their chunks; in place of another one its notes are quoted. Notes of different passages are quoted in
any case, so that the model is not asked for sentences on them. The summary is a call of its own
(``rag/writing/small_summary.py``), the conclusion is quoted.

A LoRA adapter that was trained on 1,196 sections written by hand made the packaged model join notes, and was given up:
of 60 sections of two collections held out every sentence was true in 17 with it and in 41 without it, and a reader who
did not know which is which preferred 25 of them, and 35 of those without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rag.embedding import count_tokens
from rag.errors import ReplyError
from rag.llm import PROSE_RATIO
from rag.llm.prompts import Prompt, load_prompt
from rag.text import content_stems
from rag.types import Hit
from rag.verify import Verifier
from rag.writing.attribution import attributed_sources, departure_from_sources
from rag.writing.drafts import Draft, DraftSection, RefusedDraft, quote_draft
from rag.writing.evidence import EvidenceSentence
from rag.writing.evidence_budget import fit_evidence
from rag.writing.headings import clean_heading, heading_fault
from rag.writing.model_calls import clean_sentences
from rag.writing.outline import OutlineSection
from rag.writing.reply_schemas import list_of, strict_schema
from rag.writing.sentence_blocks import blocks_of
from rag.writing.small_prompts import SECTION_PROMPT, SUMMARY_PROMPT, numbered_sources
from rag.writing.small_summary import PASSAGE_TOKENS, SummaryWriter
from rag.writing.standalone import opens_with_reference

if TYPE_CHECKING:
    from rag.llm.chat_model import ChatModel

MAX_SECTION_TOKENS = 400
"""Length limit of a reply: twice what the longest of the sections that were written by hand take."""

MAX_HEADING_TOKENS = 60
"""Length limit of a reply that is a heading alone."""

MAX_SOURCES = 8
"""Most notes of a section: as many as the sections that were written by hand have."""

MAX_SHARED_HEADING = 0.75
"""Share of the content words of the shorter of two headings from which they name one theme."""

MAX_REWRITES = 2
"""Largest number of drafts of a brief that are written again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallWriter:
    """A :class:`rag.writing.drafts.Writer` that gives the model little to read and a narrow schema."""

    model: ChatModel
    question: str
    section_prompt: Prompt
    summary_writer: SummaryWriter

    def summary(self) -> tuple[Draft, ...]:
        """See :class:`rag.writing.drafts.Writer`. From whole passages, see ``rag/writing/small_summary.py``."""
        return self.summary_writer.drafts()

    def section(self, section: OutlineSection, other_headings: Sequence[str]) -> DraftSection:
        """See :class:`rag.writing.drafts.Writer`."""
        sources = _strongest(section.evidence)
        if len(sources) == 1:  # nothing to join, and no theme beyond the heading of the document
            return DraftSection(heading=None, drafts=(quote_draft(sources[0]),))
        if len({source.chunk.id for source in sources}) < len(sources):
            reply = self._ask_section(sources)
            written = [draft for item in reply.sentences for draft in _section_drafts(item, sources)]
            drafts = _ordered_by_block(_each_source_once(written), sources)
        else:
            reply = self._ask(sources, heading_schema(), MAX_HEADING_TOKENS)
            drafts = tuple(map(quote_draft, sources))
        passages = [f"{source.chunk.context}\n{source.chunk.text}" for source in sources]
        heading = clean_heading(reply.heading, passages)
        fault = heading_fault(heading, [self.question, *passages], other_headings)
        if fault := fault or heading_repeats(heading, self.question, other_headings):
            return DraftSection(heading=None, drafts=drafts, fault=f"{heading!r} {fault}")
        return DraftSection(heading=heading, drafts=drafts)

    @property
    def max_rewrites(self) -> int:
        """See :class:`rag.writing.drafts.Writer`. A call takes this model seconds."""
        return MAX_REWRITES

    def revise_section(self, refused: Sequence[RefusedDraft], section: OutlineSection) -> list[tuple[Draft, ...]]:
        """See :class:`rag.writing.drafts.Writer`. Writes each draft again from its own notes alone, a call each."""
        return [self._rewritten(each.draft, section) for each in refused]

    def _rewritten(self, draft: Draft, section: OutlineSection) -> tuple[Draft, ...]:
        if draft.evidence == _strongest(section.evidence):
            return ()  # the reply would be the same
        if len(draft.chunks) > 1:
            return ()  # it would join the same passages
        try:
            reply = self._ask_section(draft.evidence)
        except ReplyError:
            return ()
        return tuple(new for item in reply.sentences[:1] for new in _section_drafts(item, draft.evidence))

    def _ask_section(self, sources: Sequence[EvidenceSentence]) -> Any:
        return self._ask(sources, section_schema(len(sources)), MAX_SECTION_TOKENS)

    def _ask(self, sources: Sequence[EvidenceSentence], schema: Any, max_tokens: int) -> Any:
        system, user = self.section_prompt.render(question=self.question, notes=numbered_sources(map(_source, sources)))
        return self.model.ask(system, user, schema, max_tokens=max_tokens, name=self.section_prompt.name)


def small_writer(model: ChatModel, question: str, hits: Sequence[Hit], verifier: Verifier) -> SmallWriter:
    """Return the writer for a small ``model``, with its prompts and the first of ``hits`` for the summary."""
    passages = fit_evidence(hits, PASSAGE_TOKENS, lambda chunk: PROSE_RATIO * count_tokens(chunk.text))
    summary_writer = SummaryWriter(
        model=model,
        question=question,
        prompt=load_prompt(SUMMARY_PROMPT),
        passages=tuple(hit.chunk for hit in passages),
        verifier=verifier,
    )
    return SmallWriter(
        model=model, question=question, section_prompt=load_prompt(SECTION_PROMPT), summary_writer=summary_writer
    )


def section_schema(sources: int) -> Any:
    """Return the schema of a section's reply, whose sentences rest on notes with the numbers 1 to ``sources``."""
    item = strict_schema("Item", notes=(_numbers(sources), ...), text=(str, ...))
    return strict_schema("WrittenSection", heading=(str, ...), sentences=(list_of(item, 1, 4), ...))


def heading_schema() -> Any:
    """Return the schema of a reply that is the heading of a section."""
    return strict_schema("SectionHeading", heading=(str, ...))


def heading_repeats(heading: str, question: str, others: Sequence[str]) -> str | None:
    """Return what ``heading`` repeats, the question or most words of another heading, or None."""
    stems = content_stems(heading)
    if stems <= content_stems(question):
        return "only repeats the question"
    for other in others:
        words = content_stems(other)
        if len(stems & words) >= MAX_SHARED_HEADING * min(len(stems), len(words)):
            return f"says the same as the heading of another section: {other!r}"
    return None


def _strongest(evidence: tuple[EvidenceSentence, ...]) -> tuple[EvidenceSentence, ...]:
    """Return the most relevant blocks of ``evidence``, at most :data:`MAX_SOURCES` sentences, in their order."""
    kept: set[EvidenceSentence] = set()
    for block in sorted(blocks_of(evidence), key=lambda block: -max(each.relevance for each in block)):
        if not kept or len(kept) + len(block) <= MAX_SOURCES:
            kept.update(block)
    return tuple(each for each in evidence if each in kept)


def _source(sentence: EvidenceSentence) -> tuple[str, str, str]:
    """Return the title, the innermost heading and the words of ``sentence``.

    Quotation marks around the whole of it, which tell a reader that "we" are its authors, are left out: the title tells
    the model.
    """
    chunk, text = sentence.chunk, sentence.text
    if text.startswith("“") and text.endswith("”"):
        text = text[1:-1]
    return chunk.title, chunk.heading_path[-1] if chunk.heading_path else "", text


def _each_source_once(drafts: Sequence[Draft]) -> list[Draft]:
    """Return ``drafts``; one that uses a note of an earlier one gives way to quotes of its other notes."""
    kept: list[Draft] = []
    used: set[EvidenceSentence] = set()
    for draft in drafts:
        again = not used.isdisjoint(draft.evidence)
        kept += [quote_draft(source) for source in draft.evidence if source not in used] if again else [draft]
        used.update(draft.evidence)
    return kept


def _ordered_by_block(drafts: Sequence[Draft], sources: Sequence[EvidenceSentence]) -> tuple[Draft, ...]:
    """Return ``drafts`` so that those on the sentences of one block follow each other.

    A sentence that no draft uses is quoted where another one of its block is used: it qualifies this one or refers to
    it. A draft that joins a sentence of a block of several with one outside of it gives way to quotes.
    """
    block_of = {source: block for block in blocks_of(sources) for source in block}

    def keeps_blocks(draft: Draft) -> bool:
        blocks = [block_of[source] for source in draft.evidence]
        return all(len(block) == 1 for block in blocks) or all(block == blocks[0] for block in blocks)

    draft_of = {source: draft for draft in filter(keeps_blocks, drafts) for source in draft.evidence}
    in_order = (source for draft in drafts for used in draft.evidence for source in block_of[used])
    return tuple(dict.fromkeys(draft_of.get(source) or quote_draft(source) for source in in_order))


def _section_drafts(item: Any, sources: Sequence[EvidenceSentence]) -> list[Draft]:
    """Return the drafts of one item of a reply, on the notes whose words they have or, without any, that it names."""
    return [_section_draft(text, [number - 1 for number in item.notes], sources) for text in clean_sentences(item.text)]


def _section_draft(text: str, named: Sequence[int], sources: Sequence[EvidenceSentence]) -> Draft:
    read = [_source(source) for source in sources]
    places = attributed_sources(text, [words for *_, words in read]) or sorted(set(named))
    evidence = tuple(sources[place] for place in places)
    used = {each.place for each in evidence}
    rests_on = [(f"{title} {heading}", words) for title, heading, words in map(_source, evidence)]
    fault = departure_from_sources(text, rests_on)
    if len({source.chunk.id for source in evidence}) > 1:  # of two such sentences on `corpus/`, one was false
        fault = fault or "joins passages that stand apart"
    if opens_with_reference(text):
        fault = fault or "opens with a reference"
    if any(each.after and each.after.place not in used for each in evidence):
        fault = fault or "leaves out what it refers to"
    chunks = tuple({source.chunk.id: source.chunk for source in evidence}.values())
    return Draft(text=text, chunks=chunks, evidence=evidence, fault=fault, merged=True)


def _numbers(most: int) -> Any:
    """Return the type of a list of numbers from 1 to ``most``."""
    return list_of(Literal[tuple(range(1, most + 1))], 1, most)
