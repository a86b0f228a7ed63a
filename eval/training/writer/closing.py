"""Summary and conclusion in one reply, from the numbered sentences of the sections. The product does not ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from rag.writing.reply_schemas import list_of, strict_schema
from rag.writing.small_prompts import one_line

CLOSING_PROMPT = "small_closing"
MAX_CLOSING_TOKENS = 500


def numbered_sentences(sections: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Return a line ``[heading]`` for each section and one line for each of its sentences, numbered through from 1."""
    lines: list[str] = []
    number = 0
    for heading, sentences in sections:
        lines.append(f"[{heading}]")
        for text in sentences:
            number += 1
            lines.append(f"{number} {one_line(text)}")
    return "\n".join(lines)


def closing_schema(sentences: int) -> Any:
    """Return the schema of summary and conclusion, whose sentences rest on those numbered 1 to ``sentences``."""
    kind: Any = Literal[tuple(range(1, sentences + 1))]
    numbers = (Annotated[list_of(kind, 1, sentences), Field(alias="from")], ...)
    item = strict_schema("Item", sources=numbers, text=(str, ...))
    return strict_schema("WrittenClosing", summary=(list_of(item, 1, 4), ...), conclusion=(list_of(item, 1, 2), ...))
