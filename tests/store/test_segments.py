"""The segments of the lexical index."""

from __future__ import annotations

import sqlite3

import pytest

from rag.store.segments import SEGMENTS_SCHEMA, Segments
from rag.store.terms import analyzer


@pytest.fixture
def segments() -> Segments:
    db = sqlite3.connect(":memory:")
    for statement in SEGMENTS_SCHEMA:
        db.execute(statement)
    return Segments(db)


def add(segments: Segments, texts: dict[int, str]) -> None:
    segments.add(list(texts), analyzer().invert(list(texts.values())))
    segments.merge()


def chunks_of(segments: Segments, term: str) -> dict[int, int]:
    """The numbers of the live chunks that have ``term``, and its count in each."""
    by_id = {segment.id: segment for segment in segments.read()}
    return {
        int(by_id[id_].numbers[place]): int(count)
        for id_, postings in segments.postings([term], by_id).get(term, [])
        for place, count in postings
        if by_id[id_].live[place]
    }


def test_postings_have_the_chunks_of_a_term(segments: Segments) -> None:
    add(segments, {7: "canal ship canal", 9: "moon", 12: "ship"})
    assert chunks_of(segments, "canal") == {7: 2}
    assert chunks_of(segments, "ship") == {7: 1, 12: 1}
    assert chunks_of(segments, "ozone") == {}


def test_number_of_segments_grows_with_the_logarithm_of_the_number_of_runs(segments: Segments) -> None:
    for number in range(1, 101):
        add(segments, {number: f"canal n{number}"})
    assert len(segments.read()) <= 7
    assert chunks_of(segments, "canal") == dict.fromkeys(range(1, 101), 1)
    assert chunks_of(segments, "n50") == {50: 1}


def test_deleted_chunks_are_gone_before_and_after_a_merge(segments: Segments) -> None:
    add(segments, {number: f"canal n{number}" for number in range(1, 5)})
    segments.delete([2])
    assert chunks_of(segments, "canal") == {1: 1, 3: 1, 4: 1}
    add(segments, dict.fromkeys(range(5, 9), "canal"))
    assert len(segments.read()) == 1
    assert chunks_of(segments, "canal") == dict.fromkeys([1, 3, 4, 5, 6, 7, 8], 1)
    assert (chunks_of(segments, "n2"), chunks_of(segments, "n3")) == ({}, {3: 1})


def test_number_of_a_deleted_chunk_can_be_used_again(segments: Segments) -> None:
    add(segments, {1: "canal", 2: "canal", 3: "canal"})
    segments.delete([3])
    add(segments, {3: "moon"})
    assert chunks_of(segments, "canal") == {1: 1, 2: 1}
    assert chunks_of(segments, "moon") == {3: 1}


def test_segment_that_is_mostly_deleted_is_written_again(segments: Segments) -> None:
    add(segments, {number: f"canal n{number}" for number in range(1, 9)})
    segments.delete([1, 2, 3, 4, 5])
    segments.merge()
    assert [segment.numbers.tolist() for segment in segments.read()] == [[6, 7, 8]]
    assert chunks_of(segments, "n7") == {7: 1}


def test_segment_without_live_chunks_is_removed(segments: Segments) -> None:
    add(segments, {1: "canal"})
    segments.delete([1])
    segments.merge()
    assert segments.read() == []


def test_count_above_255_is_stored_as_255(segments: Segments) -> None:
    add(segments, {1: "canal " * 300})
    assert chunks_of(segments, "canal") == {1: 255}
