"""Figures of a comparison."""

from __future__ import annotations

from rag._internal.ids import chunk_id
from rag.eval.bench.peers.score import stated_aspects, time_figures
from rag.eval.bench.peers.table import markdown_table
from rag.eval.runner.coverage_cases import CoverageCase
from rag.types import Chunk


def chunk(document: str, text: str) -> Chunk:
    return Chunk(id=chunk_id(document, 0, text), document_id=document, text=text, start=0, end=len(text))


def test_an_aspect_is_stated_by_a_passage_of_its_document() -> None:
    aspects = [
        {"text": "The opening.", "places": [{"document_id": "canal.txt", "anchor": f"opened in {year}"}]}
        for year in (1914, 1915, 1916, 1917)
    ]
    case = CoverageCase.model_validate({"id": "q", "collection": "c", "question": "When?", "aspects": aspects})
    text = "It opened in 1914, and opened in 1915 again."
    assert stated_aspects(case, [chunk("canal.txt", text)]) == 2
    assert stated_aspects(case, [chunk("vault.txt", text)]) == 0


def test_time_is_that_of_one_system_and_collection() -> None:
    key = {"system": "alpha", "collection": "c"}
    rows = [
        {**key, "kind": "index", "chunks": 9, "cost": {"core_seconds_since_start": 3.04}},
        {**key, "kind": "answer", "question": "q", "core_seconds": 2.0},
        {**key, "kind": "answer", "question": "r", "core_seconds": 4.0},
        {**key, "kind": "answer", "question": "r", "core_seconds": 99.0, "system": "beta"},
        {**key, "kind": "failed", "question": "s", "error": "no answer in 9 s"},
    ]
    found = time_figures(rows, "alpha", "c")
    assert (found["index_seconds"], found["answer_seconds"], found["answers"], found["failed"]) == (3.0, 3.0, 2, 1)
    assert found["start_seconds"] is None


def test_a_table_shows_a_missing_figure_as_a_dash() -> None:
    assert markdown_table([{"a": 1, "b": None}]) == "| a | b |\n| --- | --- |\n| 1 | – |"
