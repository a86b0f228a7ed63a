"""Split a document into chunks: whole sentences under one heading, 90 to 160 words, short enough for the encoder.

The text that is embedded (:func:`embedding_text`) starts with the document's title and the headings above the chunk,
because a phrase such as "the author" is ambiguous without them. A chunk that begins in the middle of a table has the
header of the table too, and one that begins within an item of a list has that item. The chunk's own text is a span of
the document.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from math import ceil

from rag._internal.ids import chunk_id
from rag.ingest.clean import is_list_item
from rag.text import bullet, bullet_depth, header_cells, is_code, split_sentences
from rag.types import Chunk, Document, Heading

CHUNKER_VERSION = "1"
"""Part of the index's parameters. Raise it if chunks of older versions can no longer be used: no older index is then
opened. If the same document only gives other chunks, raise ``EXTRACTOR_VERSION``, which re-reads every source."""

TARGET_WORDS = 130
"""Words per chunk to aim for. A section is cut into equal parts of about this size, not into full ones and a rest."""

MAX_WORDS = 160
"""Maximum words of a chunk, unless one sentence alone is longer."""

MAX_CONTEXT_TOKENS = 72
"""Maximum tokens of title and headings in the embedded text, so that the chunk itself has room."""

MAX_ITEM_WORDS = 16
"""Words of an item that a chunk begins within; what is left out is marked by "…"."""

MAX_COLUMNS_TOKENS = 48
"""Maximum tokens of a table's header in the embedded text."""

CountTokens = Callable[[str], int]
"""Counts the encoder's tokens of a text, without its special tokens."""


def chunk_document(document: Document, *, count_tokens: CountTokens, limit: int = 256) -> list[Chunk]:
    """Split ``document`` into chunks, in order.

    Args:
        limit: maximum tokens of a chunk's embedding text, special tokens included.
    """
    chunks = []
    for start, end, path in _sections(document):
        context = _truncate_context(" › ".join((document.title, *path)), count_tokens)
        tables = list(_tables(document.text, start, end))
        longest = max((count_tokens(_shown_columns(table.header, count_tokens)) for table in tables), default=0)
        nested = any(bullet_depth(line) > 1 for line in document.text[start:end].split("\n"))
        max_tokens = limit - 3 - (MAX_CONTEXT_TOKENS if nested else count_tokens(context)) - longest
        for first, last in _pack_sentences(document.text, start, end, max_tokens, count_tokens):
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
                    items=_items_above(document.text, first) if nested else (),
                    columns=next((table.header for table in tables if table.first_row <= first < table.end), ""),
                )
            )
    return chunks


def embedding_text(chunk: Chunk, count_tokens: CountTokens) -> str:
    """Return the text to embed for ``chunk``: its context, cut to :data:`MAX_CONTEXT_TOKENS`, and its own text."""
    context = _truncate_context(chunk.context.removesuffix(f" › {chunk.columns}"), count_tokens)
    columns = _shown_columns(chunk.columns, count_tokens)
    return f"{context}{columns}\n{chunk.text}"


def _shown_columns(columns: str, count_tokens: CountTokens) -> str:
    return f" › {_truncate_context(columns, count_tokens, MAX_COLUMNS_TOKENS)}" if columns else ""


def _truncate_context(context: str, count_tokens: CountTokens, limit: int = MAX_CONTEXT_TOKENS) -> str:
    while context and count_tokens(context) > limit:
        context = context[: len(context) * 3 // 4].rstrip()
    return context


def _items_above(text: str, offset: int) -> tuple[str, ...]:
    """Return the items of a list in which the line of ``offset`` is nested, from the outermost, without their marks."""
    items: list[str] = []
    start = text.rfind("\n", 0, offset) + 1
    depth = bullet_depth(text[start : start + len(bullet(1))])
    while depth > 1 and start > 0:
        end = start - 1
        start = text.rfind("\n", 0, end) + 1
        if start == end:  # a blank line ends the list
            break
        if 0 < bullet_depth(text[start:end]) < depth:
            depth = bullet_depth(text[start:end])
            words = text[start + len(bullet(depth)) : end].split()
            items.append(" ".join(words[:MAX_ITEM_WORDS]) + ("…" if len(words) > MAX_ITEM_WORDS else ""))
    return tuple(reversed(items))


@dataclass(frozen=True, slots=True)
class _Table:
    """A table in a document's text: its header, the offset of its first row below it, and its end."""

    header: str
    first_row: int
    end: int


def _tables(text: str, start: int, end: int) -> Iterator[_Table]:
    """Yield the tables of ``text[start:end]``: paragraphs whose lines are rows of cells."""
    while start < end:
        stop = text.find("\n\n", start, end)
        stop = end if stop < 0 else stop
        # Most paragraphs have no line break or no semicolon: they are passed over without splitting them.
        first_line = text.find("\n", start, stop)
        if first_line > 0 and text.find(";", start, first_line) >= 0:
            lines = [line for line in text[start:stop].split("\n") if line.strip()]
            if header_cells(lines) and not is_code(text, start):
                yield _Table(lines[0].strip(), first_line + 1, stop)
        start = stop + 2


def _sections(document: Document) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Yield ``(start, end, heading path)`` of the text under each heading, headings equal to the title left out.

    Headings in a row with neither text nor headings below them are text of the heading above them: they are all that
    a list of decisions or a slide with nothing but its title says.
    """
    text, headings = document.text, document.headings
    opening = headings[0].start if headings else len(text)
    if text[:opening].strip():
        yield 0, opening, ()
    path: list[Heading] = []
    bare: int | None = None  # the start of the headings without text that are not yielded yet
    for heading, following in zip_longest(headings, headings[1:]):
        end, next_level = (following.start, following.level) if following else (len(text), 0)
        path = [above for above in path if above.level < heading.level]
        above, path = _names(path, document.title), [*path, heading]
        has_text = bool(text[heading.end : end].strip())
        if not has_text and next_level <= heading.level:
            bare = heading.start if bare is None else bare
            if next_level < heading.level:
                yield bare, heading.end, above
                bare = None
            continue
        if bare is not None:
            yield bare, heading.start, above
            bare = None
        if has_text:
            yield heading.end, end, _names(path, document.title)


def _names(path: list[Heading], title: str) -> tuple[str, ...]:
    return tuple(heading.text for heading in path if heading.text.casefold() != title.casefold())


def _pack_sentences(
    text: str, start: int, end: int, max_tokens: int, count_tokens: CountTokens
) -> Iterator[tuple[int, int]]:
    """Yield spans of whole sentences of ``text[start:end]``, of about equal size and at most ``max_tokens``."""
    sentences = [
        span
        for a, b in _sentences_and_code(text, start, end)
        for span in _split_long_sentence(text, a, b, max_tokens, count_tokens)
    ]
    if not sentences:
        return
    sentences = _keep_introductions(text, sentences, max_tokens, count_tokens)
    words = [len(text[a:b].split()) for a, b in sentences]
    tokens = [count_tokens(text[a:b]) for a, b in sentences]
    parts = max(1, ceil(sum(words) / MAX_WORDS), ceil(sum(tokens) / max_tokens))
    target = max(sum(words) / parts, min(TARGET_WORDS, sum(words)) if parts == 1 else 0)
    first, words_in_chunk, tokens_in_chunk = 0, 0, 0
    for index, (n_words, n_tokens) in enumerate(zip(words, tokens, strict=True)):
        full = (
            words_in_chunk + n_words / 2 > target
            or words_in_chunk + n_words > MAX_WORDS
            or tokens_in_chunk + n_tokens > max_tokens
        )
        if index > first and full:
            yield sentences[first][0], sentences[index - 1][1]
            first, words_in_chunk, tokens_in_chunk = index, 0, 0
        words_in_chunk, tokens_in_chunk = words_in_chunk + n_words, tokens_in_chunk + n_tokens
    yield sentences[first][0], sentences[-1][1]


def _sentences_and_code(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the spans of the sentences and of the whole blocks of code in ``text[start:end]``."""
    code: tuple[int, int] | None = None
    for a, b in split_sentences(text[start:end]):
        first, last = _with_indent(text, start + a), start + b
        is_line = is_code(text, first)
        if code and is_line and "\n\n" not in text[code[1] : first]:
            code = code[0], last
            continue
        if code:
            yield code
        code = (first, last) if is_line else None
        if not is_line:
            yield first, last
    if code:
        yield code


def _with_indent(text: str, offset: int) -> int:
    """Return the start of the line of ``offset`` if only the indentation of code is before it, else ``offset``."""
    line = text.rfind("\n", 0, offset) + 1
    return line if is_code(text, offset) and not text[line:offset].strip() else offset


def _keep_introductions(
    text: str, spans: list[tuple[int, int]], max_tokens: int, count_tokens: CountTokens
) -> list[tuple[int, int]]:
    """Join the sentence that introduces a list, table or code ("The fees are:") with what it introduces.

    The whole list is joined if it fits into one chunk, else its first part.
    """
    joined: list[tuple[int, int]] = []
    index = 0
    while index < len(spans):
        start, end = spans[index]
        stop = index + 1
        if stop < len(spans) and _introduces(text, spans[index], spans[stop]):
            while stop + 1 < len(spans) and "\n\n" not in text[spans[stop][1] : spans[stop + 1][0]]:
                stop += 1
            for last in (stop, index + 1):
                block = text[start : spans[last][1]]
                if len(block.split()) <= MAX_WORDS and count_tokens(block) <= max_tokens:
                    end, stop = spans[last][1], last + 1
                    break
            else:
                stop = index + 1
        joined.append((start, end))
        index = stop
    return joined


def _introduces(text: str, sentence: tuple[int, int], following: tuple[int, int]) -> bool:
    """Whether ``sentence`` ends a paragraph with a colon, or is followed by a list."""
    if "\n\n" not in text[sentence[1] : following[0]]:
        return False
    if is_code(text, sentence[0]) or is_list_item(text, sentence[0]):
        return False
    return text[sentence[1] - 1] == ":" or is_list_item(text, following[0])


def _split_long_sentence(
    text: str, start: int, end: int, max_tokens: int, count_tokens: CountTokens
) -> Iterator[tuple[int, int]]:
    """Yield the span itself, or pieces of it where one sentence (a table, a list) is too long for the encoder.

    This is the only place where a sentence is cut: at clauses, then at words.
    """
    if count_tokens(text[start:end]) <= max_tokens and len(text[start:end].split()) <= 2 * MAX_WORDS:
        yield start, end
        return
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        separators=["\n", "; ", ": ", ", ", " ", ""],
        keep_separator="end",
        chunk_size=max(8, max_tokens * 3 // 4),
        chunk_overlap=0,
        length_function=count_tokens,
        add_start_index=True,
    )
    for piece in splitter.create_documents([text[start:end]]):
        first = start + int(piece.metadata["start_index"])
        if piece.page_content.strip():
            yield _with_indent(text, first), first + len(piece.page_content)


def _pages(document: Document, start: int, end: int) -> tuple[int, int] | None:
    """Return the first and last physical page (from 1) of a span, or None where the format has no pages."""
    if not document.page_starts:
        return None
    first = max(1, bisect_right(document.page_starts, start))
    return first, max(first, bisect_right(document.page_starts, end - 1))
