"""Decide whether a document passes a filter of the user's."""

from __future__ import annotations

from fnmatch import fnmatch

from rag.types import Filter


def passes_filter(where: Filter, *, id_: str, title: str, date: str | None) -> bool:
    """Whether the document with this id, title and ISO date passes ``where``."""
    if where.document and not any(_matches(name.casefold(), where.document.casefold()) for name in (id_, title)):
        return False
    if not (where.since or where.until):
        return True
    # ISO dates of different precision are compared as text, both cut to the shorter one.
    return bool(
        date
        and (not where.since or date[: len(where.since)] >= where.since[: len(date)])
        and (not where.until or date[: len(where.until)] <= where.until[: len(date)])
    )


def _matches(name: str, pattern: str) -> bool:
    return name == pattern or fnmatch(name, pattern)  # a name may have brackets, which are a set in a pattern
