"""The suite of queries: its rows, its halves, its measures, and the command."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from rag._internal.ids import chunk_id
from rag.cli.main import cli
from rag.errors import UsageError
from rag.eval.metrics.known_items import first_rank
from rag.eval.metrics.queries import (
    QueryCase,
    QueryRanks,
    format_queries,
    halves,
    read_query_cases,
    summarize_queries,
    summarize_ranks,
)
from rag.eval.runner.coverage_cases import anchor_form
from rag.types import Chunk

REPOSITORY = Path(__file__).parents[2]
SUITE = REPOSITORY / "eval" / "cases" / "queries.jsonl"
PLACE = {"document_id": "a.md", "anchor": "the vault is cold"}
ROW = {"id": "a", "collection": "corpus", "kind": "vague", "question": "why so cold", "places": [PLACE]}


def chunk(document_id: str, text: str) -> Chunk:
    return Chunk(id=chunk_id(document_id, 0, text), document_id=document_id, text=text, start=0, end=len(text))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kind": "odd"}, "line 1: kind"),
        ({"places": []}, "line 1: places"),
        ({"places": [PLACE | {"anchor": "one two three four five six seven eight nine"}]}, "line 1: places.0.anchor"),
        ({"extra": 1}, "line 1: extra"),
    ],
)
def test_a_malformed_row_is_refused_with_the_line(tmp_path: Path, changed: dict[str, object], message: str) -> None:
    path = tmp_path / "suite.jsonl"
    path.write_text(json.dumps(ROW | changed))
    with pytest.raises(UsageError, match=message):
        read_query_cases(path)


def test_the_rank_is_that_of_the_first_chunk_with_the_words_in_the_right_document() -> None:
    case = QueryCase.model_validate(ROW)
    chunks = [chunk("b.md", "the vault is cold"), chunk("a.md", "other"), chunk("a.md", "Here the vault\nis cold.")]
    assert first_rank(chunks, case.is_answered_by) == 3
    assert first_rank(chunks[:2], case.is_answered_by) is None


def test_the_committed_suite_has_sixty_queries_ten_of_each_kind_and_twenty_of_each_collection() -> None:
    cases = read_query_cases(SUITE)
    assert set(Counter(case.kind for case in cases).values()) == {10}
    assert Counter(case.collection for case in cases) == {"corpus": 20, "mueller": 20, "govuk": 20}
    assert Counter(halves(cases).values()) == {"tune": 30, "report": 30}
    for case in cases:
        assert (case.clean is None) == (case.kind in ("long", "vague")), case.id
        assert case.clean != case.question, case.id


def test_each_anchor_over_the_corpus_is_in_its_document() -> None:
    from rag.ingest import Source, extract, find

    texts = {
        document.id: anchor_form(document.text)
        for source in find([str(REPOSITORY / "corpus")])
        if isinstance(source, Source)
        for document in extract(source)[0]
    }
    for case in read_query_cases(SUITE):
        for place in case.places if case.collection == "corpus" else ():
            assert anchor_form(place.anchor) in texts[place.document_id], (case.id, place)


def test_a_query_that_finds_nothing_counts_as_zero() -> None:
    found = summarize_ranks([1, None, 4, 20])
    assert (found.n, found.success_1, found.success_5, found.success_10) == (4, 0.25, 0.5, 0.5)
    assert found.mrr == pytest.approx((1 + 1 / 4 + 1 / 20) / 4)


def test_the_loss_compares_the_same_queries_as_written_and_clean() -> None:
    def ranks(number: int, query: int, clean: int | None) -> QueryRanks:
        case = QueryCase.model_validate(ROW | {"id": str(number), "clean": None if clean is None else "cold"})
        return QueryRanks(
            case=case, half="tune", ranks={"bm25": query}, clean=None if clean is None else {"bm25": clean}
        )

    measured = [ranks(1, 2, 1), ranks(2, 1, None)]
    wordings = summarize_queries(measured)["vague"]
    assert {wording: (modes["bm25"].n, modes["bm25"].mrr) for wording, modes in wordings.items()} == {
        "query": (2, 0.75),
        "noisy": (1, 0.5),
        "clean": (1, 1.0),
    }
    assert "vague     noisy      1  bm25" in format_queries(measured)
    assert format_queries([]), "a suite of one query has none in its other half"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--collection", "corpus"], "--collection corpus: not NAME=PATH"),
        (["--collection", "other=corpus"], "names: corpus, mueller, govuk"),
        ([], "say where one is: --collection corpus=PATH"),
    ],
)
def test_a_wrong_option_is_refused(options: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CliRunner().invoke(cli, ["eval", "queries", str(SUITE), *options], catch_exceptions=False)


@pytest.mark.integration
def test_the_command_measures_the_collections_that_it_is_given(tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "a.md").write_text("# The vault\n\nThe rock is frozen, so the vault is cold.\n")
    suite = tmp_path / "suite.jsonl"
    suite.write_text(json.dumps(ROW) + "\n" + json.dumps(ROW | {"id": "b", "collection": "mueller"}))
    arguments = ["eval", "queries", str(suite), "--collection", f"corpus={documents}", "--indexes", str(tmp_path / "s")]
    result = CliRunner().invoke(cli, [*arguments, "--mode", "bm25", "--json", "--quiet"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["queries"] == [{"id": "a", "half": "tune", "ranks": {"bm25": 1}, "clean": None}]

    (documents / "a.md").write_text("# The vault\n\nThe rock is warm.\n")
    result = CliRunner().invoke(cli, [*arguments, "--mode", "bm25", "--quiet"], catch_exceptions=False)
    assert "not in the documents: a: a.md: the vault is cold" in result.stderr
    assert "vague     query      1  bm25            0.00" in result.stdout
