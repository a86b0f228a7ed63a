"""Reading a retrieval benchmark in BEIR's layout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rag.errors import UsageError
from rag.eval.metrics.benchmark import read_benchmark


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Three documents, three queries with judgements in test, one of them only in train too."""
    write_rows(
        tmp_path / "corpus.jsonl",
        [
            {"_id": "d1", "title": "Ozone", "text": "The Montreal Protocol phased out chlorofluorocarbons."},
            {"_id": "d2", "title": "A title alone", "text": " "},
            {"_id": "d3", "title": "", "text": ""},
        ],
    )
    write_rows(tmp_path / "queries.jsonl", [{"_id": f"q{n}", "text": f"query {n}"} for n in range(12)])
    (tmp_path / "qrels").mkdir()
    rows = "".join(f"q{n}\td1\t{1 if n else 0}\n" for n in range(12))
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + rows)
    (tmp_path / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\nq3\td2\t2\n")
    return tmp_path


def test_a_document_without_text_has_its_title_as_text_and_one_without_both_is_left_out(directory: Path) -> None:
    documents = read_benchmark(directory).documents()
    assert [(document.id, document.text) for document in documents][1:] == [("d2", "A title alone")]


def test_each_split_has_its_own_queries_and_judgements(directory: Path) -> None:
    benchmark = read_benchmark(directory, "train")
    assert dict(benchmark.queries) == {"q3": "query 3"}
    assert benchmark.judgements == {"q3": {"d2": 2}}


def test_a_query_without_a_relevant_document_is_left_out(directory: Path) -> None:
    assert "q0" not in read_benchmark(directory).queries


def test_the_drawn_queries_depend_on_the_seed_alone(directory: Path) -> None:
    benchmark = read_benchmark(directory)
    drawn = benchmark.sample_queries(5, seed=1)
    assert len(drawn) == 5
    assert drawn == benchmark.sample_queries(5, seed=1)
    assert drawn != benchmark.sample_queries(5, seed=2)
    assert benchmark.sample_queries(99, seed=1) == benchmark.sample_queries(None, seed=2) == dict(benchmark.queries)


def test_the_digest_changes_with_the_corpus(directory: Path) -> None:
    before = read_benchmark(directory).corpus_digest()
    write_rows(directory / "corpus.jsonl", [{"_id": "d1", "title": "", "text": "Another text."}])
    assert read_benchmark(directory).corpus_digest() != before


def test_an_unknown_split_is_refused_with_those_there_are(directory: Path) -> None:
    with pytest.raises(UsageError, match="no split dev; there is test, train"):
        read_benchmark(directory, "dev")


@pytest.mark.parametrize(
    ("file", "content", "fault"),
    [
        ("queries.jsonl", '{"_id": "q1"}\n', "a row lacks 'text'"),
        ("queries.jsonl", '{"_id": "q0", "text": "x"}\n', "lacks query q1 of qrels/test.tsv"),
        ("queries.jsonl", "{\n", "queries.jsonl, line 1: "),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t0\n", "judges no document relevant"),
        ("qrels/test.tsv", "q1\td1\t1\n", "a row lacks 'query-id'|judges no document relevant"),
        ("corpus.jsonl", '{"_id": "d", "text": "x"}\n' * 2, "two documents with the id d"),
    ],
)
def test_a_malformed_file_is_refused_with_its_fault(directory: Path, file: str, content: str, fault: str) -> None:
    (directory / file).write_text(content)
    with pytest.raises(UsageError, match=fault):
        read_benchmark(directory).documents()


def test_a_directory_of_another_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a benchmark in BEIR's layout"):
        read_benchmark(tmp_path)
