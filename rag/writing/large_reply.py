"""Read what a large model replies: only whole sentences, and only passages that it was shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rag.types import Chunk
from rag.writing.drafts import Draft, DraftDisagreement
from rag.writing.editing import Edit
from rag.writing.model_calls import sentences_of_item, without_markers

MAX_GAP_WORDS = 40
"""A longer gap is not printed."""


def read_drafts(text: str, cited: Sequence[str], passages: Mapping[str, Chunk]) -> list[Draft]:
    """Return the drafts of one item of a reply, with the passages that it cites."""
    own = _chunks(cited, passages)
    return [Draft(text=each, chunks=own, evidence=()) for each in sentences_of_item(text)]


def read_edit(item: Any, entry: int, passages: Mapping[str, Chunk]) -> Edit:
    """Return the correction in an item of a reply; what has no text or no citation replaces nothing."""
    written = read_drafts(item.text, item.citations, passages) if item.citations else []
    drafts = () if item.action == "drop" else tuple(written)
    return Edit(entry=entry, action=item.action, drafts=drafts, why=" ".join(item.why.split()))


def read_disagreement(item: Any, passages: Mapping[str, Chunk]) -> DraftDisagreement | None:
    """Return the disagreement, or None unless it has two sides of one sentence each, on different passages."""
    if len(item.sides) != 2:
        return None
    sides = []
    for side in item.sides:
        sentences = sentences_of_item(side.text)
        if len(sentences) != 1:
            return None
        own = _chunks(side.citations, passages)
        sides.append(Draft(text=sentences[0], chunks=own, evidence=(), is_side=True))
    about = re.sub(r"[\s.:;]+$", "", without_markers(item.about)).strip()
    one, other = sides
    if not about or set(one.citations) == set(other.citations):
        return None
    return DraftDisagreement(about=about[:1].upper() + about[1:], sides=(one, other))


def clean_queries(queries: Iterable[str]) -> tuple[str, ...]:
    """Return the different ``queries`` without line breaks; empty ones are left out."""
    return tuple(dict.fromkeys(filter(None, (" ".join(query.split()) for query in queries))))


def gap_sentences(sentences: Sequence[str]) -> tuple[str, ...]:
    """Return the gaps that are whole sentences and not too long, without aliases."""
    found = [" ".join(sentences_of_item(text)) for text in sentences]
    return tuple(dict.fromkeys(text for text in found if 0 < len(text.split()) <= MAX_GAP_WORDS))


def _chunks(aliases: Sequence[str], passages: Mapping[str, Chunk]) -> tuple[Chunk, ...]:
    return tuple(passages[alias] for alias in dict.fromkeys(map(str, aliases)))
