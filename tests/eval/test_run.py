"""`citebrief eval` through its command line: a run on real documents, its gate, its report, and scores of any brief."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from fault_server import FaultServer, failing, good, refused, truncated

from rag.cli.main import cli
from rag.errors import CitebriefError, UsageError
from rag.eval.judges.labels import Label
from rag.eval.runner import cases, thresholds

CORPUS = Path(__file__).parents[2] / "corpus"
SUITE = [
    {
        "id": "seychelles",
        "question": "Who met in the Seychelles in January 2017, and what did they discuss?",
        "nuggets": [
            {
                "text": "Dmitriev was disappointed with the meetings in the Seychelles.",
                "importance": "vital",
                "support": [
                    {
                        "document_id": "seychelles-meeting.txt",
                        "quote": "Nader said Dmitriev was disappointed with the Seychelles meetings",
                    }
                ],
            },
            {
                "text": "The talks were held in a submarine.",
                "importance": "okay",
                "support": [{"document_id": "seychelles-meeting.txt", "quote": "in a submarine"}],
            },
        ],
    },
    {"id": "panama", "question": "Why did the French attempt to build the Panama Canal fail?"},
    {"id": "Bread / sourdough", "question": "How is sourdough bread made?", "answerable": False},
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("documents")
    for name in ("seychelles-meeting.txt", "panama-canal-construction.txt"):
        shutil.copy(CORPUS / name, directory)
    found = invoke("index", str(directory), "--store", str(directory / "store"))
    assert found.exit_code == 0, found.output
    return directory / "store"


@pytest.fixture(scope="module")
def done(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    directory = tmp_path_factory.mktemp("runs")
    found = run(store, directory / "out", suite(directory))
    assert found.exit_code == 0, found.output
    return directory / "out"


def invoke(*words: str, **kwargs: Any) -> Result:
    return CliRunner().invoke(cli, list(words), **kwargs)


def run(store: Path, out: Path, path: Path, *more: str) -> Result:
    return invoke(
        "eval", "run", str(path), "--out", str(out), "--store", str(store), "--llm", "extractive", "--quiet", *more
    )


def suite(directory: Path, rows: list[dict[str, Any]] = SUITE) -> Path:
    path = directory / "suite.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def card_of(directory: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / "scorecard.json").read_text())
    return found


def edited(done: Path, directory: Path, change: Callable[[list[dict[str, Any]], dict[str, Any]], None]) -> Path:
    """The brief of the run, its body's sentences changed, as a file of its own."""
    brief = json.loads((done / "briefs" / "seychelles.json").read_text())
    change([row for section in brief["sections"] for row in section["sentences"]], brief)
    path = directory / "edited.json"
    path.write_text(json.dumps(brief))
    return path


def scored(path: Path, *more: str) -> dict[str, Any]:
    result = invoke("eval", "score", str(path), "--json", "--quiet", *more)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_run_scores_every_question_and_says_who_judged(done: Path) -> None:
    card = card_of(done)
    assert card["n"]["questions"] == 3
    assert (card["n"]["answered"], card["n"]["insufficient_evidence"], card["n"]["failed"]) == (2, 1, 0)
    figures = {key: figure["mean"] for key, figure in card["metrics"].items()}
    assert (figures["uncited_rate"], figures["invalid_citation_rate"], figures["citation_recall"]) == (0, 0, 1)
    assert (figures["abstention_precision"], figures["abstention_recall"]) == (1, 1)
    assert card["judge"]["name"].startswith("citebrief-support/1")
    assert card["judge"]["balanced_accuracy"] == pytest.approx(0.68, abs=0.01)
    assert card["judge"]["gated"] is False


def test_nuggets_that_the_brief_states_are_told_from_those_it_does_not(done: Path) -> None:
    [case] = [case for case in card_of(done)["cases"] if case["id"] == "seychelles"]
    assert case["nugget_recall"] == 0.5
    assert case["vital_recall"] == 1
    assert case["evidence_recall"] == 0.5


def test_run_again_it_makes_nothing_anew(done: Path, store: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (done / "briefs").iterdir()}
    assert run(store, done, suite(done.parent)).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in (done / "briefs").iterdir()} == before


def test_what_is_missing_is_made_and_a_torn_line_does_no_harm(done: Path, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(done, out)
    (out / "briefs" / "panama.json").unlink()
    with (out / "verdicts.jsonl").open("a") as log:
        log.write('{"key": "half a li')
    assert run(store, out, suite(tmp_path)).exit_code == 0
    assert card_of(out)["metrics"]["citation_recall"] == card_of(done)["metrics"]["citation_recall"]


def test_a_folder_of_another_run_is_left_alone(done: Path, store: Path) -> None:
    found = invoke(
        "eval", "run", str(suite(done.parent)), "--out", str(done), "--store", str(store), "--llm", "extractive",
        env={"CITEBRIEF_K": "7"},
    )  # fmt: skip
    assert isinstance(found.exception, UsageError)
    assert "another settings: choose another --out" in str(found.exception)


def test_an_id_that_is_no_file_name_is_made_one(done: Path) -> None:
    assert len(list((done / "briefs").glob("bread-sourdough-*.json"))) == 1


def test_what_fails_is_a_row_with_its_reason_and_counts_as_zero(store: Path, tmp_path: Path) -> None:
    with FaultServer([failing(400)] * 40) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "CITEBRIEF_RETRIES": "0"}
        found = invoke(
            "eval", "run", str(suite(tmp_path, SUITE[:1])), "--out", str(tmp_path / "out"), "--store", str(store),
            "--llm", "openai:some-model", "--quiet", env=env,
        )  # fmt: skip
    assert isinstance(found.exception, CitebriefError)
    assert "nothing could be scored" in str(found.exception)
    card = card_of(tmp_path / "out")
    assert card["failures"]["failed_runs"] == 1
    assert card["metrics"]["citation_recall"]["mean"] == 0
    assert card["metrics"]["nugget_recall"]["mean"] == 0
    [row] = [json.loads(line) for line in (tmp_path / "out" / "runs.jsonl").read_text().splitlines()]
    assert row["status"] == "failed"
    assert "refused" in row["error"]


def test_a_spent_budget_asks_nothing_more(store: Path, tmp_path: Path) -> None:
    with FaultServer() as server:
        found = invoke(
            "eval", "run", str(suite(tmp_path, SUITE[:2])), "--out", str(tmp_path / "out"), "--store", str(store),
            "--llm", "openai:gpt-4.1-mini", "--budget", "0.000001", "--quiet", env={"OPENAI_BASE_URL": server.base_url},
        )  # fmt: skip
    rows = [json.loads(line) for line in (tmp_path / "out" / "runs.jsonl").read_text().splitlines()]
    assert [row["status"] for row in rows] == ["failed", "failed"]
    assert all("budget" in row["error"] for row in rows)
    assert server.requests == []
    assert "nothing could be scored" in str(found.exception)


def test_a_budget_that_cannot_be_kept_is_refused(store: Path, tmp_path: Path) -> None:
    found = invoke(
        "eval", "run", str(suite(tmp_path)), "--out", str(tmp_path / "out"), "--store", str(store), "--llm",
        "openai:unheard-of", "--budget", "1", env={"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"},
    )  # fmt: skip
    assert "that of unheard-of is not in the price table" in str(found.exception)


def test_citations_broken_on_purpose_lower_recall_and_precision_by_as_much(done: Path, tmp_path: Path) -> None:
    rows_before = scored(done / "briefs" / "seychelles.json")
    n = rows_before["n"]["sentences"]

    def swap(rows: list[dict[str, Any]], brief: dict[str, Any]) -> None:
        brief["sources"].append(
            {**brief["sources"][0], "chunk_id": "other.00000000", "text": "Bread is made of flour."}
        )
        rows[0]["citations"] = rows[1]["citations"] = ["other.00000000"]

    broken = scored(edited(done, tmp_path, swap))
    for metric in ("citation_recall", "citation_precision", "weighted_recall"):
        before, after = (card["metrics"][metric]["mean"] for card in (rows_before, broken))
        assert before - after == pytest.approx(2 / n, abs=1e-6), metric  # a scorecard has six decimals


def test_a_made_up_source_and_a_missing_citation_are_counted(done: Path, tmp_path: Path) -> None:
    def break_two(rows: list[dict[str, Any]], _: dict[str, Any]) -> None:
        rows[0]["citations"] = ["made-up.12345678"]
        rows[1]["citations"] = []

    card = scored(edited(done, tmp_path, break_two))
    n = card["n"]["sentences"]
    assert card["metrics"]["uncited_rate"]["mean"] == pytest.approx(1 / n, abs=1e-6)
    assert card["metrics"]["invalid_citation_rate"]["mean"] == pytest.approx(1 / (n - 1), abs=1e-6)
    assert card["failures"]["invalid_citations"] == 1


def test_what_a_brief_says_of_its_own_support_is_not_read(done: Path, tmp_path: Path) -> None:
    def lie(rows: list[dict[str, Any]], _: dict[str, Any]) -> None:
        rows[0] |= {"text": "Prince bought the Seychelles for nine billion dollars.", "support": "full", "score": 1.0}

    card = scored(edited(done, tmp_path, lie))
    assert card["metrics"]["citation_recall"]["mean"] < 1


def test_without_cases_nuggets_are_unscored_and_not_zero(done: Path) -> None:
    card = scored(done / "briefs" / "seychelles.json")
    assert card["metrics"]["nugget_recall"] == {"mean": None, "low": None, "high": None, "n": 0, "unscored": 1}


def test_a_foreign_brief_is_scored_against_the_files_it_names(tmp_path: Path) -> None:
    shutil.copy(CORPUS / "panama-canal-construction.txt", tmp_path / "panama.txt")
    brief = tmp_path / "theirs.md"
    brief.write_text(
        "# Canal\n\nThe French canal company collapsed in February 1889 [1]. "
        "The canal was dug by robots in 1750 [1]. Nobody cites this sentence.\n\n## Sources\n\n[1] panama.txt\n"
    )
    card = scored(brief)
    assert card["n"]["sentences"] == 3
    assert card["metrics"]["citation_recall"]["mean"] == pytest.approx(1 / 3, abs=1e-6)
    assert card["metrics"]["uncited_rate"]["mean"] == pytest.approx(1 / 3, abs=1e-6)


def test_one_bad_brief_of_several_counts_as_failed_and_one_alone_is_an_error(done: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    both = invoke("eval", "score", str(bad), str(done / "briefs" / "seychelles.json"), "--json", "--quiet")
    assert both.exit_code == 0
    card = json.loads(both.stdout)
    assert card["failures"]["failed_runs"] == 1
    assert card["metrics"]["citation_recall"]["mean"] == 0.5
    alone = invoke("eval", "score", str(bad))
    assert isinstance(alone.exception, CitebriefError)


def test_a_model_may_judge_and_replies_that_cannot_be_used_are_counted(done: Path) -> None:
    replies = [good({"support": "full"}), truncated(), refused()] + [good({"support": "none"})] * 200
    with FaultServer(replies) as server:
        card = json.loads(
            invoke(
                "eval", "score", str(done / "briefs" / "seychelles.json"), "--judge", "llm", "--judge-llm",
                "openai:some-model", "--json", "--quiet",
                env={"OPENAI_BASE_URL": server.base_url, "CITEBRIEF_RETRIES": "0"},
            ).stdout
        )  # fmt: skip
    assert card["judge"]["name"].startswith("some-model, prompt judge/1")
    assert card["judge"]["balanced_accuracy"] is None
    # One verdict serves a sentence wherever it stands: in the body, and again in summary or conclusion.
    assert card["failures"]["sentences_without_a_verdict"] in (2, 3, 4)
    assert round(card["metrics"]["citation_recall"]["mean"] * card["n"]["sentences"], 3) in (1, 2)


def test_the_gate_exits_3_names_what_fell_and_leaves_its_papers(done: Path, tmp_path: Path) -> None:
    junit, summary = tmp_path / "gate.xml", tmp_path / "summary.md"
    found = invoke(
        "eval", "score", str(done / "briefs" / "seychelles.json"), "--gate", "citation_recall>=0.9", "--gate",
        "invalid_citation_rate==0", "--gate", "redundancy<0", "--junit", str(junit), "--quiet",
        env={"GITHUB_STEP_SUMMARY": str(summary)},
    )  # fmt: skip
    assert found.exit_code == 3
    assert "gate redundancy<0: redundancy is" in found.stderr
    root = ElementTree.parse(junit).getroot()
    assert (root.get("tests"), root.get("failures")) == ("3", "1")
    assert "gate failed" in summary.read_text()


@pytest.mark.parametrize("text", ["citation_recall", "beauty>=1", "citation_recall>=much"])
def test_a_gate_that_makes_no_sense_is_told_before_anything_runs(text: str) -> None:
    with pytest.raises(UsageError, match=r"--gate"):
        thresholds.parse_threshold(text)


def test_a_metric_that_is_unscored_fails_its_gate(done: Path) -> None:
    found = invoke("eval", "score", str(done / "briefs" / "seychelles.json"), "--gate", "nugget_recall>=0", "--quiet")
    assert found.exit_code == 3
    assert "nugget_recall is unscored" in found.stderr


def worse(card: dict[str, Any], fall: float) -> dict[str, Any]:
    """``card`` over twelve questions, each ``fall`` lower in recall."""
    case = next(case for case in card["cases"] if case["id"] == "seychelles")
    rows = [{**case, "id": f"q{n}", "citation_recall": 0.9 + 0.005 * n - fall} for n in range(12)]
    return {**card, "cases": rows}


def test_worse_than_the_baseline_means_beyond_noise(done: Path) -> None:
    card = card_of(done)
    same = thresholds.check_thresholds(worse(card, 0.0), [], worse(card, 0.0))
    fallen = thresholds.check_thresholds(worse(card, 0.05), [], worse(card, 0.0))
    assert not any(outcome.failure for outcome in same)
    [failed] = [outcome for outcome in fallen if outcome.failure]
    assert failed.name == "citation_recall against the baseline"


def test_questions_that_are_no_longer_scored_fail_the_baseline(done: Path) -> None:
    card = card_of(done)
    fewer = {**card, "cases": card["cases"][:1]}
    assert any("unscored or missing" in outcome.failure for outcome in thresholds.check_thresholds(fewer, [], card))


def test_two_runs_compare(done: Path) -> None:
    found = invoke("eval", "report", str(done), str(done))
    assert found.exit_code == 0
    assert "| citation_recall | 1.000 | 1.000 |" in found.output
    assert "worse" not in found.output


def test_the_report_shows_the_worst_sentence_with_its_passage(done: Path, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(done, out)
    brief = json.loads((out / "briefs" / "seychelles.json").read_text())
    brief["sections"][0]["sentences"][0]["text"] = "Prince sold <b>nine</b> carriers to Libya."
    (out / "briefs" / "seychelles.json").write_text(json.dumps(brief))
    assert run(store, out, suite(tmp_path)).exit_code == 0
    assert invoke("eval", "report", str(out)).exit_code == 0
    page, text = (out / "report.html").read_text(), (out / "report.md").read_text()
    assert "Prince sold &lt;b&gt;nine&lt;/b&gt; carriers to Libya." in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "<svg" in page
    worst = text.partition("## Worst sentences")[2]
    assert worst.strip().startswith("- **none** (seychelles")
    assert brief["sections"][0]["sentences"][0]["citations"][0] in worst


def test_labels_are_kept_at_once_and_correct_the_judge(done: Path, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(done, out)
    first = invoke("eval", "label", str(out), "--n", "6", input="f\nx\np\nq\n")
    assert "2 labelled now, 2 of 6" in first.output
    second = invoke("eval", "label", str(out), "--n", "6", input="f\nf\nf\nn\n")
    assert "4 labelled now, 6 of 6" in second.output
    labels = [Label.model_validate_json(line) for line in (out / "labels.jsonl").read_text().splitlines()]
    assert [label.support for label in labels] == ["full", "partial", "full", "full", "full", "none"]
    assert run(store, out, suite(tmp_path)).exit_code == 0
    card = card_of(out)
    assert card["corrected"]["mean"] == pytest.approx(4 / 6, abs=0.01)  # the judge said full of all: no help
    assert card["judge"]["balanced_accuracy"] == 0.5
    assert "labelled" in card["judge"]["measured_on"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"id": "a"}', "line 1: question"),
        ('{"id": "a", "question": "b", "answerable": false, "nuggets": [{"text": "c", "importance": "okay"}]}', "no"),
        ('{"id": "a", "question": "b"}\n{"id": "a", "question": "c"}', "line 2: the id 'a' stands there twice"),
        ("", "no cases"),
    ],
)  # fmt: skip
def test_a_suite_that_is_wrong_is_told_by_line(row: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        cases.parse_cases(row.splitlines(), "suite.jsonl")


def test_every_nugget_of_the_demo_suite_stands_in_the_document_that_it_names() -> None:
    from rag.ingest import Source, extract, find

    texts = {
        document.id: cases.plain(document.text)
        for source in find([str(CORPUS)])
        if isinstance(source, Source)
        for document in extract(source)[0]
    }
    demo = cases.read_cases(CORPUS.parent / "eval" / "cases" / "demo.jsonl")
    assert len(demo) >= 40
    kinds = [case.notes.partition(":")[0] for case in demo]
    assert {kind: kinds.count(kind) for kind in ("absent", "disagree", "three", "false-premise")} == {
        "absent": 8, "disagree": 5, "three": 5, "false-premise": 5,
    }  # fmt: skip
    for case in demo:
        assert case.answerable == bool(case.nuggets)
        for nugget in case.nuggets:
            for evidence in nugget.support:
                assert cases.plain(evidence.quote) in texts[evidence.document_id], (case.id, evidence)
    for case in demo:
        if case.notes.startswith("three"):
            assert len({e.document_id for nugget in case.nuggets for e in nugget.support}) >= 3, case.id
