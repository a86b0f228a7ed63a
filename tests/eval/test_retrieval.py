"""``citebrief eval retrieval`` on a benchmark of four documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rag.cli.main import cli
from rag.errors import UsageError
from rag.eval.cli.retrieval import RETRIEVAL_MODES
from rag.eval.metrics.retrieval import modes

TEXTS = {
    "ozone": "The Montreal Protocol of 1987 phased out chlorofluorocarbons to protect the ozone layer.",
    "canal": "The Panama Canal opened to ships in August 1914.",
    "moon": "The Apollo Guidance Computer landed astronauts on the Moon in 1969.",
    "bread": "Sourdough rises by wild yeast and lactic acid bacteria.",
}
QUERIES = {
    "q1": ("When did the Panama Canal open?", "canal"),
    "q2": ("Which computer was used by astronauts?", "moon"),
    "q3": ("qwertz", "bread"),
}


def test_the_options_name_the_modes_that_there_are() -> None:
    assert tuple(modes()) == RETRIEVAL_MODES


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the benchmark. No word of the third query is in a document."""
    directory = tmp_path_factory.mktemp("benchmark")
    (directory / "corpus.jsonl").write_text(
        "".join(json.dumps({"_id": id_, "title": "", "text": text}) + "\n" for id_, text in TEXTS.items())
    )
    (directory / "queries.jsonl").write_text(
        "".join(json.dumps({"_id": id_, "text": text}) + "\n" for id_, (text, _) in QUERIES.items())
    )
    (directory / "qrels").mkdir()
    rows = "".join(f"{id_}\t{document}\t1\n" for id_, (_, document) in QUERIES.items())
    (directory / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + rows)
    return directory


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's cache that keeps the index between the tests."""
    return tmp_path_factory.mktemp("cache")


def measure(benchmark: Path, cache: Path, *options: str) -> Result:
    """Run the command with ``options``."""
    return CliRunner().invoke(cli, ["eval", "retrieval", str(benchmark), *options], env={"CITEBRIEF_CACHE": str(cache)})


def figures_of(result: Result) -> dict[str, Any]:
    """Return the JSON that the command has printed."""
    assert result.exit_code == 0, result.output
    figures: dict[str, Any] = json.loads(result.stdout)
    return figures


@pytest.mark.integration
def test_every_mode_has_its_measures_and_a_time_and_a_query_without_hits_counts_as_0(
    benchmark: Path, cache: Path
) -> None:
    result = measure(benchmark, cache, "--json")
    figures = figures_of(result)
    assert list(figures["modes"]) == ["dense", "bm25", "hybrid", "hybrid+rerank"]
    assert (figures["queries"], figures["documents"], figures["chunks"]) == (3, 4, 4)
    for mode in figures["modes"].values():
        assert list(mode["measures"]) == ["nDCG@10", "R@10", "R@100", "RR@10"]
        assert mode["milliseconds"] > 0
    assert figures["modes"]["bm25"]["measures"]["nDCG@10"]["mean"] == pytest.approx(2 / 3)
    assert figures["modes"]["dense"]["measures"]["R@10"]["mean"] == 1.0
    assert "embed: passages" in result.stderr
    assert "hybrid+rerank: queries 3/3" in result.stderr


@pytest.mark.integration
def test_the_index_is_used_again_until_the_corpus_changes(benchmark: Path, cache: Path, tmp_path: Path) -> None:
    measure(benchmark, cache, "--mode", "bm25")
    again = figures_of(measure(benchmark, cache, "--mode", "bm25", "--json"))
    assert (again["embedded"], list(again["modes"])) == (0, ["bm25"])
    assert Path(again["store"]).is_relative_to(cache)

    corpus = benchmark / "corpus.jsonl"
    before = corpus.read_text()
    corpus.write_text(before + json.dumps({"_id": "new", "title": "", "text": "Glaciers carve valleys."}) + "\n")
    changed = figures_of(measure(benchmark, cache, "--mode", "bm25", "--json"))
    corpus.write_text(before)
    assert (changed["embedded"], changed["chunks"]) == (1, 5)


@pytest.mark.integration
def test_a_store_with_other_documents_is_refused_and_left_alone(benchmark: Path, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("Glaciers carve valleys.")
    store = str(tmp_path / "store")
    assert CliRunner().invoke(cli, ["index", str(tmp_path / "note.txt"), "--store", store]).exit_code == 0
    result = measure(benchmark, cache, "--store", store)
    assert isinstance(result.exception, UsageError)
    assert "has other documents (note.txt): name another folder" in str(result.exception)


@pytest.mark.integration
def test_the_table_names_the_index_and_shows_a_row_a_mode(benchmark: Path, cache: Path) -> None:
    result = measure(benchmark, cache, "--limit", "2", "--mode", "dense", "--mode", "hybrid", "--quiet")
    assert result.exit_code == 0, result.output
    first, index, header, dense, hybrid = result.stdout.splitlines()
    assert "test: 2 queries, 4 documents, 4 passages" in first
    assert index.startswith(f"index {cache}")
    assert header.split()[0] == "mode"
    assert (dense.split()[0], hybrid.split()[0]) == ("dense", "hybrid")
    assert result.stderr == ""


@pytest.mark.integration
def test_an_embedder_on_a_server_is_refused_before_anything_is_read(benchmark: Path, cache: Path) -> None:
    result = measure(benchmark, cache, "--embedder", "openai:text-embedding-3-small")
    assert isinstance(result.exception, UsageError)
    assert "measures embedders of this machine only" in str(result.exception)
