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
