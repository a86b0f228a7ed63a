"""The catalogue and its lexical index, without vectors."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag._internal.ids import chunk_id
from rag.store import Catalogue, SourceRow
from rag.types import Chunk, Coverage, Document, Filter, Heading, Omission


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue(tmp_path / "catalogue.sqlite")


def put(
    catalogue: Catalogue,
    id_: str,
    text: str,
    *,
    date: str | None = None,
    metadata: dict[str, str] | None = None,
    **place: Any,
) -> Chunk:
    """Store a source with one document of one chunk; ``place`` has what this begins within."""
    document = Document(
        id=id_,
        title=id_.partition(".")[0].title(),
        text=f"Heading\n\n{text}",
        source=f"/documents/{id_}",
        date=date,
        metadata=metadata or {},
        headings=(Heading(start=0, end=7, level=1, text="Heading"),),
        page_starts=(0, 9),
    )
    chunk = Chunk(
        id=chunk_id(id_, 9, text),
        document_id=id_,
        text=text,
        start=9,
        end=9 + len(text),
        heading_path=("Heading",),
        pages=(2, 2),
        title=document.title,
        source=document.source,
        date=date,
        **place,
    )
    catalogue.put_source(SourceRow(id=id_, location=document.source, root="/documents", digest="0"))
    catalogue.put_document(document, id_, [(chunk, f"{chunk.id}.record")])
    return chunk


@pytest.mark.parametrize(
    "place",
    [{}, {"items": ("Canals", "Panama")}, {"columns": "year; canal"}, {"items": ("Canals",), "columns": "year"}],
)
def test_documents_and_chunks_are_returned_as_they_were_stored(catalogue: Catalogue, place: dict[str, Any]) -> None:
    chunk = put(catalogue, "canal.txt", "The Panama Canal opened in 1914.", date="1914-08-15", **place)
    assert catalogue.chunks_with_id(chunk.id) == [chunk]
    assert catalogue.chunks_by_record([f"{chunk.id}.record", "unknown"]) == {f"{chunk.id}.record": chunk}
    assert catalogue.records_by_chunk([chunk.id]) == {chunk.id: f"{chunk.id}.record"}
    document = catalogue.document("canal.txt")
    assert document is not None
    assert document.text[chunk.start : chunk.end] == chunk.text
    assert (document.headings[0].text, document.page_starts) == ("Heading", (0, 9))
    assert (catalogue.chunks_with_id("unknown"), catalogue.document("unknown")) == ([], None)


def test_deleted_source_takes_its_documents_and_chunks_along(catalogue: Catalogue) -> None:
    kept, deleted = put(catalogue, "canal.txt", "A canal."), put(catalogue, "moon.md", "A moon.")
    catalogue.delete_source("moon.md")
    assert catalogue.count() == (1, 1)
    assert list(catalogue.sources()) == ["canal.txt"]
    assert list(catalogue.records()) == [f"{kept.id}.record"]
    assert catalogue.chunks_with_id(deleted.id) == []
    assert catalogue.lexical("moon", 5) == []


def test_failed_transaction_changes_nothing(catalogue: Catalogue) -> None:
    put(catalogue, "canal.txt", "A canal.")
    with pytest.raises(RuntimeError, match="disk"), catalogue.transaction():
        put(catalogue, "moon.md", "A moon.")
        raise RuntimeError("disk")
    assert catalogue.count() == (1, 1)


def test_cached_value_is_computed_again_after_a_change_by_another_connection(catalogue: Catalogue) -> None:
    put(catalogue, "canal.txt", "A canal.")
    computed: list[int] = []

    def compute() -> int:
        computed.append(catalogue.count()[0])
        return computed[-1]

    assert [catalogue.cached("documents", compute) for _ in range(2)] == [1, 1]
    assert computed == [1]
    put(Catalogue(catalogue.path), "moon.md", "A moon.")
    assert catalogue.cached("documents", compute) == 2


def test_languages_other_than_english_are_counted(catalogue: Catalogue) -> None:
    put(catalogue, "canal.txt", "A canal.")
    put(catalogue, "mond.md", "Ein Mond.", metadata={"language": "de"})
    assert catalogue.languages() == {"de": 1}


def test_latest_documents_are_a_share_of_the_dated_ones_if_half_of_many_have_a_date(catalogue: Catalogue) -> None:
    for month in range(1, 11):
        put(catalogue, f"{month}.md", "The board met.", date=f"2026-{month:02}")
    assert catalogue.date_of_latest(0.2) is None  # of ten documents the latest ones say nothing
    for day in range(10, 40):
        put(catalogue, f"old{day}.md", "The board met.", date=f"2025-01-{day - 9:02}")
    assert catalogue.date_of_latest(0.05) == "2026-08"
    for number in range(50):
        put(catalogue, f"undated{number}.md", "The board met.")
    assert catalogue.date_of_latest(0.05) is None


@pytest.mark.parametrize(
    "query", ["", '"', "NEAR(", "a AND OR NOT", "🙂", "canal*", "x" * 10_000, "nul\0byte", "col:on"]
)
def test_no_query_is_a_syntax_error(catalogue: Catalogue, query: str) -> None:
    put(catalogue, "canal.txt", "The Panama Canal opened in 1914.")
    found = catalogue.lexical(query, 5)
    assert [chunk.document_id for chunk, _ in found] == (["canal.txt"] if query == "canal*" else [])


def test_lexical_search_matches_stems_and_ignores_function_words(catalogue: Catalogue) -> None:
    put(catalogue, "canal.txt", "The canals opened.")
    put(catalogue, "moon.md", "The moon is not a canal.")
    put(catalogue, "ozone.md", "The protocol was signed.")
    found = catalogue.lexical("What was the canal that opened?", 5)
    assert [chunk.document_id for chunk, _ in found] == ["canal.txt", "moon.md"]
    assert all(score > 0 for _, score in found)


def test_lexical_search_is_narrowed_by_a_filter(catalogue: Catalogue) -> None:
    put(catalogue, "canal.txt", "It opened in 1914.", date="1914-08-15")
    put(catalogue, "moon.md", "It opened in 1969.")
    found = catalogue.lexical("opened", 5, Filter(since="1914"))
    assert [chunk.document_id for chunk, _ in found] == ["canal.txt"]


@pytest.mark.parametrize(
    "count",
    [lambda reader: len(reader.lexical("canal", 99)), lambda reader: reader.vocabulary.count("canal")],
    ids=["search", "frequency"],
)
def test_reading_during_a_commit_gives_one_state(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, count: Callable[[Catalogue], int]
) -> None:
    def add(numbers: range) -> None:
        with catalogue.transaction():
            for number in numbers:
                put(catalogue, f"{number}.md", f"Canal {number}.")

    add(range(4))
    reader = Catalogue(catalogue.path)
    assert count(reader) == 4
    postings = reader._lexical._segments.postings

    def commit_before(*args: Any) -> Any:
        monkeypatch.undo()
        add(range(4, 40))  # in the segment that had the first four
        return postings(*args)

    monkeypatch.setattr(reader._lexical._segments, "postings", commit_before)
    assert count(reader) == 40


def make_schema_1(path: Path) -> None:
    """Give the catalogue at ``path`` the full-text table of schema 1 in place of its lexical index."""
    db = sqlite3.connect(path)
    db.executescript(
        "DROP TABLE segments; DROP TABLE postings; DELETE FROM meta; CREATE VIRTUAL TABLE lexical "
        "USING fts5 (context, text, tokenize = 'porter unicode61 remove_diacritics 2');"
        "INSERT INTO lexical (rowid, context, text) SELECT c.number, d.title || ' › Heading', c.text "
        "FROM chunks c JOIN documents d ON d.id = c.document_id;"
    )
    db.close()


def test_catalogue_of_schema_1_is_searched_and_then_replaced_by_the_next_transaction(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "catalogue.sqlite")
    for id_, text in (("canal.txt", "The canals opened."), ("moon.md", "No canal on the moon, moon, moon.")):
        put(catalogue, id_, text)
    catalogue.close()
    make_schema_1(catalogue.path)
    catalogue, reader = Catalogue(catalogue.path), Catalogue(catalogue.path)
    before = reader.lexical("canal", 5)
    assert [chunk.document_id for chunk, _ in before] == ["canal.txt", "moon.md"]
    assert reader.vocabulary.count("canal") == 2
    with catalogue.transaction():
        pass
    assert (catalogue.lexical("canal", 5), reader.lexical("canal", 5)) == (before, before)
    assert reader.vocabulary.count("canal") == 2
    put(catalogue, "panama.md", "A canal.")
    assert len(reader.lexical("canal", 5)) == 3


def test_index_of_other_terms_is_searched_and_then_built_anew_by_the_next_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:  # as a version wrote it that left out signs
        earlier.setattr("rag.store.terms.with_signs", lambda text: text)
        earlier.setattr("rag.store.catalogue.TERMS_VERSION", "1")
        catalogue = Catalogue(tmp_path / "catalogue.sqlite")
        put(catalogue, "walrus.md", "An assignment expression is written with := between name and value.")
        put(catalogue, "moon.md", "A value.")
    assert catalogue.lexical("the := operator", 5) == []
    assert len(catalogue.lexical("value", 5)) == 2
    with catalogue.transaction():
        pass
    assert [chunk.document_id for chunk, _ in catalogue.lexical("the := operator", 5)] == ["walrus.md"]
    assert len(catalogue.lexical("value", 5)) == 2


def test_failed_transaction_leaves_the_lexical_index_as_it_was(catalogue: Catalogue) -> None:
    put(catalogue, "canal.txt", "A canal.")
    with pytest.raises(RuntimeError, match="disk"), catalogue.transaction():
        put(catalogue, "moon.md", "A moon.")
        catalogue.delete_source("canal.txt")
        assert [chunk.document_id for chunk, _ in catalogue.lexical("canal moon", 5)] == ["moon.md"]
        raise RuntimeError("disk")
    put(catalogue, "ozone.md", "A protocol.")
    assert [chunk.document_id for chunk, _ in catalogue.lexical("canal moon", 5)] == ["canal.txt"]


def test_transaction_of_a_killed_process_leaves_the_lexical_index_as_it_was(catalogue: Catalogue) -> None:
    put(catalogue, "canal.txt", "A canal.")
    script = (
        "import os, signal, sys; from pathlib import Path; from rag.store import Catalogue\n"
        "catalogue = Catalogue(Path(sys.argv[1]))\n"
        "with catalogue.transaction():\n"
        "    catalogue.delete_source('canal.txt')\n"
        "    assert catalogue.lexical('canal', 5) == []\n"  # writes to the file's log
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(catalogue.path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [chunk.document_id for chunk, _ in catalogue.lexical("canal", 5)] == ["canal.txt"]


def test_snapshot_is_a_complete_catalogue(catalogue: Catalogue, tmp_path: Path) -> None:
    chunk = put(catalogue, "canal.txt", "A canal.")
    catalogue.snapshot(tmp_path / "copy.sqlite")
    assert Catalogue(tmp_path / "copy.sqlite").chunks_with_id(chunk.id) == [chunk]


def test_coverage_is_kept_with_its_document_and_leaves_with_it(catalogue: Catalogue) -> None:
    lost = Omission(what="no text layer", count=2, parts=(2, 3), lost=True)
    coverage = Coverage(unit="page", total=3, read=1, omissions=(lost,))
    document = Document(id="a.pdf", title="A", text="x", source="a.pdf", coverage=coverage)
    catalogue.put_source(SourceRow(id="a.pdf", location="a.pdf", root="", digest="0"))
    catalogue.put_document(document, "a.pdf", [])
    put(catalogue, "plain.txt", "A text without parts.")
    assert catalogue.document("a.pdf") == document
    assert catalogue.coverages({"a.pdf", "plain.txt"}) == {"a.pdf": coverage}
    assert catalogue.coverages({"plain.txt"}) == {}
    catalogue.delete_source("a.pdf")
    assert catalogue.coverages({"a.pdf"}) == {}


def test_no_statement_has_a_variable_for_each_document(catalogue: Catalogue) -> None:
    """SQLite takes 32,766 variables in a statement, and an index may have more documents; here the limit is 8."""
    names = [f"boat-{n}.md" for n in range(40)]
    with catalogue.transaction():
        chunks = [put(catalogue, name, "A boat landed herring.", date="1931") for name in names]
    catalogue._db.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 8)
    for where in (Filter(since="1900"), Filter(document="boat-*"), None):
        assert len(catalogue.lexical("herring", 40, where)) == 40
    assert len(catalogue.matching_documents(Filter(since="1900"))) == 40
    assert len(catalogue.chunks_by_record([f"{chunk.id}.record" for chunk in chunks])) == 40
    assert len(catalogue.records_by_chunk([chunk.id for chunk in chunks])) == 40
    with catalogue.transaction():
        for name in names[1:]:
            catalogue.delete_source(name)
    assert catalogue.count() == (1, 1)
