"""The lexical index, compared with SQLite's full-text search."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator

import pytest

from rag.store.full_text import FullTextIndex
from rag.store.lexical import LexicalIndex
from rag.store.terms import FTS5_TOKENIZER

WORDS = ["canal", "canals", "ship", "opened", "moon", "ozone", *(f"n{i}" for i in range(60))]

QUERIES = ["canals opened", "canal canals moon n40 n50", "n3 the ship", "title", "unknown", "?"]


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute(f"CREATE VIRTUAL TABLE lexical USING fts5 (context, text, tokenize = '{FTS5_TOKENIZER}')")
    yield connection
    connection.close()


@pytest.fixture
def index(db: sqlite3.Connection) -> LexicalIndex:
    found = LexicalIndex(db, lambda _, compute: compute())
    found.create()
    return found


def make_text(number: int) -> str:
    """A text of which few words are frequent and most are rare."""
    choice = random.Random(number)
    return " ".join(WORDS[min(int(choice.expovariate(0.15)), len(WORDS) - 1)] for _ in range(choice.randint(3, 40)))


def fill(index: LexicalIndex, db: sqlite3.Connection, numbers: range) -> None:
    """Add the same chunks to both indexes."""
    for number in numbers:
        index.add(number, f"A title\n{make_text(number)}")
        db.execute("INSERT INTO lexical (rowid, context, text) VALUES (?, 'A title', ?)", (number, make_text(number)))
    index.flush()


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("k", [1, 20, 1000])
def test_ranking_and_scores_are_those_of_sqlites_full_text_search(
    index: LexicalIndex, db: sqlite3.Connection, query: str, k: int
) -> None:
    for start in range(1, 400, 40):
        fill(index, db, range(start, start + 40))
    deleted = list(range(5, 400, 7))
    index.delete(deleted)
    index.flush()
    db.executemany("DELETE FROM lexical WHERE rowid = ?", [(number,) for number in deleted])
    expected = FullTextIndex(db)
    assert index.search(query, k) == expected.search(query, k)
    allowed = list(range(1, 400, 3))
    assert index.search(query, k, allowed) == expected.search(query, k, allowed)
    assert index.search(query, k, []) == []


@pytest.mark.parametrize("word", ["canal", "n30", "title", "unknown"])
def test_frequency_is_the_number_of_live_chunks_with_the_stem(
    index: LexicalIndex, db: sqlite3.Connection, word: str
) -> None:
    fill(index, db, range(1, 50))
    index.delete([3, 4])
    index.flush()
    db.execute("DELETE FROM lexical WHERE rowid IN (3, 4)")
    assert index.frequency(word) == FullTextIndex(db).frequency(word)


def test_chunk_that_is_deleted_before_it_is_written_is_never_found(index: LexicalIndex) -> None:
    index.add(1, "canal")
    index.add(2, "canal")
    index.delete([1])
    index.flush()
    assert [number for number, _ in index.search("canal", 5)] == [2]


def test_discarded_chunks_are_not_written(index: LexicalIndex) -> None:
    index.add(1, "canal")
    index.discard()
    index.flush()
    assert index.search("canal", 5) == []


def test_index_without_tables_is_empty() -> None:
    index = LexicalIndex(sqlite3.connect(":memory:"), lambda _, compute: compute())
    assert index.search("canal", 5) == []
    assert index.frequency("canal") == 0
