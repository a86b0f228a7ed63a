"""The writer for a large model: an outline of all evidence, a section a call, then summary and conclusion in one call.

The model sees aliases for passages (``E1`` …), for sentences of the sections (``S1`` …), for refused ones (``R1`` …)
and for gaps (``G1`` …), and the schema lets it name nothing else. A passage has the same alias in every call. Aliases
do not leave the modules of the large writer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from rag.llm.prompts import Prompt
from rag.types import Chunk, Section, Sentence
from rag.verify import near_chunks
from rag.writing.drafts import ClosingPart, Draft, DraftClosing, RefusedDraft
from rag.writing.model_calls import ask_with_retry, clean_sentences
from rag.writing.passages import aliased_passages, passages_text
from rag.writing.reply_schemas import alias_type, list_of, strict_schema
from rag.writing.thematic_outline import ThematicOutline, Theme, outline_schema, read_outline

if TYPE_CHECKING:
    from rag.llm.chat_model import ChatModel

MAX_OUTLINE_TOKENS, MAX_SECTION_TOKENS, MAX_CLOSING_TOKENS, MAX_REVISION_TOKENS = 3000, 1200, 1200, 1200
"""Length limits of the replies."""

MAX_CITATIONS, MAX_SOURCES = 5, 8
"""Largest numbers of passages that a sentence cites, and of sentences that one of the summary is written from."""

SECTION_SIZE, SUMMARY_SIZE, CONCLUSION_SIZE = 6, 6, 3
"""Largest numbers of sentences."""

PASSAGES_USED = 28
"""Number of passages that the outline is asked to name at the most. Sections and verifier read them again."""

NOT_KNOWN = "not known yet"
"""Stands for the answer of an outline that has none."""

MAX_NEW_SENTENCES = 2
"""Largest number of sentences that a refused one is made into."""

NEAR_PASSAGES = 2
"""Passages that a request for a revision shows for each refused sentence beside those that it cites."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeWriter:
    """Writes the parts of a brief with a large model. Every method raises ``ModelError`` if the model fails.

    ``evidence`` are the passages that the outline reads, best first. ``shortened`` are the texts that it reads of
    some of them, by chunk id; the sections read all of a passage. ``companions`` are passages beside others, by
    the id of these; a section reads those of its passages too, since what a passage says may be dated, limited or taken
    back there.
    """

    model: ChatModel
    question: str
    outline_prompt: Prompt
    section_prompt: Prompt
    summary_prompt: Prompt
    revise_prompt: Prompt
    evidence: Sequence[Chunk]
    shortened: Mapping[str, str] = field(default_factory=dict)
    companions: Mapping[str, Sequence[Chunk]] = field(default_factory=dict)
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
            passages=passages_text(passages, self.shortened),
        )
        return read_outline(reply, passages, self.question)

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
            points="\n".join(
                f"- {point.text} ({', '.join(self._aliases_of(point.passages))})" for point in theme.key_points
            ),
            before="; ".join(headings[:at]) or "none",
            after="; ".join(headings[at + 1 :]) or "none",
            glossary=_glossary_text(outline),
            passages=passages_text(passages),
        )
        return [draft for item in reply.sentences for draft in _section_drafts(item.text, item.citations, passages)]

    def passages_of(self, theme: Theme, outline: ThematicOutline) -> list[Chunk]:
        """Return the passages of ``theme``, and those beside them that serve no theme of ``outline``."""
        serving = {chunk.id for each in outline.themes for chunk in each.passages}
        beside = {each.id: each for chunk in theme.passages for each in self.companions.get(chunk.id, ())}
        return [*theme.passages, *(chunk for chunk in beside.values() if chunk.id not in serving)]

    def passages_read(self, outline: ThematicOutline) -> list[Chunk]:
        """Return the passages that the outline or a section of it reads, each once."""
        further = [chunk for theme in outline.themes for chunk in self.passages_of(theme, outline)]
        return list({chunk.id: chunk for chunk in (*self.evidence, *further)}.values())

    def closing(
        self,
        sections: Sequence[Section],
        gaps: Sequence[str],
        outline: ThematicOutline,
        refused: Sequence[RefusedDraft] = (),
    ) -> DraftClosing:
        """Revise the ``refused`` drafts, and write summary and conclusion from them and the verified ``sections``.

        The same call names the sentences that repeat others, since the sections were written without each other, those
        beside the question, and the ``gaps`` that a sentence closes, since the outline saw only a part of some
        passages. A sentence that summary or conclusion rest on is not beside the question. A refused draft is revised
        from the passages that it cites and those nearest to its words.
        """
        sentences = _numbered(sections)
        numbered_gaps = {f"G{number}": gap for number, gap in enumerate(gaps, 1)}
        passages = self._passages_of(refused, outline)
        reply = ask_with_retry(
            self.model,
            self.summary_prompt,
            _closing_schema(tuple(sentences), numbered_gaps, len(refused), tuple(passages)),
            max_tokens=MAX_CLOSING_TOKENS + (MAX_REVISION_TOKENS if refused else 0),
            question=self.question,
            answer=outline.answer or NOT_KNOWN,
            glossary=_glossary_text(outline),
            sentences=_sentences_text(sections) or "none",
            gaps="\n".join(f"{alias}: {gap}" for alias, gap in numbered_gaps.items()) or "nothing",
            refused=_refused_text("R", refused, [each.draft.chunks for each in refused], passages) or "none",
            evidence=passages_text(passages) or "none",
        )
        revised = _by_number(reply.revised, lambda item: _section_drafts(item.text, item.citations, passages))
        sources: dict[str, Sequence[Sentence | Draft]] = {alias: [each] for alias, each in sentences.items()}
        sources |= {f"R{number}": revised[number] for number in range(1, len(refused) + 1)}
        parts: dict[ClosingPart, list[Draft]] = {
            "summary": self._closing_drafts(reply.summary, sources),
            "conclusion": self._closing_drafts(reply.conclusion, sources),
        }
        texts = {alias: frozenset(source.text for source in own) for alias, own in sources.items()}
        rests_on = {source.text for drafts in parts.values() for draft in drafts for source in draft.sources}
        return DraftClosing(
            parts=parts,
            revised=tuple(tuple(revised[number]) for number in range(1, len(refused) + 1)),
            repeats=tuple((texts[str(each.sentence)], texts[str(each.same_as)]) for each in reply.repeats),
            beside=frozenset().union(*(texts[str(alias)] for alias in reply.beside)) - rests_on,
            closed_gaps={numbered_gaps[str(each.gap)]: " ".join(clean_sentences(each.left)) for each in reply.closed},
        )

    def _passages_of(self, refused: Sequence[RefusedDraft], outline: ThematicOutline) -> dict[str, Chunk]:
        """Return the passages that ``refused`` cite and those nearest to their words, by alias."""
        wanted = {chunk.id for each in refused for chunk in each.draft.chunks}
        shown = self.passages_read(outline)
        wanted |= {chunk.id for each in refused for chunk in near_chunks(each.draft.text, shown, NEAR_PASSAGES)}
        return {alias: chunk for alias, chunk in self._passages.items() if chunk.id in wanted}

    def revise_closing(self, refused: Sequence[RefusedDraft], sections: Sequence[Section]) -> list[tuple[Draft, ...]]:
        """Revise drafts of the summary and the conclusion from those of ``sections`` that they were written from."""
        used = {source for each in refused for source in each.draft.sources}
        sections = [section for section in sections if not used.isdisjoint(section.sentences)] or list(sections)
        if not sections:
            return [()] * len(refused)
        numbered = _numbered(sections)
        reply = ask_with_retry(
            self.model,
            self.revise_prompt,
            _revision_schema(len(refused), tuple(numbered)),
            max_tokens=MAX_REVISION_TOKENS,
            question=self.question,
            evidence=_sentences_text(sections),
            refused=_refused_text("", refused, [each.draft.sources for each in refused], numbered),
        )
        sources = {alias: [sentence] for alias, sentence in numbered.items()}
        revised = _by_number(reply.sentences, lambda item: self._closing_drafts([item], sources))
        return [tuple(revised[number]) for number in range(1, len(refused) + 1)]

    def _closing_drafts(self, items: Sequence[Any], sources: Mapping[str, Sequence[Sentence | Draft]]) -> list[Draft]:
        """Return the drafts of items of a reply, with the citations of the sentences that they name.

        A draft that names a refused sentence that was given up has a fault.
        """
        drafts = []
        for item in items:
            named = [sources[alias] for alias in dict.fromkeys(map(str, item.citations))]
            own = tuple(source for each in named for source in each)
            fault = None if all(named) else "it rests on a sentence that was given up"
            drafts += [
                Draft(text=text, chunks=self._chunks_of(own), evidence=(), fault=fault, sources=own)
                for text in clean_sentences(item.text)
            ]
        return drafts

    def _chunks_of(self, sources: Sequence[Sentence | Draft]) -> tuple[Chunk, ...]:
        by_id = {chunk.id: chunk for chunk in self._passages.values()}
        return tuple(by_id[cited] for cited in dict.fromkeys(c for source in sources for c in source.citations))

    def _aliases_of(self, chunks: Sequence[Chunk]) -> dict[str, Chunk]:
        """Return ``chunks`` by alias, in the order of the aliases."""
        wanted = {chunk.id for chunk in chunks}
        return {alias: chunk for alias, chunk in self._passages.items() if chunk.id in wanted}


def _glossary_text(outline: ThematicOutline) -> str:
    return "; ".join(f"{short} = {full}" for short, full in outline.glossary) or "none"


def _numbered(sections: Sequence[Section]) -> dict[str, Sentence]:
    sentences = [sentence for section in sections for sentence in section.sentences]
    return {f"S{number}": sentence for number, sentence in enumerate(sentences, 1)}


def _sentences_text(sections: Sequence[Section]) -> str:
    """Return the numbered sentences below their headings."""
    aliases = iter(_numbered(sections))
    lines = []
    for section in sections:
        lines.append(f"# {section.heading}")
        lines += [f"{next(aliases)}: {sentence.text}" for sentence in section.sentences]
    return "\n".join(lines)


def _refused_text(
    prefix: str, refused: Sequence[RefusedDraft], cited: Sequence[Sequence[object]], aliased: Mapping[str, object]
) -> str:
    """Return the ``refused`` drafts with their faults, numbered behind ``prefix``.

    Args:
        prefix: the letter of the numbers, or "".
        refused: the drafts.
        cited: what each of them cites, among the values of ``aliased``.
        aliased: what may be cited, by alias.
    """
    entries = []
    for number, (each, own) in enumerate(zip(refused, cited, strict=True), 1):
        aliases = [alias for alias, value in aliased.items() if value in own]
        entries.append(f"{prefix}{number}. {each.draft.text}\nCites: {', '.join(aliases)}\nFault: {each.fault}")
    return "\n\n".join(entries)


def _by_number(items: Sequence[Any], drafts_of: Callable[[Any], list[Draft]]) -> defaultdict[int, list[Draft]]:
    """Return the different drafts of revised ``items`` by the number of the refused sentence."""
    found: defaultdict[int, list[Draft]] = defaultdict(list)
    for item in items:
        if item.citations:
            found[item.number] += drafts_of(item)
    return defaultdict(list, {number: list(dict.fromkeys(own))[:MAX_NEW_SENTENCES] for number, own in found.items()})


def _section_drafts(text: str, cited: Sequence[str], passages: Mapping[str, Chunk]) -> list[Draft]:
    """Return the drafts of one item of a reply, with the passages that it cites."""
    own = tuple(passages[alias] for alias in dict.fromkeys(map(str, cited)))
    return [Draft(text=each, chunks=own, evidence=()) for each in clean_sentences(text)]


def _section_schema(aliases: tuple[str, ...]) -> Any:
    """Return the schema of a section, whose sentences cite the passages with these ``aliases``."""
    kind = alias_type("Alias", aliases)
    sentence = _sentence_schema(kind, "citations", MAX_CITATIONS)
    return strict_schema("WrittenSection", sentences=(list_of(sentence, 1, SECTION_SIZE), ...))


def _closing_schema(sentences: tuple[str, ...], gaps: Collection[str], refused: int, passages: tuple[str, ...]) -> Any:
    """Return the schema of revisions, summary, conclusion, what may be dropped, and closed gaps.

    Args:
        sentences: the aliases of the sections' sentences.
        gaps: those of the gaps.
        refused: number of the refused sentences.
        passages: the aliases of the passages that these may cite.
    """
    source = alias_type("Source", (*sentences, *(f"R{number}" for number in range(1, refused + 1))))
    sentence = _sentence_schema(source, "from", MAX_SOURCES)
    repeat = strict_schema("Repeat", sentence=(source, ...), same_as=(source, ...))
    gap = strict_schema("ClosedGap", gap=(alias_type("Gap", tuple(gaps)) if gaps else str, ...), left=(str, ...))
    # Also without refused sentences the reply has the field: a model gives what the prompt names.
    revision = (
        _revised_item(refused, passages, MAX_CITATIONS) if refused else strict_schema("Revised", number=(int, ...))
    )
    return strict_schema(
        "WrittenPassage",
        revised=(list_of(revision, 0, MAX_NEW_SENTENCES * refused), ...),
        summary=(list_of(sentence, 1, SUMMARY_SIZE), ...),
        conclusion=(list_of(sentence, 0, CONCLUSION_SIZE), ...),
        repeats=(list_of(repeat, 0, len(sentences) + refused), ...),
        beside=(list_of(source, 0, len(sentences) + refused), ...),
        closed=(list_of(gap, 0, len(gaps)), ...),
    )


def _sentence_schema(kind: Any, cites: str, most: int) -> Any:
    """Return the schema of a sentence that cites 1 to ``most`` aliases of ``kind`` in the field ``cites``."""
    own = Annotated[list[kind], Field(min_length=1, max_length=most, alias=cites)]
    return strict_schema("Item", text=(str, ...), citations=(own, ...))


def _revision_schema(count: int, aliases: tuple[str, ...]) -> Any:
    """Return the schema of the revisions of ``count`` sentences."""
    return strict_schema(
        "RevisedSentences",
        sentences=(list_of(_revised_item(count, aliases, MAX_SOURCES), 1, MAX_NEW_SENTENCES * count), ...),
    )


def _revised_item(count: int, aliases: tuple[str, ...], most: int) -> Any:
    """Return the schema of a revision of one of ``count`` sentences, which cites at most so many of ``aliases``.

    Without a text or citations the sentence is given up.
    """
    citations = list_of(alias_type("Alias", aliases), 0, most)
    numbers = tuple(range(1, count + 1))
    return strict_schema("Revised", number=(Literal[numbers], ...), text=(str, ...), citations=(citations, ...))
