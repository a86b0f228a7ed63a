"""The writer for a large model: an outline, a choice of what was searched for, the brief, corrections, and a review.

Each is one call.

The brief is one call, and not a call a section: a writer that sees all of it explains a thing once, says how sections
stand to each other, and reads a passage once that serves two of them.

The model sees aliases for passages (``E1`` …), for sentences (``S1`` …), for headings (``H1`` …) and for gaps
(``G1`` …), and the schema lets it name nothing else. Aliases hold for one call: searches add passages between two.
They do not leave the modules of the large writer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from rag.errors import ReplyError
from rag.llm.prompts import Prompt
from rag.text import words_of
from rag.types import Chunk
from rag.writing.drafts import CLOSING_PARTS, Draft, DraftBrief, RefusedDraft, WrittenSection
from rag.writing.editing import DraftEdits, Edit, PartToEdit, SentenceToEdit
from rag.writing.headings import clean_heading, heading_fault, heading_of_passages
from rag.writing.large_schemas import MAX_SELECTED, brief_schema, edit_schema, select_schema
from rag.writing.model_calls import ask_with_retry, clean_sentences
from rag.writing.passages import aliased_passages, passages_text
from rag.writing.shortening import LEFT_OUT
from rag.writing.thematic_outline import (
    DraftDisagreement,
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

MAX_OUTLINE_TOKENS, MAX_SELECT_TOKENS, MAX_BRIEF_TOKENS, MAX_EDIT_TOKENS = 3000, 600, 5000, 3600
"""Length limits of the replies."""

PASSAGES_USED = 20
"""Number of passages that the outline is asked to name at the most. Writer and verifier read them again."""

OPENING_WORDS = 60
"""Words of the opening of a document that the outline reads: its fields."""

UNKNOWN_DATE = "not known"
"""Stands for the date of the latest document of a collection whose documents have none."""

NOT_KNOWN = "not known yet"
"""Stands for the answer of an outline that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeWriter:
    """Writes the parts of a brief with a large model. Every method raises ``ModelError`` if the model fails.

    ``evidence`` are the passages that the outline reads, best first, and later those that its searches found.
    ``shortened`` are the texts that it reads of some of them, by chunk id; the brief is written from all of a passage.
    ``companions`` are passages beside others, by the id of these; they are read with those that a theme names, since
    what a passage says may be dated, limited or taken back there. ``latest`` is the date of the latest document of the
    collection, so that what was planned for a day before it is told so, and "" if no document has one.
    """

    model: ChatModel
    question: str
    outline_prompt: Prompt
    select_prompt: Prompt
    brief_prompt: Prompt
    edit_prompt: Prompt
    review_prompt: Prompt
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
        """Return the outline of all passages, with at most so many ``sections``.

        The openings of their documents are read, too, up to :data:`OPENING_WORDS`: a proposal is told with its status.
        """
        openings = {each.id: each for own in self.companions.values() for each in own if each.start == 0}
        passages = self._aliases_of([*self.evidence, *openings.values()])
        shortened = {id_: text for id_, each in openings.items() if (text := _beginning(each.text)) != each.text}
        reply = ask_with_retry(
            self.model,
            self.outline_prompt,
            outline_schema(tuple(passages), sections),
            max_tokens=MAX_OUTLINE_TOKENS,
            sections=str(sections),
            passages_used=str(PASSAGES_USED),
            question=self.question,
            latest=self.latest or UNKNOWN_DATE,
            passages=passages_text(passages, {**shortened, **self.shortened}),
        )
        return read_outline(reply, passages, self.question)

    def select(
        self, outline: ThematicOutline, found: Sequence[Chunk], shortened: Mapping[str, str]
    ) -> tuple[list[Chunk], tuple[str, ...]]:
        """Choose what is to be read of the passages ``found``, of which ``shortened`` has the texts to choose by.

        Returns:
            the passages, the weightiest first, and queries for what else is lacking.
        """
        passages = aliased_passages(found)
        reply = ask_with_retry(
            self.model,
            self.select_prompt,
            select_schema(tuple(passages)),
            max_tokens=MAX_SELECT_TOKENS,
            most=str(MAX_SELECTED),
            question=self.question,
            latest=self.latest or UNKNOWN_DATE,
            plan="\n\n".join(_theme_text(theme) for theme in outline.themes),
            gaps=_gaps_text(outline.gaps),
            found=passages_text(passages, shortened),
        )
        return [passages[alias] for alias in dict.fromkeys(map(str, reply.read))], clean_queries(reply.searches)

    def with_found(self, found: Sequence[Chunk], companions: Mapping[str, Sequence[Chunk]]) -> LargeWriter:
        """Return the writer with the passages ``found``, and those beside them, among its evidence."""
        known = {chunk.id for chunk in self.evidence}
        evidence = (*self.evidence, *(chunk for chunk in found if chunk.id not in known))
        return replace(self, evidence=evidence, companions={**companions, **self.companions})

    def brief(self, outline: ThematicOutline, sections: int) -> DraftBrief:
        """Write the brief that ``outline`` is the plan of, with at most so many ``sections``.

        Raises:
            ReplyError: no reply is usable, or no section has a complete sentence.
        """
        passages = self._aliases_of(self.passages_of(outline))
        reply = ask_with_retry(
            self.model,
            self.brief_prompt,
            brief_schema(tuple(passages), sections),
            max_tokens=MAX_BRIEF_TOKENS,
            sections=str(sections),
            question=self.question,
            answer=outline.answer or NOT_KNOWN,
            plan="\n\n".join(self._theme_with_aliases(theme) for theme in outline.themes),
            gaps=_gaps_text(outline.gaps),
            searched="\n".join(f"- {query}" for query in outline.searches) or "nothing",
            disagreements="\n".join(map(_disagreement_text, outline.disagreements)) or "none",
            found=", ".join(self._aliases_of(outline.found)) or "none",
            glossary=_glossary_text(outline.glossary),
            latest=self.latest or UNKNOWN_DATE,
            passages=passages_text(passages),
        )
        evidence = self._heading_evidence(passages.values())
        written: list[WrittenSection] = []
        faults = []
        for each in reply.sections:
            drafts = [draft for item in each.sentences for draft in _drafts(item.text, item.citations, passages)]
            heading, taken = clean_heading(each.heading, evidence), [section.heading for section in written]
            if not drafts:
                faults.append(f"the section {heading!r} has no complete sentence")
                continue
            if fault := heading_fault(heading, evidence, taken):
                faults.append(f"{heading!r} {fault}")
                heading = heading_of_passages([chunk for draft in drafts for chunk in draft.chunks], taken)
            written.append(WrittenSection(heading=heading, drafts=tuple(drafts)))
        if not written:
            raise ReplyError("no section of the brief has a complete sentence")
        return DraftBrief(
            sections=tuple(written),
            closing={
                part: [draft for item in getattr(reply, part) for draft in _drafts(item.text, item.citations, passages)]
                for part in CLOSING_PARTS
            },
            gaps=gap_sentences([each.gap for each in reply.gaps]),
            gap_searches=clean_queries([each.search for each in reply.gaps]),
            searches=clean_queries(reply.searches),
            faults=tuple(faults),
        )

    def _theme_with_aliases(self, theme: Theme) -> str:
        """Return the heading of ``theme`` and its key points, each with the aliases of its passages."""
        points = [f"- {point.text} ({', '.join(self._aliases_of(point.passages))})" for point in theme.key_points]
        return "\n".join([theme.heading, *points])

    def passages_of(self, outline: ThematicOutline) -> list[Chunk]:
        """Return the passages that the themes of ``outline`` name or that were found since, and those beside them."""
        named = [chunk for theme in outline.themes for chunk in theme.passages]
        own = {chunk.id: chunk for chunk in (*named, *outline.found)}
        beside = {each.id: each for id_ in own for each in self.companions.get(id_, ())}
        return list((own | beside).values())

    def passages_read(self, outline: ThematicOutline) -> list[Chunk]:
        """Return the passages that ``outline``, its disagreements or the brief are made of, each once."""
        sides = (chunk for each in outline.disagreements for side in each.sides for chunk in side.chunks)
        return list({chunk.id: chunk for chunk in (*self.evidence, *self.passages_of(outline), *sides)}.values())

    def edit(
        self,
        parts: Sequence[PartToEdit],
        gaps: Sequence[str],
        outline: ThematicOutline,
        found: Sequence[Chunk] = (),
    ) -> DraftEdits:
        """Correct the brief of these ``parts``, printed and refused sentences, and its ``gaps``.

        The request has what the sentences cite, what the plan of the brief named, and what was ``found`` since.
        """
        passages = self.passages_to_edit(_entries(parts), outline, found)
        return self._corrections(self.edit_prompt, parts, gaps, outline.glossary, passages)

    def review(
        self, parts: Sequence[PartToEdit], gaps: Sequence[str], glossary: Sequence[tuple[str, str]]
    ) -> DraftEdits:
        """Correct the brief of these ``parts`` as it would be printed, and its ``gaps``.

        The request has what the sentences cite, and the openings of these documents.
        """
        passages = self._aliases_of(self.passages_to_review(parts))
        return self._corrections(self.review_prompt, parts, gaps, glossary, passages)

    def passages_to_review(self, parts: Sequence[PartToEdit]) -> list[Chunk]:
        """Return what the sentences of ``parts`` cite, and the openings of these documents."""
        return list(self.passages_to_edit(_entries(parts), ThematicOutline(themes=()), ()).values())

    def _corrections(
        self,
        prompt: Prompt,
        parts: Sequence[PartToEdit],
        gaps: Sequence[str],
        glossary: Sequence[tuple[str, str]],
        passages: Mapping[str, Chunk],
    ) -> DraftEdits:
        """Ask for corrections. A new heading that ``passages`` do not bear out is left out."""
        places = {alias: at for at, alias in enumerate(_numbered(_entries(parts)))}
        headings = _aliased("H", [at for at, part in enumerate(parts) if part.is_section])
        numbered_gaps = _aliased("G", gaps)
        reply = ask_with_retry(
            self.model,
            prompt,
            edit_schema(tuple(places), tuple(headings), tuple(numbered_gaps), tuple(passages)),
            max_tokens=MAX_EDIT_TOKENS,
            question=self.question,
            brief=_brief_text(parts, passages),
            gaps="\n".join(f"{alias}: {gap}" for alias, gap in numbered_gaps.items()) or "nothing",
            glossary=_glossary_text(glossary),
            latest=self.latest or UNKNOWN_DATE,
            passages=passages_text(passages),
        )
        return DraftEdits(
            edits=tuple(_edit(item, places[str(item.sentence)], passages) for item in reply.edits),
            headings=self._new_headings(
                {headings[str(item.section)]: item.heading for item in reply.headings}, parts, passages.values()
            ),
            closed_gaps={
                gap: (places.get(str(each.sentence)), " ".join(gap_sentences([each.left])) if each.left.strip() else "")
                for each in reply.closed
                if (gap := numbered_gaps[str(each.gap)])
                and (not each.left.strip() or gap_sentences([each.left]))  # a piece of a sentence closes nothing
            },
            open_gaps=gap_sentences(reply.open),
        )

    def passages_to_edit(
        self, entries: Sequence[SentenceToEdit], outline: ThematicOutline, found: Sequence[Chunk]
    ) -> dict[str, Chunk]:
        """Return by alias what ``entries`` cite, ``outline`` named or was ``found``, and the openings of documents."""
        named = [*outline.found, *(chunk for theme in outline.themes for chunk in theme.passages)]
        wanted = {chunk.id for chunk in (*named, *found)} | {cited for entry in entries for cited in _cited(entry)}
        wanted |= {each.id for id_ in tuple(wanted) for each in self.companions.get(id_, ()) if each.start == 0}
        return {alias: chunk for alias, chunk in self._passages.items() if chunk.id in wanted}

    def _new_headings(
        self, wanted: Mapping[int, str], parts: Sequence[PartToEdit], passages: Collection[Chunk]
    ) -> dict[int, str]:
        """Return the headings ``wanted`` of ``parts``, by position, that have no fault."""
        evidence = self._heading_evidence(passages)
        found: dict[int, str] = {}
        for at, heading in wanted.items():
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


def _glossary_text(glossary: Sequence[tuple[str, str]]) -> str:
    return "; ".join(f"{short} = {full}" for short, full in glossary) or "none"


def _aliased(letter: str, values: Sequence[AliasedT]) -> dict[str, AliasedT]:
    return {f"{letter}{number}": value for number, value in enumerate(values, 1)}


def _gaps_text(gaps: Sequence[str]) -> str:
    return "\n".join(f"- {gap}" for gap in gaps) or "nothing"


def _disagreement_text(disagreement: DraftDisagreement) -> str:
    return f"- {disagreement.about}: {' / '.join(side.text for side in disagreement.sides)}"


def _theme_text(theme: Theme) -> str:
    """Return the heading of ``theme``, its key points and its searches."""
    points = [f"- {point.text}" for point in theme.key_points]
    return "\n".join([theme.heading, *points, *(f"- searched: “{query}”" for query in theme.searches)])


def _numbered(sentences: Sequence[AliasedT]) -> dict[str, AliasedT]:
    return _aliased("S", sentences)


def _brief_text(parts: Sequence[PartToEdit], passages: Mapping[str, Chunk]) -> str:
    """Return the numbered sentences of ``parts`` below their headings, with citations and, where refused, the fault."""
    aliases = {chunk.id: alias for alias, chunk in passages.items()}
    numbers = iter(_numbered(_entries(parts)))
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


def _entries(parts: Iterable[PartToEdit]) -> list[SentenceToEdit]:
    return [entry for part in parts for entry in part.entries]


def _cited(entry: SentenceToEdit) -> Sequence[str]:
    return entry.draft.citations if isinstance(entry, RefusedDraft) else entry.citations


def _edit(item: Any, entry: int, passages: Mapping[str, Chunk]) -> Edit:
    """Return the correction in an item of a reply; what has no text or no citation replaces nothing."""
    written = _drafts(item.text, item.citations, passages) if item.citations else []
    drafts = () if item.action == "drop" else tuple(written)
    return Edit(entry=entry, action=item.action, drafts=drafts, why=" ".join(item.why.split()))


def _drafts(text: str, cited: Sequence[str], passages: Mapping[str, Chunk]) -> list[Draft]:
    """Return the drafts of one item of a reply, with the passages that it cites.

    Some models write no full stop. An item that has none at all is one sentence: a reply that was cut off has no end of
    its JSON, and is unusable.
    """
    own = tuple(passages[alias] for alias in dict.fromkeys(map(str, cited)))
    sentences = clean_sentences(text) or (clean_sentences(f"{text.strip()}.") if words_of(text) else [])
    return [Draft(text=each, chunks=own, evidence=()) for each in sentences]
