"""Rows of JSONL and CSV as documents: ``id, title, text, date, source``, of which only ``text`` is required."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rag.errors import ReadError
from rag.ingest.clean import iso_date, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One document that stands in a row. ``line`` is where in the file, from 1."""

    line: int
    id: str
    text: str
    title: str | None = None
    date: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of a file. ``problems`` are ``(line, reason)`` of those that are no documents."""

    rows: tuple[Row, ...]
    problems: tuple[tuple[int, str], ...]
    media_type: str
    metadata: Mapping[str, str]


def row(values: object, line: int, fallback_id: str) -> Row:
    """One row. BEIR's ``_id`` is taken for ``id``; without either the id is ``fallback_id``.

    Raises:
        ReadError: ``values`` has no names, its text is missing, empty or not text, or its id is neither
            text nor a number.
    """
    if not isinstance(values, dict):
        raise ReadError(f"a {type(values).__name__}, not an object with a text")
    text = values.get("text")
    if not isinstance(text, str):
        raise ReadError("no text" if text is None else f"text is {type(text).__name__}, not text")
    if not text.strip():
        raise ReadError("the text is empty")
    given = values.get("id", values.get("_id"))
    if given is not None and (isinstance(given, bool) or not isinstance(given, (str, int))):
        raise ReadError(f"id is {type(given).__name__}, not text")
    return Row(
        line=line,
        id=plain(str(given)).strip() if given not in {None, ""} else fallback_id,
        text=text,
        title=_text(values, "title"),
        date=iso_date(values.get("date")),
        source=_text(values, "source") or _text(values, "url"),
    )


def _text(values: Mapping[str, object], name: str) -> str | None:
    value = values.get(name)
    return value.strip() or None if isinstance(value, str) else None
