"""Documents in rows of JSONL and CSV: ``id, title, text, date, source``, of which only ``text`` is required.

Other fields with prose in them, such as a summary, are read too; those without are named in the document's coverage.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rag.errors import ReadError
from rag.ingest.clean import clean_text
from rag.ingest.dates import iso_date

_READ_FIELDS = frozenset({"id", "_id", "text", "title", "date", "source", "url"})
_PROSE_WORDS = 4
"""Words from which on the text of another field is read: a name or a code is shorter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow:
    """A row that is a document. ``line`` is its line in the file, from 1.

    ``prose`` has the name and the text of each other field with prose in it, ``unread`` the names of the rest;
    ``surplus_cells`` is the number of cells that its text was split into beyond the columns.
    """

    line: int
    id: str
    text: str
    title: str | None = None
    date: str | None = None
    source: str | None = None
    prose: tuple[tuple[str, str], ...] = ()
    unread: tuple[str, ...] = ()
    surplus_cells: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedRows:
    """The content of a file whose rows are documents. ``problems`` are ``(line, reason)`` of rows that are none."""

    rows: tuple[DocumentRow, ...]
    problems: tuple[tuple[int, str], ...]
    media_type: str
    metadata: Mapping[str, str]


def parse_row(values: object, line: int, fallback_id: str) -> DocumentRow:
    """Check the fields of a row. Its id is ``id``, else ``_id`` (as in BEIR), else ``fallback_id``.

    Raises:
        ReadError: ``values`` is not an object, its text is missing, empty or not a string, or its id is neither a
            string nor an integer.
    """
    if not isinstance(values, dict):
        raise ReadError(f"a {type(values).__name__}, not an object with a text")
    text = values.get("text")
    if not isinstance(text, str):
        raise ReadError("no text" if text is None else f"text is {type(text).__name__}, not text")
    if not text.strip():
        raise ReadError("the text is empty")
    id_ = values.get("id", values.get("_id"))
    if id_ is not None and (isinstance(id_, bool) or not isinstance(id_, (str, int))):
        raise ReadError(f"id is {type(id_).__name__}, not text")
    prose, unread = _other_fields(values)
    return DocumentRow(
        line=line,
        id=(clean_text(str(id_)).strip() if id_ is not None else "") or fallback_id,
        text=text,
        title=_string_field(values, "title"),
        date=iso_date(values.get("date")),
        source=_string_field(values, "source") or _string_field(values, "url"),
        prose=prose,
        unread=unread,
    )


def _other_fields(values: Mapping[str, object]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Return the names and texts of the fields with prose that are not read otherwise, and the names of the rest."""
    prose, unread = [], []
    for name, value in values.items():
        if value in (None, "", [], {}) or (name in _READ_FIELDS and (name != "date" or iso_date(value))):
            continue
        if isinstance(value, str) and len(value.split()) >= _PROSE_WORDS:
            prose.append((name, without_surrogates(value).strip()))
        elif not isinstance(value, str) or value.strip():
            unread.append(name)
    return tuple(prose), tuple(unread)


def _string_field(values: Mapping[str, object], name: str) -> str | None:
    value = values.get(name)
    return without_surrogates(value).strip() or None if isinstance(value, str) else None


def without_surrogates(text: str) -> str:
    """Return ``text`` without halves of characters, which JSON can escape alone and no file can hold."""
    return re.sub("[\x00\ud800-\udfff]", "", text)
