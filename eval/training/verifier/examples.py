"""Training examples: an evidence text and claims on it with their labels and the words that it does not support.

A claim and its twin, which differs from it in one flaw, stand one after the other: they are ranked against each other
in training, and the words in which they differ are the labels of the head that marks unsupported words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

Span = tuple[int, int]
"""Start and end of characters in a claim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleClaim:
    """A claim of an example."""

    text: str
    supported: bool
    """Whether the evidence fully supports the claim."""
    unsupported: tuple[Span, ...] | None = None
    """The words that the evidence does not support: none for a supported claim, None where they are not known."""
    has_twin: bool = False
    """Whether the next claim of the example is this claim's twin, which the evidence does not support."""
    kind: str = ""
    """The flaw of a false claim, or the way in which a true one was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An evidence text and claims on it; ``source`` is the domain, collection or data set."""

    evidence: str
    claims: tuple[ExampleClaim, ...]
    source: str


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON Lines.

    Raises:
        OSError: the file cannot be read.
        ValueError: a line is no JSON; the message names it.
    """
    rows = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                raise ValueError(f"{path}:{number}: not JSON: {error}") from error
    return rows


def twins(claim: str, twin: str, kinds: tuple[str, str] = ("", "")) -> tuple[ExampleClaim, ExampleClaim]:
    """Return a supported claim and its false twin, whose differing words are unsupported."""
    return (
        ExampleClaim(text=claim, supported=True, unsupported=(), has_twin=True, kind=kinds[0]),
        ExampleClaim(text=twin, supported=False, unsupported=changed_words(twin, claim), kind=kinds[1]),
    )


def changed_words(text: str, original: str) -> tuple[Span, ...]:
    """Return the spans of the words of ``text`` that differ from ``original``.

    Words are compared without case. Where ``text`` only lacks words, the word after the gap is marked.
    """
    words = list(re.finditer(r"\S+", text))
    if not words:
        return ()
    matcher = SequenceMatcher(None, [word.group().lower() for word in words], original.lower().split(), autojunk=False)
    spans = []
    for operation, first, end, _, _ in matcher.get_opcodes():
        if operation == "delete" or (operation == "replace" and end > first):
            spans.append((words[first].start(), words[end - 1].end()))
        elif operation == "insert":
            word = words[min(first, len(words) - 1)]
            spans.append((word.start(), word.end()))
    return tuple(spans)


def with_heading(heading: str, text: str) -> str:
    """Return ``text`` below its heading line, if it has one: the form of evidence in training and in use."""
    return f"{heading}\n{text}" if heading else text


def join_passages(passages: Iterable[str]) -> str:
    """Return passages as one evidence text."""
    return "\n\n".join(passages)
