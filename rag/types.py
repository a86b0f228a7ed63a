"""The values that citebrief passes around. Read this file first; then ``rag/pipeline.py``.

Everything here is frozen, keyword-only and built on the standard library alone. The rule that
the whole project serves is held by the constructors: a :class:`Sentence` cannot exist without a
citation, and a :class:`Brief` cannot exist with a citation outside its evidence. A constructor
that refuses raises ``ValueError`` and names what it refused.

Offsets count characters (Python ``str`` indices), ``start`` included, ``end`` excluded.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Support = Literal["full", "partial", "none"]
"""Do the cited passages state the sentence? The three grades of TREC RAG's support evaluation."""

Status = Literal["answered", "insufficient_evidence"]

RepairAction = Literal["rewrite", "quote", "drop", "reattribute"]
"""What was done to a sentence that its citations did not support (see ``rag/writing/compose.py``)."""


def slug(name: str, limit: int = 48) -> str:
    """``name`` as lower-case ASCII words joined by hyphens, at most ``limit`` characters."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")[:limit].strip("-") or "document"


def chunk_id(document_id: str, start: int, text: str) -> str:
    """The id of the chunk ``text`` that begins at ``start`` of document ``document_id``.

    The same text at the same place keeps its id however often it is indexed, and an id that
    somebody made up is told from a real one by computing it again.
    """
    digest = hashlib.sha256(f"{document_id}\0{start}\0{text}".encode()).hexdigest()[:8]
    return f"{slug(document_id)}.{digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading that stands on a line of its own at ``start`` … ``end`` of a document's text."""

    start: int
    end: int
    level: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document's text as extracted and cleaned, and where it came from.

    ``id`` is the path relative to the indexed folder, or the URL, or the row's own id.
    ``source`` is the path or URL to open. ``date`` is ISO 8601 (``2019``, ``2019-04`` or
    ``2019-04-18``) or None. ``page_starts[i]`` is the offset at which physical page i+1 begins;
    empty where the format has no pages. ``headings`` are in order of ``start``.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A file that could not be read, and why, in words for the person who asked for it."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A passage of a document: ``document.text[start:end] == chunk.text``.

    ``pages`` are the first and last physical page, from 1. ``title``, ``source`` and ``date``
    repeat the document's, so that a chunk can be shown and cited without its document.
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

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError(f"chunk {self.id}: empty text")
        if self.start < 0 or self.end - self.start != len(self.text):
            raise ValueError(f"chunk {self.id}: offsets {self.start}…{self.end} do not span its text")

    @property
    def context(self) -> str:
        """Title and headings, which a passage out of its document needs to be understood."""
        return " › ".join(part for part in (self.title, *self.heading_path) if part)

    @property
    def genuine(self) -> bool:
        """Whether the id is the one that the chunk's place and text give."""
        return self.id == chunk_id(self.document_id, self.start, self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A retrieved chunk. ``rank`` is from 1; ``score`` orders hits and has no unit.

    ``term_coverage`` is how well the chunk matches the query terms, 0 to 1; 0 for every hit where no term tells one
    chunk from another. The outline reads it. The JSON of a brief does not have it, and comparisons ignore it.
    """

    chunk: Chunk
    rank: int
    score: float
    found_by: tuple[str, ...] = ()
    term_coverage: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A span of a chunk, offsets from the chunk's start: ``chunk.text[start:end] == text``."""

    chunk_id: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of a brief, without markers, and the ids of the chunks that state it.

    ``score`` is the verifier's, 0 to 1. Every quote is from a cited chunk.
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
            raise ValueError(f"a citation stands twice: {self.citations} in {self.text!r}")
        if not 0.0 <= self.score <= 1.0:
            raise ValueError(f"score {self.score} is outside 0…1: {self.text!r}")
        if not self.quotes:
            raise ValueError(f"a sentence needs the quote that supports it: {self.text!r}")
        if strays := {quote.chunk_id for quote in self.quotes} - set(self.citations):
            raise ValueError(f"a quote from {sorted(strays)}, which is not cited: {self.text!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A numbered part of a brief; its number is its place."""

    heading: str
    sentences: tuple[Sentence, ...]

    def __post_init__(self) -> None:
        if not self.heading.strip():
            raise ValueError("a section needs a heading")
        if not self.sentences:
            raise ValueError(f"section {self.heading!r} is empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """What two documents contradict each other about, and what each of them says."""

    about: str
    sides: tuple[Sentence, Sentence]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """One sentence that was not printed as the model wrote it: where, what was done, and why."""

    where: str
    action: RepairAction
    before: str
    after: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """How a brief came about. ``seconds`` by stage; ``tokens`` by kind (``prompt``,
    ``cached``, ``completion``), ``calls`` and ``replayed`` calls, which cost nothing; ``cost`` in US dollars, None
    where the price is unknown."""

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
    """The answer to a question. ``evidence`` is all that was retrieved, cited or not.

    ``gaps`` are sentences for the reader about what the corpus does not say.
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
            if strays := [cited for cited in sentence.citations if cited not in texts]:
                raise ValueError(f"{strays} is cited but was not retrieved: {sentence.text!r}")
            for quote in sentence.quotes:
                if not quote.text or texts[quote.chunk_id][quote.start : quote.end] != quote.text:
                    raise ValueError(f"not the words of {quote.chunk_id}: {quote.text!r}")
        if (self.status == "answered") != bool(self.sections):
            raise ValueError(f"status {self.status} with {len(self.sections)} sections")
        if not self.sections and (self.summary or self.conclusion or self.disagreements):
            raise ValueError("a brief without sections has nothing to sum up")

    def sentences(self) -> Iterator[Sentence]:
        """Every sentence, in the order in which it is read."""
        yield from self.summary
        for section in self.sections:
            yield from section.sentences
        yield from self.conclusion
        for disagreement in self.disagreements:
            yield from disagreement.sides

    def cited(self) -> tuple[Chunk, ...]:
        """The cited chunks in order of first citation: number n of the source list is ``cited()[n - 1]``."""
        chunks = {hit.chunk.id: hit.chunk for hit in self.evidence}
        order = dict.fromkeys(cited for sentence in self.sentences() for cited in sentence.citations)
        return tuple(chunks[cited] for cited in order)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A sentence of somebody's brief as found: its citations may be missing or unknown.

    What a check or a score reads; a :class:`Brief` is never built from it.
    """

    text: str
    citations: tuple[str, ...]
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether evidence supports a sentence, according to ``judge``.

    ``support`` None means *unscored*, which is neither support nor its lack; ``reason`` then says why.
    ``score`` is 0 to 1.
    """

    support: Support | None
    score: float
    judge: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Narrows the evidence: ``document`` is a glob on the document's id or title; dates are ISO, inclusive.

    A document without a date is left out as soon as a date is asked for.
    """

    document: str | None = None
    since: str | None = None
    until: str | None = None

    @property
    def empty(self) -> bool:
        """Whether it lets everything through."""
        return not (self.document or self.since or self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question of many. ``where`` narrows its evidence; ``k`` and ``sections`` are its own, None the settings'."""

    id: str
    text: str
    where: Filter = field(default_factory=Filter)
    k: int | None = None
    sections: int | None = None
