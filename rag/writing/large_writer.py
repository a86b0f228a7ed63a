"""The writer for a large model: an outline of all evidence, a section a call, summary and conclusion, and corrections.

The model sees aliases for passages (``E1`` …), for sentences (``S1`` …), for headings (``H1`` …) and for gaps
(``G1`` …), and the schema lets it name nothing else. Aliases hold for one call: searches add passages between two.
They do not leave the modules of the large writer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import Field

from rag.llm.prompts import Prompt
from rag.types import Chunk, Section, Sentence
from rag.writing.drafts import ClosingPart, Draft, DraftClosing, RefusedDraft
from rag.writing.editing import DraftEdits, Edit, PartToEdit, SentenceToEdit
from rag.writing.headings import clean_heading, heading_fault
from rag.writing.model_calls import ask_with_retry, clean_sentences
from rag.writing.passages import aliased_passages, passages_text
from rag.writing.reply_schemas import alias_type, list_of, strict_schema
from rag.writing.thematic_outline import (
    ThematicOutline,
    Theme,
    clean_queries,
    gap_sentences,
    outline_schema,
    read_outline,
)

if TYPE_CHECKING:
    from rag.llm.chat_model import ChatModel

AliasedT = TypeVar("AliasedT")

MAX_OUTLINE_TOKENS, MAX_SECTION_TOKENS, MAX_CLOSING_TOKENS, MAX_EDIT_TOKENS = 3000, 1200, 1200, 3600
"""Length limits of the replies."""

MAX_CITATIONS = 8
"""Largest number of passages that a sentence cites, or of sentences that one of the summary is written from."""

SECTION_SIZE, SUMMARY_SIZE, CONCLUSION_SIZE = 6, 6, 3
"""Largest numbers of sentences."""

PASSAGES_USED = 28
"""Number of passages that the outline is asked to name at the most. Sections and verifier read them again."""

UNKNOWN_DATE = "not known"
"""Stands for the date of the latest document of a collection whose documents have none."""

NOT_KNOWN = "not known yet"
"""Stands for the answer of an outline that has none."""

MAX_EDITS, MAX_OPEN_GAPS, MAX_LAST_SEARCHES = 48, 2, 4
"""Largest numbers of corrections of a brief, of gaps that its editor adds, and of searches before it is edited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeWriter:
    """Writes the parts of a brief with a large model. Every method raises ``ModelError`` if the model fails.

    ``evidence`` are the passages that the outline reads, best first, and later those that its searches found.
    ``shortened`` are the texts that it reads of some of them, by chunk id; the sections read all of a passage.
    ``companions`` are passages beside others, by the id of these; a section reads those of its passages too, since what
    a passage says may be dated, limited or taken back there. ``latest`` is the date of the latest document of the
    collection, so that what was planned for a day before it is told so, and "" if no document has one.
    """

    model: ChatModel
    question: str
    outline_prompt: Prompt
    section_prompt: Prompt
    summary_prompt: Prompt
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

    def outline(self, sections: int) -> ThematicOutline:
        """Return the outline of all passages, with at most so many ``sections``."""
        passages = self._aliases_of(self.evidence)
        reply = ask_with_retry(
            self.model,
            self.outline_prompt,
            outline_schema(tuple(passages), sections),
            max_tokens=MAX_OUTLINE_TOKENS,
            sections=str(sections),
            passages_used=str(PASSAGES_USED),
            question=self.question,
            latest=self.latest or UNKNOWN_DATE,
            passages=passages_text(passages, self.shortened),
        )
        return read_outline(reply, passages, self.question)

    def with_found(self, found: Sequence[Chunk], companions: Mapping[str, Sequence[Chunk]]) -> LargeWriter:
        """Return the writer with the passages ``found``, and those beside them, among its evidence."""
        known = {chunk.id for chunk in self.evidence}
        evidence = (*self.evidence, *(chunk for chunk in found if chunk.id not in known))
        return replace(self, evidence=evidence, companions={**companions, **self.companions})

    def section(self, theme: Theme, outline: ThematicOutline) -> list[Draft]:
        """Write the sentences of the section on ``theme``."""
        passages = self._aliases_of(self.passages_of(theme, outline))
        headings = [other.heading for other in outline.themes]
        at = outline.themes.index(theme)
        reply = ask_with_retry(
            self.model,
            self.section_prompt,
            _section_schema(tuple(passages)),
            max_tokens=MAX_SECTION_TOKENS,
            question=self.question,
            answer=outline.answer or NOT_KNOWN,
            heading=theme.heading,
            points="\n".join(self._points(theme)),
            before="; ".join(headings[:at]) or "none",
            after="; ".join(headings[at + 1 :]) or "none",
            glossary=_glossary_text(outline),
            latest=self.latest or UNKNOWN_DATE,
            passages=passages_text(passages),
        )
        return [draft for item in reply.sentences for draft in _section_drafts(item.text, item.citations, passages)]

    def _points(self, theme: Theme) -> list[str]:
        """Return the lines on what the section on ``theme`` has to say, each with the aliases of its passages."""
        lines = [f"- {point.text} ({', '.join(self._aliases_of(point.passages))})" for point in theme.key_points]
        if theme.found:
            queries = "".join(f" “{query}”" for query in theme.searches)
            what = f"what a search for{queries} found, and what" if queries else "what"
            aliases = ", ".join(self._aliases_of(theme.found))
            lines.append(f"- {what} stands beside these, where it helps ({aliases})")
        return lines

    def passages_of(self, theme: Theme, outline: ThematicOutline) -> list[Chunk]:
        """Return the passages of ``theme``, and those beside them that no theme of ``outline`` names.

        The opening of a document, with its status and date, is read in each section that has a passage of it, and what
        another document has on the same issue. Of the neighbours only those of the passages that the theme names are.
        """
        named = {chunk.id for each in outline.themes for chunk in each.passages}
        own = list({chunk.id: chunk for chunk in (*theme.passages, *theme.found)}.values())
        read = {chunk.id for chunk in own}
        of_theme = {chunk.id for chunk in theme.passages}
        beside = {
            each.id: each
            for chunk in own
            for each in self.companions.get(chunk.id, ())
            if each.start == 0
            or (each.id not in named and (chunk.id in of_theme or each.document_id != chunk.document_id))
        }
        return [*own, *(chunk for chunk in beside.values() if chunk.id not in read)]

    def passages_read(self, outline: ThematicOutline) -> list[Chunk]:
        """Return the passages that the outline or a section of it reads, each once."""
        further = [chunk for theme in outline.themes for chunk in self.passages_of(theme, outline)]
        return list({chunk.id: chunk for chunk in (*self.evidence, *further)}.values())

    def closing(self, sections: Sequence[Section], outline: ThematicOutline) -> DraftClosing:
        """Write summary and conclusion from the verified ``sections``, and name what to search for next."""
        numbered = _numbered([sentence for section in sections for sentence in section.sentences])
        reply = ask_with_retry(
            self.model,
            self.summary_prompt,
            _closing_schema(tuple(numbered)),
            max_tokens=MAX_CLOSING_TOKENS,
            question=self.question,
            answer=outline.answer or NOT_KNOWN,
            glossary=_glossary_text(outline),
            sentences=_sentences_text(sections),
        )
        parts: dict[ClosingPart, list[Draft]] = {
            "summary": self._closing_drafts(reply.summary, numbered),
            "conclusion": self._closing_drafts(reply.conclusion, numbered),
        }
        return DraftClosing(parts=parts, searches=clean_queries(reply.searches))

    def edit(
        self,
        parts: Sequence[PartToEdit],
        gaps: Sequence[str],
        outline: ThematicOutline,
        found: Sequence[Chunk] = (),
    ) -> DraftEdits:
        """Correct the brief of these ``parts``, printed and refused sentences, and its ``gaps``.

        The request has what the sections read, what the sentences cite, and what was ``found`` since. A new heading
        that these do not bear out is left out.
        """
        entries = [entry for part in parts for entry in part.entries]
        places = {alias: at for at, alias in enumerate(_numbered(entries))}
        headings = _aliased("H", [at for at, part in enumerate(parts) if part.is_section])
        numbered_gaps = _aliased("G", gaps)
        passages = self.passages_to_edit(entries, outline, found)
        reply = ask_with_retry(
            self.model,
            self.edit_prompt,
            _edit_schema(tuple(places), tuple(headings), tuple(numbered_gaps), tuple(passages)),
            max_tokens=MAX_EDIT_TOKENS,
            question=self.question,
            brief=_brief_text(parts, passages),
            gaps="\n".join(f"{alias}: {gap}" for alias, gap in numbered_gaps.items()) or "nothing",
            glossary=_glossary_text(outline),
            latest=self.latest or UNKNOWN_DATE,
            passages=passages_text(passages),
        )
        return DraftEdits(
            edits=tuple(_edit(item, places[str(item.sentence)], passages) for item in reply.edits),
            headings=self._new_headings(
                {headings[str(item.section)]: item.heading for item in reply.headings}, parts, passages.values()
            ),
            closed_gaps={
                gap: (places[str(each.sentence)], " ".join(gap_sentences([each.left])) if each.left.strip() else "")
                for each in reply.closed
                if (gap := numbered_gaps[str(each.gap)])
                and (not each.left.strip() or gap_sentences([each.left]))  # a piece of a sentence closes nothing
            },
            open_gaps=gap_sentences(reply.open),
        )

    def passages_to_edit(
        self, entries: Sequence[SentenceToEdit], outline: ThematicOutline, found: Sequence[Chunk]
    ) -> dict[str, Chunk]:
        """Return by alias what the sections read, ``entries`` cite or was ``found``, and the openings of documents."""
        wanted = {chunk.id for theme in outline.themes for chunk in self.passages_of(theme, outline)}
        wanted |= {chunk.id for chunk in found} | {cited for entry in entries for cited in _cited(entry)}
        wanted |= {each.id for id_ in tuple(wanted) for each in self.companions.get(id_, ()) if each.start == 0}
        return {alias: chunk for alias, chunk in self._passages.items() if chunk.id in wanted}

    def _new_headings(
        self, wanted: Mapping[int, str], parts: Sequence[PartToEdit], passages: Collection[Chunk]
    ) -> dict[int, str]:
        """Return the headings ``wanted`` of ``parts``, by position, that have no fault."""
        evidence = [self.question, *(f"{chunk.place}\n{chunk.text}" for chunk in passages)]
        found: dict[int, str] = {}
        for at, heading in wanted.items():
            clean = clean_heading(heading, evidence)
            others = [found.get(other, part.name) for other, part in enumerate(parts) if other != at]
            if heading_fault(clean, evidence, others) is None:
                found[at] = clean
        return found

    def _closing_drafts(self, items: Sequence[Any], numbered: Mapping[str, Sentence]) -> list[Draft]:
        """Return the drafts of items of a reply, with the citations of the sentences that they name."""
        drafts = []
        for item in items:
            own = tuple(numbered[alias] for alias in dict.fromkeys(map(str, item.citations)))
            drafts += [
                Draft(text=text, chunks=self._chunks_of(own), evidence=(), sources=own)
                for text in clean_sentences(item.text)
            ]
        return drafts

    def _chunks_of(self, sources: Sequence[Sentence]) -> tuple[Chunk, ...]:
        by_id = {chunk.id: chunk for chunk in self._passages.values()}
        return tuple(by_id[cited] for cited in dict.fromkeys(c for source in sources for c in source.citations))

    def _aliases_of(self, chunks: Sequence[Chunk]) -> dict[str, Chunk]:
        """Return ``chunks`` by alias, in the order of the aliases."""
        wanted = {chunk.id for chunk in chunks}
        return {alias: chunk for alias, chunk in self._passages.items() if chunk.id in wanted}


def _glossary_text(outline: ThematicOutline) -> str:
    return "; ".join(f"{short} = {full}" for short, full in outline.glossary) or "none"


def _aliased(letter: str, values: Sequence[AliasedT]) -> dict[str, AliasedT]:
    return {f"{letter}{number}": value for number, value in enumerate(values, 1)}


def _numbered(sentences: Sequence[AliasedT]) -> dict[str, AliasedT]:
    return _aliased("S", sentences)


def _sentences_text(sections: Sequence[Section]) -> str:
    """Return the numbered sentences below their headings."""
    aliases = iter(_numbered([sentence for section in sections for sentence in section.sentences]))
    lines = []
    for section in sections:
        lines.append(f"# {section.heading}")
        lines += [f"{next(aliases)}: {sentence.text}" for sentence in section.sentences]
    return "\n".join(lines)


def _brief_text(parts: Sequence[PartToEdit], passages: Mapping[str, Chunk]) -> str:
    """Return the numbered sentences of ``parts`` below their headings, with citations and, where refused, the fault."""
    aliases = {chunk.id: alias for alias, chunk in passages.items()}
    numbers = iter(_numbered([entry for part in parts for entry in part.entries]))
    headings = iter(_aliased("H", [part for part in parts if part.is_section]))
    lines = []
    for part in parts:
        lines.append(f"# {next(headings)}: {part.name}" if part.is_section else f"# {part.name.capitalize()}")
        for entry in part.entries:
            cited = " ".join(aliases[chunk_id] for chunk_id in _cited(entry) if chunk_id in aliases)
            if isinstance(entry, RefusedDraft):
                lines.append(f"{next(numbers)} ({cited}; refused: {entry.fault}): {entry.draft.text}")
            else:
                lines.append(f"{next(numbers)} ({cited}): {entry.text}")
    return "\n".join(lines)


def _cited(entry: SentenceToEdit) -> Sequence[str]:
    return entry.draft.citations if isinstance(entry, RefusedDraft) else entry.citations


def _edit(item: Any, entry: int, passages: Mapping[str, Chunk]) -> Edit:
    """Return the correction in an item of a reply; what has no text or no citation replaces nothing."""
    written = _section_drafts(item.text, item.citations, passages) if item.citations else []
    drafts = () if item.action == "drop" else tuple(written)
    return Edit(entry=entry, action=item.action, drafts=drafts, why=" ".join(item.why.split()))


def _section_drafts(text: str, cited: Sequence[str], passages: Mapping[str, Chunk]) -> list[Draft]:
    """Return the drafts of one item of a reply, with the passages that it cites."""
    own = tuple(passages[alias] for alias in dict.fromkeys(map(str, cited)))
    return [Draft(text=each, chunks=own, evidence=()) for each in clean_sentences(text)]


def _section_schema(aliases: tuple[str, ...]) -> Any:
    """Return the schema of a section, whose sentences cite the passages with these ``aliases``."""
    kind = alias_type("Alias", aliases)
    sentence = _sentence_schema(kind, "citations", MAX_CITATIONS)
    return strict_schema("WrittenSection", sentences=(list_of(sentence, 1, SECTION_SIZE), ...))


def _closing_schema(sentences: tuple[str, ...]) -> Any:
    """Return the schema of summary and conclusion, which rest on the sentences with these aliases."""
    sentence = _sentence_schema(alias_type("Source", sentences), "from", MAX_CITATIONS)
    return strict_schema(
        "WrittenPassage",
        summary=(list_of(sentence, 1, SUMMARY_SIZE), ...),
        conclusion=(list_of(sentence, 0, CONCLUSION_SIZE), ...),
        searches=(list_of(str, 0, MAX_LAST_SEARCHES), ...),
    )


def _edit_schema(
    sentences: tuple[str, ...], headings: tuple[str, ...], gaps: tuple[str, ...], passages: tuple[str, ...]
) -> Any:
    """Return the schema of the corrections of a brief, whose parts have these aliases."""
    source = alias_type("Sentence", sentences)
    edit = strict_schema(
        "Edit",
        sentence=(source, ...),
        action=(Literal["replace", "fallback", "drop", "add"], ...),
        text=(str, ...),
        citations=(list_of(alias_type("Passage", passages), 0, MAX_CITATIONS), ...),
        why=(str, ...),
    )
    heading = strict_schema(
        "NewHeading", section=(alias_type("Heading", headings) if headings else str, ...), heading=(str, ...)
    )
    gap = strict_schema(
        "ClosedGap", gap=(alias_type("Gap", gaps) if gaps else str, ...), sentence=(source, ...), left=(str, ...)
    )
    return strict_schema(
        "Corrections",
        edits=(list_of(edit, 0, MAX_EDITS), ...),
        headings=(list_of(heading, 0, len(headings)), ...),
        closed=(list_of(gap, 0, len(gaps)), ...),
        open=(list_of(str, 0, MAX_OPEN_GAPS), ...),
    )


def _sentence_schema(kind: Any, cites: str, most: int) -> Any:
    """Return the schema of a sentence that cites 1 to ``most`` aliases of ``kind`` in the field ``cites``."""
    own = Annotated[list[kind], Field(min_length=1, max_length=most, alias=cites)]
    return strict_schema("Item", text=(str, ...), citations=(own, ...))
