"""Extract the documents of a source."""

from __future__ import annotations

import codecs
from dataclasses import replace
from pathlib import Path

from rag.errors import ReadError
from rag.ingest.blocks import Block, ParsedDocument, assemble
from rag.ingest.clean import PAGE_BREAK, clean_text, match_key
from rag.ingest.dates import date_of_name
from rag.ingest.encoding import BYTE_ORDER_MARKS, codec_of, decode, is_binary
from rag.ingest.formats import READERS
from rag.ingest.header import date_of_opening
from rag.ingest.language import foreign_language
from rag.ingest.omissions import NO_TEXT_LAYER, OCR_ADVICE, SURPLUS_CELLS, UNREADABLE, Tally, describe_omission
from rag.ingest.rows import ParsedRows
from rag.ingest.source import Source
from rag.ingest.titles import choose_title, is_statement
from rag.types import Coverage, Document, Skipped

_TEXT_FORMATS = frozenset(".md .markdown .txt .text .rst .rest .html .htm .xhtml .csv .tsv .jsonl .ndjson".split())


def extract(source: Source) -> tuple[list[Document], list[Skipped]]:
    """Return the documents of ``source``, and the parts that could not be read, with reasons.

    Bad content never raises. Most files are one document with the source's id; rows of JSONL and CSV are documents with
    their own ids.
    """
    path = source.location
    try:
        data = source.data if source.data is not None else Path(source.path or path).read_bytes()
        return _extract_data(source, data)
    except ReadError as error:
        return [], [Skipped(path=path, reason=str(error))]
    except OSError as error:
        return [], [Skipped(path=path, reason=f"cannot be read: {(error.strerror or str(error)).lower()}")]
    except MemoryError:
        return [], [Skipped(path=path, reason="too large for this machine's memory")]
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    # Parsers fail in many ways on damaged files; the other files are still read. A panic of a parser in Rust is no
    # Exception, but a BaseException.
    except BaseException as error:
        return [], [Skipped(path=path, reason=f"cannot be read as its format: {type(error).__name__}: {error}")]


def _extract_data(source: Source, data: bytes) -> tuple[list[Document], list[Skipped]]:
    if not data:
        raise ReadError("the file is empty")
    suffix, codec = source.suffix, ""
    if suffix in _TEXT_FORMATS:
        if is_binary(data, source.charset):
            raise ReadError("binary data or control characters, not text")
        data, codec = _recode(data, source.charset)
    parsed = _read_with_ocr(data, source.id) if source.ocr and suffix == ".pdf" else READERS[suffix](data, source.id)
    if codec:
        parsed = replace(parsed, metadata={**parsed.metadata, "encoding": codec})
    if isinstance(parsed, ParsedRows):
        return _row_documents(source, parsed)
    document = _make_document(parsed, id_=source.id, source=source.location)
    if not document.text.strip():
        raise ReadError(f"no text found: {_why_empty(parsed.media_type, document.coverage)}")
    return [document], []


def _read_with_ocr(data: bytes, name: str) -> ParsedDocument:
    from rag.ingest.pdf.reader import read_pdf

    return read_pdf(data, name, ocr=True)


def _recode(data: bytes, label: str) -> tuple[bytes, str]:
    """Return ``data`` in UTF-8 with a byte order mark, and its encoding, if the server's ``label`` names one.

    The label outranks the page. UTF-8 stays as it is, whatever the server calls it; the encoding is then empty.
    """
    if not label or codec_of(label) is None or data.startswith(BYTE_ORDER_MARKS):
        return data, ""
    text, metadata = decode(data, label)
    return (codecs.BOM_UTF8 + text.encode("utf-8", "replace"), metadata["encoding"]) if metadata else (data, "")


def _why_empty(media_type: str, coverage: Coverage) -> str:
    lost = "; ".join(describe_omission(item, coverage.unit) for item in coverage.omissions if item.lost)
    if media_type == "application/pdf":
        advice = f": a scan? it needs OCR first: {OCR_ADVICE}"
        return f"{lost or NO_TEXT_LAYER}{advice if NO_TEXT_LAYER in (lost or NO_TEXT_LAYER) else ''}"
    left_out = "; ".join(describe_omission(item, coverage.unit) for item in coverage.omissions)
    return lost or (f"only {left_out}" if left_out else "only mark-up or blanks")


def _row_documents(source: Source, parsed: ParsedRows) -> tuple[list[Document], list[Skipped]]:
    documents: dict[str, Document] = {}
    skipped = [Skipped(path=f"{source.location}:{line}", reason=reason) for line, reason in parsed.problems]
    for row in parsed.rows:
        where = f"{source.location}:{row.line}"
        tally = Tally()
        tally.add(SURPLUS_CELLS, count=row.surplus_cells)
        for name in row.unread:
            tally.add("other columns", detail=clean_text(name))
        others = (part for name, text in row.prose for part in _paragraphs(f"{clean_text(name)}: {text}"))
        content = ParsedDocument(
            blocks=(*_paragraphs(row.text), *others),
            tally=tally,
            media_type=parsed.media_type,
            title=row.title,
            date=row.date,
            metadata=parsed.metadata,
        )
        document = _make_document(content, id_=row.id, source=row.source or where)
        if row.id in documents:
            skipped.append(Skipped(path=where, reason=f"the id {row.id} occurs twice in the file"))
        elif not document.text:
            skipped.append(Skipped(path=where, reason="no text found: only blanks"))
        else:
            documents[row.id] = document
    return list(documents.values()), sorted(skipped, key=lambda item: int(item.path.rpartition(":")[2]))


def _paragraphs(text: str) -> list[Block]:
    return [Block(text=" ".join(part.split())) for part in clean_text(text).replace("\f", "\n\n").split("\n\n")]


def _make_document(parsed: ParsedDocument, *, id_: str, source: str) -> Document:
    """Assemble a document, whose title :func:`choose_title` gives."""
    blocks = [replace(block, level=0) if block.level and is_statement(block.text) else block for block in parsed.blocks]
    title = choose_title(parsed.title, blocks, id_)
    body, title_page = _without_title(blocks, title)
    text, headings, page_starts = assemble(body, paged=parsed.paged)
    if not text.strip():  # the title is all there is
        text, headings, page_starts = assemble(blocks, paged=parsed.paged)
    parsed.tally.add(UNREADABLE, count=text.count("\ufffd") - parsed.tally.count(UNREADABLE))
    language = foreign_language(text)
    return Document(
        id=id_,
        title=title,
        text=text,
        source=source,
        date=parsed.date or date_of_name(id_) or date_of_opening(text),
        media_type=parsed.media_type,
        metadata={**parsed.metadata, **({"language": language} if language else {})},
        headings=headings,
        page_starts=page_starts,
        coverage=_coverage(parsed, text, page_starts, title_page),
    )


def _coverage(parsed: ParsedDocument, text: str, page_starts: tuple[int, ...], title_page: int) -> Coverage:
    """Count the parts that have text; a page without text is named even if its reader gave no reason.

    Args:
        title_page: the page, from 1, whose title became the document's, which is text of it; 0 for none.
    """
    total, read = parsed.parts, parsed.read
    if page_starts:
        total, ends = len(page_starts), (*page_starts[1:], len(text))
        empty = [n for n, (a, b) in enumerate(zip(page_starts, ends, strict=True), 1) if not match_key(text[a:b])]
        empty = [number for number in empty if number != title_page]
        read = total - len(empty)
        for number in empty:
            if not parsed.tally.has(number):
                parsed.tally.add("nothing read", part=number)
    return Coverage(unit=parsed.unit, total=total, read=read, omissions=parsed.tally.omissions(), by_ocr=parsed.by_ocr)


def _without_title(blocks: list[Block], title: str) -> tuple[list[Block], int]:
    """Remove the title from the first three blocks, because every chunk's context starts with it anyway.

    Returns:
        the other blocks, and the page from 1 that the title was on; 0 if none of the blocks is the title.
    """
    for index, block in enumerate(blocks[:3]):
        if match_key(block.text) == match_key(title):
            page_breaks = PAGE_BREAK * block.text.count(PAGE_BREAK)
            page = 1 + sum(before.text.count(PAGE_BREAK) for before in blocks[: index + 1])
            return [*blocks[:index], Block(text=page_breaks), *blocks[index + 1 :]], page
    return blocks, 0
