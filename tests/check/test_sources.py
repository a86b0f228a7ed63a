"""Resolving an entry of a source list without reading any document."""

from __future__ import annotations

from pathlib import Path

import pytest
from briefs import REPORT

from rag.check import ListedSource
from rag.check.sources import SourcePassages, SourceReader


@pytest.fixture
def reader(tmp_path: Path) -> SourceReader:
    return SourceReader(directories=(tmp_path,), index=None, fetch=False)


def test_a_source_with_its_passage_is_that_passage(reader: SourceReader) -> None:
    source = reader.read_source(REPORT.id, ListedSource(entry=REPORT.id, chunk=REPORT))
    assert source == SourcePassages(exact=(REPORT,))
    assert source.near("Who pursued a tower?") == [REPORT]


def test_a_made_up_chunk_id_is_a_forged_source(reader: SourceReader) -> None:
    source = reader.read_source("x.00000000", ListedSource(entry="x.00000000", chunk=REPORT, fault="not the id"))
    assert source == SourcePassages(fault="not the id", forged=True)


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("https://example.org/ozone", "source 1: https://example.org/ozone was not fetched (--fetch reads it)"),
        ("gone.pdf, 2019", "source 1 names no passage, file or address that can be read: gone.pdf, 2019"),
        ("Interview", "source 1 names no passage, file or address that can be read: Interview"),
    ],
)
def test_an_unreadable_source_has_no_passages_and_the_fault_says_why(
    reader: SourceReader, entry: str, fault: str
) -> None:
    assert reader.read_source("1", ListedSource(entry=entry)) == SourcePassages(fault=fault)


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("notes (final) [v2].md", "notes (final) [v2].md, p. 3"),
        ("notes (final) [v2].md", "[Notes](<notes (final) [v2].md>)"),
        ("100% & more #3.md", "The notes, [here](100%25%20%26%20more%20%233.md)"),
        ("fifth, bell; 'x'.md", "fifth, bell; 'x'.md"),
        ("third`s bell.md", "``third`s bell.md``, page 1"),
        ("fourth\nbell.md", "A bell — `fourth bell.md` — `fourth-bell-md.0a1b2c3d`"),
        ("Łódź 東京.md", "Łódź 東京.md"),
        ("below/deeper/service.md", "service.md"),
        ("below/deeper/service.md", "The record (service.md), 1931"),
    ],
)
def test_a_file_is_found_by_whatever_name_it_has(name: str, entry: str, reader: SourceReader, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("# Tram\n\nThe tram opened on 4 June 1926.\n", encoding="utf-8")
    source = reader.read_source("1", ListedSource(entry=entry))
    assert not source.fault
    assert [chunk.text for chunk in source.near("When did the tram open?")] == ["The tram opened on 4 June 1926."]


def test_rows_of_a_file_that_share_an_id_are_read_once(reader: SourceReader, tmp_path: Path) -> None:
    rows = ('{"id": "a", "text": "The tram opened."}', '{"id": "a", "text": "The pier burned."}')
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    source = reader.read_source("1", ListedSource(entry="rows.jsonl"))
    assert [chunk.text for chunk in source.near("When did the tram open?")] == ["The tram opened."]


def test_a_name_that_two_files_have_is_not_guessed(reader: SourceReader, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "service.md").write_text("The tram opened.\n")
    assert reader.read_source("1", ListedSource(entry="service.md")).fault
