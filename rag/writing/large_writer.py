"""The writer for a large model: a choice of what to read, the brief, then its corrections. Each is one call.

The brief is one call, and not a call a section: a writer that sees all of it explains a thing once, says how sections
stand to each other, and reads a passage once that serves two of them.

The model sees aliases for passages (``E1`` …), for sentences (``S1`` …), for headings (``H1`` …) and for gaps
(``G1`` …), and the schema lets it name nothing else. Aliases hold for one call: searches add passages between two.
They do not leave the modules of the large writer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from rag.errors import ReplyError
from rag.llm.prompts import Prompt
from rag.types import Chunk
from rag.writing.drafts import CLOSING_PARTS, Draft, DraftBrief, RefusedDraft, WrittenSection
from rag.writing.editing import DraftEdits, Edit, PartToEdit, SentenceToEdit
from rag.writing.headings import clean_heading, heading_fault, heading_of_passages
from rag.writing.large_reply import clean_queries, gap_sentences, read_disagreement, read_drafts, read_edit
from rag.writing.large_schemas import MAX_READ, brief_schema, edit_schema, select_schema
from rag.writing.model_calls import ask_with_retry
from rag.writing.passages import aliased_passages, passages_text
from rag.writing.repetition import is_near_copy
from rag.writing.shortening import LEFT_OUT

if TYPE_CHECKING:
    from rag.llm.chat_model import ChatModel

AliasedT = TypeVar("AliasedT")

MAX_SELECT_TOKENS, MAX_BRIEF_TOKENS, MAX_EDIT_TOKENS = 900, 5500, 3600
"""Length limits of the replies."""

OPENING_WORDS = 60
"""Words of the opening of a document that are read with its passages: its fields."""

UNKNOWN_DATE = "not known"
"""Stands for the date of the latest document of a collection of whose documents less than half have one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeWriter:
    """Writes the parts of a brief with a large model. Every method raises ``ModelError`` if the model fails.

    ``evidence`` are the passages that the model chooses from, best first, and later those that its searches found.
    ``shortened`` are the texts that it sees of some of them, by chunk id; the brief is written from all of a passage.
    ``companions`` are passages beside others, by the id of these; they are read with those that were chosen, since what
    a passage says may be dated, limited or taken back there. ``latest`` is the date of the latest document of the
    collection, so that what was planned for a day before it is told so, and "" if less than half of them have a date.
    """

    model: ChatModel
    question: str
    select_prompt: Prompt
    brief_prompt: Prompt
    edit_prompt: Prompt
    evidence: Sequence[Chunk]
    shortened: Mapping[str, str] = field(default_factory=dict)
    companions: Mapping[str, Sequence[Chunk]] = field(default_factory=dict)
    latest: str = ""
    _passages: dict[str, Chunk] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        beside = (chunk for own in self.companions.values() for chunk in own)
        known = {chunk.id: chunk for chunk in (*self.evidence, *beside)}
        object.__setattr__(self, "_passages", aliased_passages(known.values()))

    def with_found(self, found: Sequence[Chunk], companions: Mapping[str, Sequence[Chunk]]) -> LargeWriter:
        """Return the writer with the passages ``found``, and those beside them, among its evidence."""
        known = {chunk.id for chunk in self.evidence}
        evidence = (*self.evidence, *(chunk for chunk in found if chunk.id not in known))
        return replace(self, evidence=evidence, companions={**companions, **self.companions})

    def select(self, gaps: Sequence[str]) -> tuple[list[Chunk], tuple[str, ...]]:
        """Choose what the brief is written from; ``gaps`` are what the search knows to be missing.

        The openings of documents are seen up to :data:`OPENING_WORDS`: they tell the status of a proposal.

        Returns:
            the passages, the weightiest first, and queries for what is lacking.
        """
        openings = self._openings(self.evidence)
        own = {chunk.id for chunk in self.evidence}
        beginnings = {each.id: _beginning(each.text) for each in openings if each.id not in own}
        passages = self._aliases_of([*self.evidence, *openings])
        reply = ask_with_retry(
            self.model,
            self.select_prompt,
            select_schema(tuple(passages)),
            max_tokens=MAX_SELECT_TOKENS,
            most=str(MAX_READ),
            question=self.question,
            gaps=_listed(gaps),
            latest=self.latest or UNKNOWN_DATE,
            passages=passages_text(passages, {**beginnings, **self.shortened}),
        )
        return [passages[alias] for alias in dict.fromkeys(map(str, reply.read))], clean_queries(reply.searches)

    def passages_to_write(self, chosen: Sequence[Chunk]) -> list[Chunk]:
        """Return the passages that a brief is written from: the ``chosen`` ones and those beside them."""
        beside = (each for chunk in chosen for each in self.companions.get(chunk.id, ()))
        return list({chunk.id: chunk for chunk in (*chosen, *beside)}.values())

    def brief(
        self, chosen: Sequence[Chunk], gaps: Sequence[str], sections: int, searched: Sequence[str] = ()
    ) -> DraftBrief:
        """Write the brief from the ``chosen`` passages and those beside them, with at most so many ``sections``.

        ``gaps`` are what the search knows to be missing, ``searched`` the queries that were made.

        Raises:
            ReplyError: no reply is usable, or no section has a complete sentence.
        """
        passages = self._aliases_of(self.passages_to_write(chosen))
        reply = ask_with_retry(
            self.model,
            self.brief_prompt,
            brief_schema(tuple(passages), sections),
            max_tokens=MAX_BRIEF_TOKENS,
            sections=str(sections),
            question=self.question,
            gaps=_listed(gaps),
            searched=_listed(searched),
            latest=self.latest or UNKNOWN_DATE,
            passages=passages_text(passages),
        )
        written, faults = self._sections(reply.sections, passages)
        if not written and reply.answered != "no":
            raise ReplyError("no section of the brief has a complete sentence")
        disagreements = (read_disagreement(each, passages) for each in reply.disagreements)
        return DraftBrief(
            sections=tuple(written),
            closing={part: _drafts(getattr(reply, part), passages) for part in CLOSING_PARTS},
            disagreements=tuple(each for each in disagreements if each),
            gaps=self._gaps(reply),
            gap_searches=clean_queries([each.search for each in reply.gaps]),
            searches=clean_queries(reply.searches),
            faults=tuple(faults),
        )

    def _sections(self, items: Iterable[Any], passages: Mapping[str, Chunk]) -> tuple[list[WrittenSection], list[str]]:
        """Return the sections of a reply, and what was wrong with them."""
        written: list[WrittenSection] = []
        faults = []
        for each in items:
            drafts = _drafts(each.sentences, passages)
            chunks = [chunk for draft in drafts for chunk in draft.chunks]
            evidence, taken = self._heading_evidence(chunks), [section.heading for section in written]
            heading = clean_heading(each.heading, evidence)
            if not drafts:
                faults.append(f"the section {heading!r} has no complete sentence")
                continue
            if fault := heading_fault(heading, evidence, taken):
                faults.append(f"{heading!r} {fault}")
                heading = heading_of_passages(chunks, taken)
            written.append(WrittenSection(heading=heading, drafts=tuple(drafts)))
        return written, faults

    def _gaps(self, reply: Any) -> tuple[str, ...]:
        """Return the gaps of a reply. A question that is answered is none of its own gaps."""
        gaps = gap_sentences([each.gap for each in reply.gaps])
        return tuple(gap for gap in gaps if reply.answered == "no" or not is_near_copy(gap, self.question))

    def _openings(self, chunks: Iterable[Chunk]) -> list[Chunk]:
        """Return the openings of the documents of ``chunks`` that have fields such as a status or a date."""
        beside = (each for chunk in chunks for each in self.companions.get(chunk.id, ()))
        return list({each.id: each for each in beside if each.start == 0}.values())

    def edit(self, parts: Sequence[PartToEdit], gaps: Sequence[str], found: Sequence[Chunk] = ()) -> DraftEdits:
        """Correct the brief of these ``parts``, printed and refused sentences, and its ``gaps``.

        The request has what the sentences cite and what was ``found`` since, and the openings of their documents.
        """
        passages = self.passages_to_edit([entry for part in parts for entry in part.entries], found)
        places = {alias: at for at, alias in enumerate(_numbered(_entries_of_parts(parts)))}
        headings = _aliased("H", [at for at, part in enumerate(parts) if part.is_section])
        numbered_gaps = _aliased("G", gaps)
        reply = ask_with_retry(
            self.model,
            self.edit_prompt,
            edit_schema(tuple(places), tuple(headings), tuple(numbered_gaps), tuple(passages)),
            max_tokens=MAX_EDIT_TOKENS,
            question=self.question,
            brief=_brief_text(parts, passages),
            gaps="\n".join(f"{alias}: {gap}" for alias, gap in numbered_gaps.items()) or "nothing",
            latest=self.latest or UNKNOWN_DATE,
            found=", ".join(self._aliases_of(found)) or "nothing",
            passages=passages_text(passages),
        )
        edits = tuple(read_edit(item, places[str(item.sentence)], passages) for item in reply.edits)
        wanted = {headings[str(item.section)]: item.heading for item in reply.headings}
        return DraftEdits(
            edits=edits,
            headings=self._new_headings(wanted, parts, _cited_in_parts(parts, edits, passages)),
            closed_gaps={
                gap: (places.get(str(each.sentence)), " ".join(gap_sentences([each.left])) if each.left.strip() else "")
                for each in reply.closed
                if (gap := numbered_gaps[str(each.gap)])
                and (not each.left.strip() or gap_sentences([each.left]))  # a piece of a sentence closes nothing
            },
            open_gaps=gap_sentences(reply.open),
        )

    def passages_to_edit(self, entries: Sequence[SentenceToEdit], found: Sequence[Chunk]) -> dict[str, Chunk]:
        """Return by alias what ``entries`` cite, what was ``found``, and the openings of these documents."""
        wanted = {chunk.id for chunk in found} | {cited for entry in entries for cited in _cited(entry)}
        read = [chunk for chunk in self._passages.values() if chunk.id in wanted]
        return self._aliases_of([*read, *self._openings(read)])

    def _new_headings(
        self, wanted: Mapping[int, str], parts: Sequence[PartToEdit], cited: Sequence[Collection[Chunk]]
    ) -> dict[int, str]:
        """Return the headings ``wanted`` of ``parts``, by position, that have no fault; each part cites ``cited``."""
        found: dict[int, str] = {}
        for at, heading in wanted.items():
            evidence = self._heading_evidence(cited[at])
            clean = clean_heading(heading, evidence)
            others = [found.get(other, part.name or part.kind) for other, part in enumerate(parts) if other != at]
            if heading_fault(clean, evidence, others) is None:
                found[at] = clean
        return found

    def _heading_evidence(self, passages: Iterable[Chunk]) -> list[str]:
        """Return the texts that bear out the names and dates of a heading."""
        return [self.question, *(f"{chunk.place}\n{chunk.text}" for chunk in passages)]

    def _aliases_of(self, chunks: Sequence[Chunk]) -> dict[str, Chunk]:
        """Return ``chunks`` by alias, in the order of the aliases."""
        wanted = {chunk.id for chunk in chunks}
        return {alias: chunk for alias, chunk in self._passages.items() if chunk.id in wanted}


def _beginning(text: str) -> str:
    """Return ``text`` up to the line in which it exceeds :data:`OPENING_WORDS`, with a mark for the rest."""
    kept: list[str] = []
    for line in text.splitlines():
        kept.append(line)
        if sum(len(each.split()) for each in kept) > OPENING_WORDS:
            words = " ".join(kept).split() if len(kept) == 1 else []
            begun = " ".join(words[:OPENING_WORDS]) if words else "\n".join(kept[:-1])
            return begun + LEFT_OUT.rstrip()
    return text


def _listed(texts: Iterable[str]) -> str:
    return "\n".join(f"- {text}" for text in texts) or "nothing"


def _drafts(items: Iterable[Any], passages: Mapping[str, Chunk]) -> list[Draft]:
    """Return the drafts of the sentences of a reply."""
    return [draft for item in items for draft in read_drafts(item.text, item.citations, passages)]


def _aliased(letter: str, values: Sequence[AliasedT]) -> dict[str, AliasedT]:
    return {f"{letter}{number}": value for number, value in enumerate(values, 1)}


def _numbered(sentences: Sequence[AliasedT]) -> dict[str, AliasedT]:
    return _aliased("S", sentences)


def _brief_text(parts: Sequence[PartToEdit], passages: Mapping[str, Chunk]) -> str:
    """Return the numbered sentences of ``parts`` below their headings, with citations and, where refused, the fault."""
    aliases = {chunk.id: alias for alias, chunk in passages.items()}
    numbers = iter(_numbered(_entries_of_parts(parts)))
    headings = iter(_aliased("H", [part for part in parts if part.is_section]))
    lines = []
    for part in parts:
        lines.append(f"# {next(headings)}: {part.name}" if part.is_section else f"# {part.where.capitalize()}")
        for entry in part.entries:
            cited = " ".join(aliases[chunk_id] for chunk_id in _cited(entry) if chunk_id in aliases)
            if isinstance(entry, RefusedDraft):
                lines.append(f"{next(numbers)} ({cited}; refused: {entry.fault}): {entry.draft.text}")
            else:
                lines.append(f"{next(numbers)} ({cited}): {entry.text}")
    return "\n".join(lines)


def _entries_of_parts(parts: Iterable[PartToEdit]) -> list[SentenceToEdit]:
    return [entry for part in parts for entry in part.entries]


def _cited_in_parts(
    parts: Iterable[PartToEdit], edits: Iterable[Edit], passages: Mapping[str, Chunk]
) -> list[list[Chunk]]:
    """Return what each of ``parts`` cites, as it is and as corrected."""
    by_id = {chunk.id: chunk for chunk in passages.values()}
    corrected: defaultdict[int, list[Chunk]] = defaultdict(list)
    for edit in edits:
        corrected[edit.entry] += [chunk for draft in edit.drafts for chunk in draft.chunks]
    numbers = count()
    return [
        [
            chunk
            for entry, number in zip(part.entries, numbers, strict=False)
            for chunk in (*(by_id[each] for each in _cited(entry) if each in by_id), *corrected[number])
        ]
        for part in parts
    ]


def _cited(entry: SentenceToEdit) -> Sequence[str]:
    return entry.draft.citations if isinstance(entry, RefusedDraft) else entry.citations
