"""Documents and their coverage as rows of the catalogue."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from rag.types import Coverage, Document, Heading, Omission

SELECT_DOCUMENT = "SELECT id, title, text, source, date, media_type, metadata, headings, page_starts FROM documents "


def document_row(document: Document, source_id: str) -> tuple[str | None, ...]:
    """Return ``document`` as a row of the table ``documents``."""
    return (
        document.id,
        source_id,
        document.title,
        document.source,
        document.date,
        document.media_type,
        json.dumps(dict(document.metadata), ensure_ascii=False),
        document.text,
        json.dumps([(h.start, h.end, h.level, h.text) for h in document.headings], ensure_ascii=False),
        json.dumps(document.page_starts),
    )


def make_document(row: tuple[Any, ...], coverage: Coverage) -> Document:
    """Return the document of a row of :data:`SELECT_DOCUMENT`."""
    id_, title, text, source, date, media_type, metadata, headings, page_starts = row
    return Document(
        id=id_,
        title=title,
        text=text,
        source=source,
        date=date,
        media_type=media_type,
        metadata=json.loads(metadata),
        headings=tuple(Heading(start=a, end=b, level=n, text=words) for a, b, n, words in json.loads(headings)),
        page_starts=tuple(json.loads(page_starts)),
        coverage=coverage,
    )


def coverage_json(coverage: Coverage) -> str:
    """Return ``coverage`` as JSON."""
    return json.dumps(asdict(coverage), ensure_ascii=False)


def make_coverage(values: str) -> Coverage:
    """Return the coverage that ``values`` is the JSON of."""
    fields = json.loads(values)
    omissions = tuple(Omission(**{**item, "parts": tuple(item["parts"])}) for item in fields.pop("omissions"))
    return Coverage(**{**fields, "by_ocr": tuple(fields.get("by_ocr", ()))}, omissions=omissions)
