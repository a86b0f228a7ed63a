"""Extract the documents of a source."""

from __future__ import annotations

from pathlib import Path

from rag.errors import ReadError
from rag.ingest.blocks import Block, ParsedDocument, assemble
from rag.ingest.clean import PAGE_BREAK, clean_text, match_key
from rag.ingest.formats import READERS, suffix_of
from rag.ingest.language import foreign_language
from rag.ingest.rows import ParsedRows
from rag.ingest.source import Source
from rag.ingest.titles import choose_title
from rag.types import Document, Skipped


def extract(source: Source) -> tuple[list[Document], list[Skipped]]:
    """Return the documents of ``source``, and the parts that could not be read, with reasons.

    Bad content never raises. Most files are one document with the source's id; rows of JSONL and CSV are documents with
    their own ids.
    """
    path = source.location
    try:
        data = source.data if source.data is not None else Path(path).read_bytes()
        return _extract_data(source, data)
    except ReadError as error:
        return [], [Skipped(path=path, reason=str(error))]
    except OSError as error:
        return [], [Skipped(path=path, reason=f"cannot be read: {(error.strerror or str(error)).lower()}")]
    except MemoryError:
        return [], [Skipped(path=path, reason="too large for this machine's memory")]
    except Exception as error:  # parsers fail in many ways on damaged files; the other files are still read
        return [], [Skipped(path=path, reason=f"cannot be read as its format: {type(error).__name__}: {error}")]


def _extract_data(source: Source, data: bytes) -> tuple[list[Document], list[Skipped]]:
    if not data:
        raise ReadError("the file is empty")
    read = READERS[suffix_of(source.location, source.content_type)]
    parsed = read(data, source.id)
    if isinstance(parsed, ParsedRows):
        return _row_documents(source, parsed)
    document = _make_document(parsed, id_=source.id, source=source.location)
    if not document.text.strip():
        hint = "a scan? it needs OCR first" if parsed.media_type == "application/pdf" else "only mark-up or blanks"
        raise ReadError(f"no text found: {hint}")
    return [document], []


def _row_documents(source: Source, parsed: ParsedRows) -> tuple[list[Document], list[Skipped]]:
    documents: dict[str, Document] = {}
    skipped = [Skipped(path=f"{source.location}:{line}", reason=reason) for line, reason in parsed.problems]
    for row in parsed.rows:
        where = f"{source.location}:{row.line}"
        content = ParsedDocument(
            blocks=tuple(_paragraphs(row.text)),
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
    blocks = list(parsed.blocks)
    title = choose_title(parsed.title, blocks, id_)
    text, headings, page_starts = assemble(_without_title(blocks, title), paged=parsed.paged)
    language = foreign_language(text)
    return Document(
        id=id_,
        title=title,
        text=text,
        source=source,
        date=parsed.date,
        media_type=parsed.media_type,
        metadata={**parsed.metadata, **({"language": language} if language else {})},
        headings=headings,
        page_starts=page_starts,
    )


def _without_title(blocks: list[Block], title: str) -> list[Block]:
    """Remove the title from the first three blocks, because every chunk's context starts with it anyway."""
    for index, block in enumerate(blocks[:3]):
        if match_key(block.text) == match_key(title):
            page_breaks = PAGE_BREAK * block.text.count(PAGE_BREAK)
            return [*blocks[:index], Block(text=page_breaks), *blocks[index + 1 :]]
    return blocks
