"""The writer for a large model: an outline of all evidence, a section a call, then summary and conclusion in one call.

The model sees aliases for passages (``E1`` …) and for sentences of the sections (``S1`` …), and the schema lets it cite
nothing else. A passage has the same alias in every call. Aliases do not leave the modules of the large writer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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

MAX_OUTLINE_TOKENS, MAX_SECTION_TOKENS, MAX_CLOSING_TOKENS = 3000, 1200, 1200
"""Length limits of the replies."""

MAX_CITATIONS, MAX_SOURCES = 5, 5
"""Largest numbers of passages that a sentence cites, and of sentences that one of the summary is written from."""

SECTION_SIZE, SUMMARY_SIZE, CONCLUSION_SIZE = 6, 6, 3
"""Largest numbers of sentences."""

PASSAGES_USED = 20
"""Number of passages that the outline is asked to name at the most. Sections and verifier read them again."""

NEAR_PASSAGES = 2
"""Passages that a request for a revision shows for each refused sentence beside those that it cites."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeWriter:
    """Writes the parts of a brief with a large model. Every method raises ``ModelError`` if the model fails.

    ``evidence`` are the passages that it may use, best first. ``shortened`` are the texts that the outline reads of
    some of them, by chunk id; the sections read all of a passage.
    """

    model: ChatModel
    question: str
    outline_prompt: Prompt
    section_prompt: Prompt
    summary_prompt: Prompt
    revise_prompt: Prompt
    evidence: Sequence[Chunk]
    shortened: Mapping[str, str] = field(default_factory=dict)
    _passages: dict[str, Chunk] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_passages", aliased_passages(self.evidence))

    def outline(self, sections: int) -> ThematicOutline:
        """Return the outline of all passages, with at most so many ``sections``."""
        reply = ask_with_retry(
            self.model,
            self.outline_prompt,
            outline_schema(tuple(self._passages), sections),
            max_tokens=MAX_OUTLINE_TOKENS,
            sections=str(sections),
            passages_used=str(PASSAGES_USED),
            question=self.question,
            passages=passages_text(self._passages, self.shortened),
        )
        return read_outline(reply, self._passages, self.question)

    def section(self, theme: Theme, outline: ThematicOutline) -> list[Draft]:
        """Write the sentences of the section on ``theme``."""
        passages = self._aliases_of(theme.passages)
        others = [other.heading for other in outline.themes if other is not theme]
        reply = ask_with_retry(
            self.model,
            self.section_prompt,
            _section_schema(tuple(passages)),
            max_tokens=MAX_SECTION_TOKENS,
            question=self.question,
            heading=theme.heading,
            points="\n".join(
                f"- {point.text} ({', '.join(self._aliases_of(point.passages))})" for point in theme.key_points
            ),
            others="; ".join(others) or "none",
            glossary="; ".join(f"{short} = {full}" for short, full in outline.glossary) or "none",
            passages=passages_text(passages),
        )
        return [draft for item in reply.sentences for draft in _section_drafts(item.text, item.citations, passages)]

    def closing(self, sections: Sequence[Section], gaps: Sequence[str]) -> DraftClosing:
        """Write summary and conclusion from the verified ``sections``, knowing what stays unanswered.

        The same call names the sentences that repeat others, since the sections were written without each other, and
        the gaps that a sentence closes, since the outline saw only a part of some passages.
        """
        numbered = _numbered(sections)
        aliases = tuple(numbered)
        numbered_gaps = {f"G{number}": gap for number, gap in enumerate(gaps, 1)}
        reply = ask_with_retry(
            self.model,
            self.summary_prompt,
            _closing_schema(aliases, numbered_gaps),
            max_tokens=MAX_CLOSING_TOKENS,
            question=self.question,
            sentences=_sentences_text(sections),
            gaps="\n".join(f"{alias}: {gap}" for alias, gap in numbered_gaps.items()) or "nothing",
        )
        parts: dict[ClosingPart, list[Draft]] = {
            "summary": self._closing_drafts(reply.summary, numbered),
            "conclusion": self._closing_drafts(reply.conclusion, numbered),
        }
        return DraftClosing(
            parts=parts,
            repeats=tuple((numbered[str(each.sentence)], numbered[str(each.same_as)]) for each in reply.repeats),
            closed_gaps=frozenset(numbered_gaps[str(alias)] for alias in reply.closed),
        )

    def revise(self, refused: Sequence[RefusedDraft]) -> list[tuple[Draft, ...]]:
        """Revise drafts of the sections from the passages that they cite and those nearest to their words."""
        wanted = {chunk.id for each in refused for chunk in each.draft.chunks}
        shown = list(self._passages.values())
        wanted |= {chunk.id for each in refused for chunk in near_chunks(each.draft.text, shown, NEAR_PASSAGES)}
        passages = {alias: chunk for alias, chunk in self._passages.items() if chunk.id in wanted}
        items = self._revise(refused, [each.draft.chunks for each in refused], passages, passages_text(passages))
        return [tuple(_section_drafts(text, cited, passages)) for text, cited in items]

    def revise_closing(self, refused: Sequence[RefusedDraft], sections: Sequence[Section]) -> list[tuple[Draft, ...]]:
        """Revise drafts of the summary and the conclusion from those of ``sections`` that they were written from."""
        sources = {source for each in refused for source in each.draft.sources}
        sections = [section for section in sections if not sources.isdisjoint(section.sentences)]
        numbered = _numbered(sections)
        text = _sentences_text(sections)
        items = self._revise(refused, [each.draft.sources for each in refused], numbered, text)
        return [tuple(self._drafts_from(text, cited, numbered)) for text, cited in items]

    def _closing_drafts(self, items: Sequence[Any], numbered: Mapping[str, Sentence]) -> list[Draft]:
        return [draft for item in items for draft in self._drafts_from(item.text, item.citations, numbered)]

    def _drafts_from(self, text: str, cited: Sequence[str], numbered: Mapping[str, Sentence]) -> list[Draft]:
        """Return the drafts of one item, with the citations of the numbered sentences that it names."""
        sources = tuple(numbered[alias] for alias in dict.fromkeys(map(str, cited)))
        chunks = self._chunks_of(sources)
        return [Draft(text=each, chunks=chunks, evidence=(), sources=sources) for each in clean_sentences(text)]

    def _chunks_of(self, sentences: Sequence[Sentence]) -> tuple[Chunk, ...]:
        by_id = {chunk.id: chunk for chunk in self.evidence}
        return tuple(by_id[cited] for cited in dict.fromkeys(c for sentence in sentences for c in sentence.citations))

    def _revise(
        self,
        refused: Sequence[RefusedDraft],
        cited: Sequence[Sequence[object]],
        aliased: Mapping[str, object],
        evidence: str,
    ) -> list[tuple[str, list[str]]]:
        """Ask for new wordings of all ``refused`` drafts in one call.

        Args:
            refused: the drafts.
            cited: what each of them cites, among the values of ``aliased``.
            aliased: what may be cited, by alias.
            evidence: the same as the prompt shows it.

        Returns:
            for each draft its new text and the aliases that this cites; an empty text if there is none.
        """
        entries = []
        for number, (each, own) in enumerate(zip(refused, cited, strict=True), 1):
            aliases = [alias for alias, value in aliased.items() if value in own]
            entries.append(f"{number}. {each.draft.text}\nCites: {', '.join(aliases)}\nFault: {each.fault}")
        reply = ask_with_retry(
            self.model,
            self.revise_prompt,
            _revision_schema(len(refused), tuple(aliased)),
            max_tokens=MAX_SECTION_TOKENS,
            question=self.question,
            evidence=evidence,
            refused="\n\n".join(entries),
        )
        revised = {item.number: (item.text, item.citations) for item in reply.sentences if item.citations}
        return [revised.get(number, ("", [])) for number in range(1, len(refused) + 1)]

    def _aliases_of(self, chunks: Sequence[Chunk]) -> dict[str, Chunk]:
        """Return ``chunks`` by alias, in the order of the aliases."""
        wanted = {chunk.id for chunk in chunks}
        return {alias: chunk for alias, chunk in self._passages.items() if chunk.id in wanted}


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


def _section_drafts(text: str, cited: Sequence[str], passages: Mapping[str, Chunk]) -> list[Draft]:
    """Return the drafts of one item of a reply, with the passages that it cites."""
    own = tuple(passages[alias] for alias in dict.fromkeys(map(str, cited)))
    return [Draft(text=each, chunks=own, evidence=()) for each in clean_sentences(text)]


def _section_schema(aliases: tuple[str, ...]) -> Any:
    """Return the schema of a section, whose sentences cite the passages with these ``aliases``."""
    kind = alias_type("Alias", aliases)
    sentence = _sentence_schema(kind, "citations", MAX_CITATIONS)
    return strict_schema("WrittenSection", sentences=(list_of(sentence, 1, SECTION_SIZE), ...))


def _closing_schema(aliases: tuple[str, ...], gaps: Collection[str]) -> Any:
    """Return the schema of summary, conclusion, repeats and closed ``gaps``.

    ``aliases`` are those of the sections' sentences.
    """
    kind = alias_type("Alias", aliases)
    sentence = _sentence_schema(kind, "from", MAX_SOURCES)
    repeat = strict_schema("Repeat", sentence=(kind, ...), same_as=(kind, ...))
    gap = alias_type("Gap", tuple(gaps)) if gaps else str
    return strict_schema(
        "WrittenPassage",
        summary=(list_of(sentence, 1, SUMMARY_SIZE), ...),
        conclusion=(list_of(sentence, 0, CONCLUSION_SIZE), ...),
        repeats=(list_of(repeat, 0, len(aliases)), ...),
        closed=(list_of(gap, 0, len(gaps)), ...),
    )


def _sentence_schema(kind: Any, cites: str, most: int) -> Any:
    """Return the schema of a sentence that cites 1 to ``most`` aliases of ``kind`` in the field ``cites``."""
    own = Annotated[list[kind], Field(min_length=1, max_length=most, alias=cites)]
    return strict_schema("Item", text=(str, ...), citations=(own, ...))


def _revision_schema(count: int, aliases: tuple[str, ...]) -> Any:
    """Return the schema of ``count`` revised sentences; one without a text or citations is given up."""
    citations = list_of(alias_type("Alias", aliases), 0, MAX_SOURCES)
    numbers = tuple(range(1, count + 1))
    item = strict_schema("Item", number=(Literal[numbers], ...), text=(str, ...), citations=(citations, ...))
    return strict_schema("RevisedSentences", sentences=(list_of(item, 1, count), ...))
