"""The data types that all packages share. Read this file first, then ``rag/pipeline.py``.

All types are frozen, keyword-only dataclasses and need the standard library only. Their constructors enforce the
project's main rule: a :class:`Sentence` has at least one citation, and a :class:`Brief` cites only chunks of its
evidence. A constructor that rejects its arguments raises ``ValueError`` with the offending value in the message.

Offsets count characters (Python ``str`` indices); ``start`` is inclusive, ``end`` is exclusive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Support = Literal["full", "partial", "none"]
"""How far the cited chunks state a sentence, in the three grades of the TREC RAG support evaluation."""

Status = Literal["answered", "insufficient_evidence"]
"""Whether the corpus answers the question of a brief."""

RepairAction = Literal["rewrite", "quote", "drop", "reattribute", "add"]
"""What was done with a sentence that its citations did not support (see ``rag/writing/repair.py``), or that the model
corrected when it read the whole brief (``rag/writing/editing.py``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading on a line of its own, at ``document.text[start:end]``; ``level`` 1 is the highest."""

    start: int
    end: int
    level: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Omission:
    """Something in a file that is not in its document's text.

    ``what`` names the kind ("footnotes", "no text layer"), ``count`` its number, and ``parts`` the pages, slides,
    chapters or sheets that have it, from 1; empty if it is unknown where. ``detail`` names it more closely. ``lost``
    says that a reader of the file sees words there that the text may lack; it is false for what is left out because it
    is no part of the text, such as running heads.
    """

    what: str
    count: int = 1
    parts: tuple[int, ...] = ()
    detail: str = ""
    lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of a file is in its document's text.

    ``read`` of ``total`` parts have text in it; ``unit`` names such a part ("page", "slide", "chapter", "sheet") and is
    empty for a format without parts. ``by_ocr`` are the parts, from 1, whose text was recognised on their pictures.
    """

    unit: str = ""
    total: int = 0
    read: int = 0
    omissions: tuple[Omission, ...] = ()
    by_ocr: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.total or self.omissions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document: its extracted and cleaned text, and its origin.

    ``id`` is the path relative to the indexed directory, the URL, or the id of a row in a file of rows. ``source`` is
    the path or URL to open. ``date`` is in ISO 8601 (``2019``, ``2019-04`` or ``2019-04-18``) or None. ``headings``
    are in order of ``start``. ``page_starts[i]`` is the offset at which physical page i + 1 begins; it is empty for a
    format without pages. ``coverage`` says which parts of the file the text lacks.
    """

    id: str
    title: str
    text: str
    source: str
    date: str | None = None
    media_type: str = "text/plain"
    metadata: Mapping[str, str] = field(default_factory=dict)
    headings: tuple[Heading, ...] = ()
    page_starts: tuple[int, ...] = ()
    coverage: Coverage = Coverage()


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A file or folder that could not be read, and the reason in words that are fit to print.

    ``root`` and ``id`` are those of its source, ``id`` of a folder is its path relative to ``root``: by them the index
    finds what it has of it, and keeps that. ``id`` is None where nothing is to be kept.
    """

    path: str
    reason: str
    root: str = field(default="", repr=False, compare=False)
    id: str | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A passage of a document: ``document.text[start:end] == chunk.text``.

    ``pages`` are the first and last physical page, counted from 1. ``title``, ``source`` and ``date`` repeat those of
    the document, so that a chunk can be shown and cited without its document. ``items`` are the items of a list that
    the chunk begins within, from the outermost. ``columns`` is the header of the table that the chunk begins in the
    middle of: a line of cells that semicolons separate.
    """

    id: str
    document_id: str
    text: str
    start: int
    end: int
    heading_path: tuple[str, ...] = ()
    pages: tuple[int, int] | None = None
    title: str = ""
    source: str = ""
    date: str | None = None
    items: tuple[str, ...] = ()
    columns: str = ""

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError(f"chunk {self.id}: empty text")
        if self.start < 0 or self.end - self.start != len(self.text):
            raise ValueError(f"chunk {self.id}: offsets {self.start}…{self.end} do not span its text")

    @property
    def context(self) -> str:
        """The document's title, the headings and items above the chunk and the header of its table, joined by ``›``."""
        return " › ".join(part for part in (self.title, *self.heading_path, *self.items, self.columns) if part)

    @property
    def place(self) -> str:
        """The context, number and date of the document: what a chat model is told of where the chunk stands.

        A number is in the file's name: "rfc-128-deployment", where neither title nor date has the 128.
        """
        name = re.sub(r"\.\w+$", "", self.document_id.rstrip("/").rsplit("/", 1)[-1])
        known = re.findall(r"\d+", f"{self.title} {self.date or ''}")
        number = name if set(re.findall(r"\d+", name)) - set(known) else None
        return ", ".join(part for part in (self.context, number, self.date) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A retrieved chunk. ``rank`` counts from 1; ``score`` orders the hits of one query and has no unit.

    ``found_by`` names the retrievers that returned the chunk, or is "neighbour" for one beside a chunk that answers.
    ``cosine`` is that of the vectors of chunk and query by the index's embedder. The outline reads it. The JSON of a
    brief does not have it, and comparisons ignore it.
    """

    chunk: Chunk
    rank: int
    score: float
    found_by: tuple[str, ...] = ()
    cosine: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A span of a chunk: ``chunk.text[start:end] == text``."""

    chunk_id: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence of a brief, without citation markers, and the ids of the chunks that state it.

    ``score`` is the verifier's score, from 0 to 1. Every quote is taken from a cited chunk.
    """

    text: str
    citations: tuple[str, ...]
    support: Support
    score: float
    quotes: tuple[Quote, ...]

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError("a sentence needs text")
        if not self.citations:
            raise ValueError(f"a sentence needs a citation: {self.text!r}")
        if len(set(self.citations)) != len(self.citations):
            raise ValueError(f"a citation is repeated: {self.citations} in {self.text!r}")
        if not 0.0 <= self.score <= 1.0:
            raise ValueError(f"score {self.score} is outside 0…1: {self.text!r}")
        if not self.quotes:
            raise ValueError(f"a sentence needs the quote that supports it: {self.text!r}")
        if uncited := {quote.chunk_id for quote in self.quotes} - set(self.citations):
            raise ValueError(f"a quote from {sorted(uncited)}, which is not cited: {self.text!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of a brief. Its number is its position in :attr:`Brief.sections`, counted from 1."""

    heading: str
    sentences: tuple[Sentence, ...]

    def __post_init__(self) -> None:
        if not self.heading.strip():
            raise ValueError("a section needs a heading")
        if not self.sentences:
            raise ValueError(f"section {self.heading!r} is empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """The subject about which two documents contradict each other, and a sentence from each of them."""

    about: str
    sides: tuple[Sentence, Sentence]


HEADING_REPAIR = "heading"
"""The ``where`` of a repair that replaced a heading; all others are of sentences."""


UNUSABLE_REPLY = "no usable reply"
"""How the ``why`` of a repair begins where the model's reply could not be used; ``where`` names what is without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """A change to what the model wrote.

    ``where`` names the part of the brief, or is :data:`HEADING_REPAIR`. ``before`` is the model's text and ``after``
    the text printed in its place; either may be empty. ``why`` is the reason.
    """

    where: str
    action: RepairAction
    before: str
    after: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """How a brief was made.

    ``prompts`` maps the names of the prompts used to their SHA-256. ``seconds`` are by stage. ``tokens`` are by kind:
    ``prompt``, ``cached``, ``completion``, the numbers of ``calls`` and of ``replayed`` calls, which cost nothing, and
    with a remote embedder ``embedding``.
    ``cost`` is in US dollars, or None if the price is unknown. ``notices`` are warnings for the reader.
    """

    version: str
    model: str
    parameters: Mapping[str, str | int | float]
    prompts: Mapping[str, str]
    embedder: str
    fingerprint: str
    verifier: str
    seconds: Mapping[str, float]
    tokens: Mapping[str, int]
    cost: float | None
    repairs: tuple[Repair, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """The answer to a question.

    ``evidence`` holds all retrieved hits, cited or not. ``gaps`` are sentences that tell the reader what the corpus
    does not say.
    """

    question: str
    status: Status
    summary: tuple[Sentence, ...]
    sections: tuple[Section, ...]
    conclusion: tuple[Sentence, ...]
    evidence: tuple[Hit, ...]
    trace: Trace
    disagreements: tuple[Disagreement, ...] = ()
    gaps: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        texts = {hit.chunk.id: hit.chunk.text for hit in self.evidence}
        for sentence in self.sentences():
            if unknown := [cited for cited in sentence.citations if cited not in texts]:
                raise ValueError(f"{unknown} is cited but was not retrieved: {sentence.text!r}")
            for quote in sentence.quotes:
                if not quote.text or texts[quote.chunk_id][quote.start : quote.end] != quote.text:
                    raise ValueError(f"not the words of {quote.chunk_id}: {quote.text!r}")
        if (self.status == "answered") != bool(self.sections):
            raise ValueError(f"status {self.status} with {len(self.sections)} sections")
        if not self.sections and (self.summary or self.conclusion or self.disagreements):
            raise ValueError("a brief without sections cannot have a summary, a conclusion or disagreements")

    def sentences(self) -> Iterator[Sentence]:
        """Yield every sentence in reading order."""
        yield from self.summary
        for section in self.sections:
            yield from section.sentences
        yield from self.conclusion
        for disagreement in self.disagreements:
            yield from disagreement.sides

    def cited(self) -> tuple[Chunk, ...]:
        """Return the cited chunks in order of first citation: source number n is ``cited()[n - 1]``."""
        chunks = {hit.chunk.id: hit.chunk for hit in self.evidence}
        order = dict.fromkeys(cited for sentence in self.sentences() for cited in sentence.citations)
        return tuple(chunks[cited] for cited in order)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A sentence of a brief that another program or person wrote; its citations may be missing or unknown.

    ``citebrief check`` and the metrics read claims; a :class:`Brief` is never built from them.
    """

    text: str
    citations: tuple[str, ...]
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether evidence supports a sentence, according to ``judge``.

    ``support`` None means unscored, which counts neither as support nor as its lack. ``score`` is from 0 to 1.
    ``reason`` says why a sentence is not fully supported or not scored; with full support it names a fact that the
    evidence lacks. ``unsupported`` is the part of the sentence that the evidence does not support, in its own words;
    empty if unknown. ``needed`` are the positions of the pieces of evidence that suffice for full support, counted
    from 0; empty if unknown. ``certain`` says that full support needs no second opinion.
    """

    support: Support | None
    score: float
    judge: str
    reason: str = ""
    unsupported: str = ""
    needed: tuple[int, ...] = ()
    certain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A restriction of the evidence: ``document`` is a glob on a document's id or title; dates are ISO, inclusive.

    Where ``since`` or ``until`` is set, documents without a date are left out.
    """

    document: str | None = None
    since: str | None = None
    until: str | None = None

    @property
    def empty(self) -> bool:
        """Whether the filter lets every document through."""
        return not (self.document or self.since or self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One of many questions. ``where`` restricts its evidence; ``k`` and ``sections`` override the settings if set."""

    id: str
    text: str
    where: Filter = field(default_factory=Filter)
    k: int | None = None
    sections: int | None = None
