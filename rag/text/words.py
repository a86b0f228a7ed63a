"""Words of a text, and their stems."""

from __future__ import annotations

import re
from functools import lru_cache


def words_of(text: str) -> list[str]:
    """The words of ``text`` without possessive endings."""
    return [re.sub(r"['’]s?$", "", word) for word in re.findall(r"[^\W_][\w’'-]*", text)]


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """A crude stem: inflections of one word meet, which is all that is asked of it."""
    for ending in ("'s", "’s", "ingly", "edly", "ing", "ies", "ied", "ed", "es", "ly", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
