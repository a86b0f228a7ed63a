"""Translate a query into an expression of SQLite's full-text search (FTS5)."""

from __future__ import annotations

import re

from rag.text import FUNCTION_WORDS

_STOP_WORDS = FUNCTION_WORDS | {"any", "not"}
_MAX_TERMS = 64


def match_expression(query: str) -> str:
    """Return an FTS5 expression that matches any word of ``query``; "" if it has none.

    Stop words are left out unless there is nothing else. Words are quoted and contain letters and digits only, so that
    no part of a query is taken for an operator.
    """
    words = dict.fromkeys(re.findall(r"[^\W_]+", query.lower()))
    terms = ([word for word in words if word not in _STOP_WORDS] or list(words))[:_MAX_TERMS]
    return " OR ".join(f'"{term}"' for term in terms)
