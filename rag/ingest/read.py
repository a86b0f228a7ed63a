"""A source → its documents."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from rag.errors import ReadError
from rag.ingest.blocks import Block, Reading, assemble
from rag.ingest.clean import PAGE, key, plain, title_from_name
from rag.ingest.formats import FORMATS, suffix_of
from rag.ingest.language import foreign_language
from rag.ingest.rows import Rows
from rag.ingest.source import Source
from rag.types import Document, Skipped

_NO_TITLE = frozenset({"contents", "tableofcontents", "inhalt", "index"})


def extract(source: Source) -> tuple[list[Document], list[Skipped]]:
    """The documents of ``source``, and what of it could not be read, with reasons. Bad content never raises.

    Most files are one document, whose id is the source's; JSONL and CSV rows are documents under
    their own ids.
    """
    path = source.location
    try:
        data = source.data if source.data is not None else Path(path).read_bytes()
        return _read(source, data)
    except ReadError as error:
        return [], [Skipped(path=path, reason=str(error))]
    except OSError as error:
        return [], [Skipped(path=path, reason=f"cannot be read: {(error.strerror or str(error)).lower()}")]
    except MemoryError:
        return [], [Skipped(path=path, reason="too large for this machine's memory")]
    except Exception as error:  # A hundred ways to be broken; none may stop the other files
        return [], [Skipped(path=path, reason=f"cannot be read as its format: {type(error).__name__}: {error}")]


def _read(source: Source, data: bytes) -> tuple[list[Document], list[Skipped]]:
    if not data:
        raise ReadError("the file is empty")
    module = import_module(f"rag.ingest.{FORMATS[suffix_of(source.location, source.content_type)]}")
    found: Reading | Rows = module.read(data, source.id)
    if isinstance(found, Rows):
        return _rows(source, found)
    document = _document(source, found, id_=source.id, source_=source.location)
    if not document.text.strip():
        hint = "a scan? it needs OCR first" if found.media_type == "application/pdf" else "only mark-up or blanks"
        raise ReadError(f"no text found: {hint}")
    return [document], []


def _rows(source: Source, found: Rows) -> tuple[list[Document], list[Skipped]]:
    documents: dict[str, Document] = {}
    skipped = [Skipped(path=f"{source.location}:{line}", reason=reason) for line, reason in found.problems]
    for row in found.rows:
        where = f"{source.location}:{row.line}"
        reading = Reading(
            blocks=tuple(_paragraphs(row.text)),
            media_type=found.media_type,
            title=row.title,
            date=row.date,
            metadata=found.metadata,
        )
        document = _document(source, reading, id_=row.id, source_=row.source or where)
        if row.id in documents:
            skipped.append(Skipped(path=where, reason=f"the id {row.id} stands in the file twice"))
        elif not document.text:
            skipped.append(Skipped(path=where, reason="no text found: only blanks"))
        else:
            documents[row.id] = document
    return list(documents.values()), sorted(skipped, key=lambda item: int(item.path.rpartition(":")[2]))


def _paragraphs(text: str) -> list[Block]:
    return [Block(text=" ".join(part.split())) for part in plain(text).replace("\f", "\n\n").split("\n\n")]


def _document(source: Source, found: Reading, *, id_: str, source_: str) -> Document:
    blocks = list(found.blocks)
    first = next((plain(block.text).strip() for block in blocks if block.level and _tells(block.text)), None)
    title = plain(found.title or "").strip() or first or title_from_name(id_)
    title = " ".join(title.replace("\f", " ").split())
    text, headings, page_starts = assemble(_without_title(blocks, title), paged=found.paged)
    language = foreign_language(text)
    return Document(
        id=id_,
        title=title,
        text=text,
        source=source_,
        date=found.date,
        media_type=found.media_type,
        metadata={**found.metadata, **({"language": language} if language else {})},
        headings=headings,
        page_starts=page_starts,
    )


def _tells(heading: str) -> bool:
    return bool(key(heading)) and key(heading) not in _NO_TITLE


def _without_title(blocks: list[Block], title: str) -> list[Block]:
    """``blocks`` without the title among the first three, since it goes before every passage anyway."""
    for place, block in enumerate(blocks[:3]):
        if key(block.text) == key(title):
            pages = PAGE * block.text.count(PAGE)
            return [*blocks[:place], Block(text=pages), *blocks[place + 1 :]]
    return blocks
