"""Collections: documents, and queries with what is known of the documents that are relevant to them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from rag.types import Document

TRAIN, HELD_OUT = "train", "held out"

FULL, PART, NONE = 1.0, 0.7, 0.0
"""Labels of a passage: it answers the query, answers it in part, or only seems to answer it. They are the targets of
the probability that a passage is on the query, for which a part of the answer counts almost as much."""

Spans = tuple[tuple[int, int], ...]
"""Places in a text: start and end."""

HELD_OUT_SHARE = 5
"""One query in this many is held out, or one document or article with all its queries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is known of a document and a query.

    Attributes:
        label: see :data:`FULL`.
        spans: the places in the document's text that answer; none stands for the document as a whole.
    """

    document: str
    label: float
    spans: Spans = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question or a claim, and the judgements on it."""

    id: str
    text: str
    split: str
    """:data:`TRAIN` or :data:`HELD_OUT`."""
    judgements: tuple[Judgement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """Documents and queries.

    Attributes:
        index: names the index of the documents, which several collections may share.
        by_document: whether a ranking is measured by documents, each with the rank of its best chunk, or by chunks.
    """

    name: str
    documents: list[Document]
    queries: list[Query]
    index: str
    by_document: bool


def split_of(key: str) -> str:
    """Return the split of what is called ``key``: the same one in every run."""
    digest = hashlib.sha256(key.encode()).digest()
    return HELD_OUT if int.from_bytes(digest[:8]) % HELD_OUT_SHARE == 0 else TRAIN
