"""Document → chunks: whole sentences under one heading, 90 to 160 words, small enough for the encoder.

What is embedded (:func:`embedding_text`) carries the title and the headings above the chunk, because "the author"
means nothing without them; the chunk's own text stays as it is in the document.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from math import ceil

from rag.text import split_sentences
from rag.types import Chunk, Document, chunk_id

CHUNKER_VERSION = "1"
"""Part of the index's fingerprint: raise it whenever the same document would give other chunks."""

WORDS = 130
"""Words aimed at; a section is cut into equal parts of about this size rather than full ones and a rest."""

MOST_WORDS = 160
CONTEXT_TOKENS = 72
"""Titles and headings beyond this are cut for embedding, so that the passage itself has room."""

CountTokens = Callable[[str], int]
"""Tokens of a text for the encoder, without its special tokens."""


def chunk(document: Document, *, count_tokens: CountTokens, limit: int = 256) -> list[Chunk]:
    """The chunks of ``document`` in order; with its context none has more than ``limit`` tokens, specials included."""
    chunks = []
    for start, end, path in _bodies(document):
        context = _context(" › ".join((document.title, *path)), count_tokens)
        room = limit - 3 - count_tokens(context)
        for first, last in _pack(document.text, start, end, room, count_tokens):
            text = document.text[first:last]
            chunks.append(
                Chunk(
                    id=chunk_id(document.id, first, text),
                    document_id=document.id,
                    text=text,
                    start=first,
                    end=last,
                    heading_path=path,
                    pages=_pages(document, first, last),
                    title=document.title,
                    source=document.source,
                    date=document.date,
                )
            )
    return chunks


def embedding_text(chunk: Chunk, count_tokens: CountTokens) -> str:
    """What is embedded for ``chunk``: its context, cut to :data:`CONTEXT_TOKENS`, and its text."""
    return f"{_context(chunk.context, count_tokens)}\n{chunk.text}"


def _context(context: str, count_tokens: CountTokens) -> str:
    while context and count_tokens(context) > CONTEXT_TOKENS:
        context = context[: len(context) * 3 // 4].rstrip()
    return context


def _bodies(document: Document) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """``(start, end, heading path)`` of the text under each heading; a heading that repeats the title is left out."""
    starts = [(0, 0, ())] if not document.headings or document.headings[0].start > 0 else []
    path: list[tuple[int, str]] = []
    places: list[tuple[int, int, tuple[str, ...]]] = list(starts)
    for heading in document.headings:
        path = [(level, text) for level, text in path if level < heading.level]
        path.append((heading.level, heading.text))
        names = tuple(text for _, text in path if text.casefold() != document.title.casefold())
        places.append((heading.start, heading.end, names))
    ends = [start for start, _, _ in places[1:]] + [len(document.text)]
    for (_, start, names), end in zip(places, ends, strict=True):
        if document.text[start:end].strip():
            yield start, end, names


def _pack(text: str, start: int, end: int, room: int, count_tokens: CountTokens) -> Iterator[tuple[int, int]]:
    """Spans of whole sentences of ``text[start:end]``, of equal size and at most ``room`` tokens."""
    sentences = [
        span
        for a, b in split_sentences(text[start:end])
        for span in _fitting(text, start + a, start + b, room, count_tokens)
    ]
    if not sentences:
        return
    words = [len(text[a:b].split()) for a, b in sentences]
    tokens = [count_tokens(text[a:b]) for a, b in sentences]
    parts = max(1, ceil(sum(words) / MOST_WORDS), ceil(sum(tokens) / room))
    aim = max(sum(words) / parts, min(WORDS, sum(words)) if parts == 1 else 0)
    first, held, used = 0, 0, 0
    for place, (size, cost) in enumerate(zip(words, tokens, strict=True)):
        full = held + size / 2 > aim or held + size > MOST_WORDS or used + cost > room
        if place > first and full:
            yield sentences[first][0], sentences[place - 1][1]
            first, held, used = place, 0, 0
        held, used = held + size, used + cost
    yield sentences[first][0], sentences[-1][1]


def _fitting(text: str, start: int, end: int, room: int, count_tokens: CountTokens) -> Iterator[tuple[int, int]]:
    """The span itself, or pieces of it where a single sentence (a table, a list) is too long for the encoder.

    The only place where a sentence is cut: at clauses, then at words.
    """
    if count_tokens(text[start:end]) <= room and len(text[start:end].split()) <= 2 * MOST_WORDS:
        yield start, end
        return
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        separators=["\n", "; ", ": ", ", ", " ", ""],
        keep_separator="end",
        chunk_size=max(8, room * 3 // 4),
        chunk_overlap=0,
        length_function=count_tokens,
        add_start_index=True,
    )
    for piece in splitter.create_documents([text[start:end]]):
        first = start + int(piece.metadata["start_index"])
        if piece.page_content.strip():
            yield first, first + len(piece.page_content)


def _pages(document: Document, start: int, end: int) -> tuple[int, int] | None:
    if not document.page_starts:
        return None
    first = max(1, bisect_right(document.page_starts, start))
    return first, max(first, bisect_right(document.page_starts, end - 1))
