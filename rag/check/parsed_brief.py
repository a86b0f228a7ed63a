"""A brief as its author wrote it: claims, and the sources that they cite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rag.types import Chunk, Claim

DISAGREEMENT_PART = "disagreements"
"""``Claim.where`` of a side of a disagreement in our JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSource:
    """An entry of a brief's source list.

    Attributes:
        entry: the text of the entry, or the chunk id in our JSON.
        chunk: the passage, if the brief contains it.
        fault: what is wrong with the entry; empty if nothing is.
    """

    entry: str
    chunk: Chunk | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedBrief:
    """A parsed brief. It may cite sources that it does not list; a check reports that.

    Attributes:
        claims: in reading order.
        sources: the source list, by the number or chunk id that claims cite.
        spare: passages that were retrieved but not cited (our JSON only).
        raw: the JSON of the brief; empty for Markdown.
    """

    claims: tuple[Claim, ...]
    sources: Mapping[str, ListedSource]
    spare: tuple[Chunk, ...] = field(default=())
    raw: Mapping[str, Any] = field(default_factory=dict)
