"""Mined queries: each with the chunks that hybrid retrieval finds for it, and the labels of chunks. Files of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rag._internal.files import write_atomically

from ..verifier.examples import read_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class MinedPassage:
    """A chunk: ``text`` begins with a line of its document's title and its headings."""

    id: str
    document: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MinedQuery:
    """A query, its candidates and what is known of them.

    Attributes:
        collection: the collection's name.
        split: see :mod:`.collection`.
        candidates: ids of chunks in the order of hybrid retrieval.
        scores: of the candidates by hybrid retrieval.
        labels: of chunks that were judged, by id; they need not be candidates.
        unknown: ids of chunks that may be relevant though no label says so.
        relevant: grades (2 or 1) by id of what is to be found: documents, or else chunks.
        by_document: whether these are documents.
    """

    id: str
    collection: str
    text: str
    split: str
    candidates: tuple[str, ...]
    scores: tuple[float, ...]
    labels: Mapping[str, float]
    unknown: tuple[str, ...]
    relevant: Mapping[str, int]
    by_document: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MinedCollection:
    """The queries of a collection and its chunks by id."""

    name: str
    queries: list[MinedQuery]
    passages: dict[str, MinedPassage]


def write_mined(directory: Path, mined: MinedCollection) -> None:
    """Write ``NAME.passages.jsonl``, then ``NAME.queries.jsonl``, whose presence says that both are complete."""
    _write_rows(directory / f"{mined.name}.passages.jsonl", (asdict(each) for each in mined.passages.values()))
    _write_rows(directory / f"{mined.name}.queries.jsonl", (asdict(each) for each in mined.queries))


def mined_names(directory: Path) -> list[str]:
    """Return the names of the collections in ``directory``, sorted."""
    return sorted(path.name.removesuffix(".queries.jsonl") for path in directory.glob("*.queries.jsonl"))


def read_mined(directory: Path, name: str) -> MinedCollection:
    """Read what :func:`write_mined` has written.

    Raises:
        OSError: a file cannot be read.
    """
    passages = [MinedPassage(**row) for row in read_rows(directory / f"{name}.passages.jsonl")]
    queries = [
        MinedQuery(**{**row, **{name: tuple(row[name]) for name in ("candidates", "scores", "unknown")}})
        for row in read_rows(directory / f"{name}.queries.jsonl")
    ]
    return MinedCollection(name=name, queries=queries, passages={passage.id: passage for passage in passages})


def _write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    write_atomically(path, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))
