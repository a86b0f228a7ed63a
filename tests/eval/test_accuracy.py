"""``citebrief eval judge``: figures over labelled pairs, and errors in the file of pairs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from fault_server import FaultServer, good

from rag.cli.main import cli
from rag.errors import UsageError
from rag.eval.judges.accuracy import (
    LabelledPair,
    format_judge_report,
    judge_report_json,
    measure_judge,
    read_pairs,
)
from rag.eval.judges.judge import judge_spec
from rag.eval.judges.recall import Recall, recall_tables
from rag.types import Verdict
from rag.verify import Premise

TEXT = (
    "Paul Manafort chaired the campaign from May to August 2016. Prosecutors said that Manafort lied about a meeting "
    "in New York. The Panama Canal opened to ships in August 1914."
)
ROWS = [
    {"claim": "Paul Manafort chaired the campaign from May to August 2016.", "evidence": TEXT, "label": "full"},
    {"claim": "The Panama Canal opened to ships in August 1914.", "evidence": TEXT, "label": "full", "source": "canal"},
    {"claim": "The Panama Canal opened to ships in August 1924.", "evidence": TEXT, "label": "none", "source": "canal"},
    {"claim": "Foege fought smallpox in Nigeria.", "evidence": TEXT, "label": "none"},
    {"claim": "Manafort lied in Madrid, prosecutors said.", "evidence": TEXT, "label": "partial"},
]
LINES = [json.dumps(row) for row in ROWS]


class CopyJudge:
    """A judge that accepts the sentences which its evidence contains, and has no verdict on Foege."""

    name = "copy judge"

    def verify(self, pairs: Sequence[tuple[str, Sequence[Premise]]]) -> list[Verdict]:
        return [self.judge(sentence, " ".join(map(str, premises))) for sentence, premises in pairs]

    def judge(self, sentence: str, evidence: str) -> Verdict:
        if "Foege" in sentence:
            return Verdict(support=None, score=0.0, judge=self.name, reason="no reply")
        is_copy = sentence in evidence
        return Verdict(support="full" if is_copy else "none", score=float(is_copy), judge=self.name)


def test_each_row_counts_under_its_label_and_its_source() -> None:
    report = measure_judge(read_pairs(LINES, "pairs.jsonl"), CopyJudge())
    assert report.n == 5
    assert report.confusion == {
        "full": {"full": 2, "partial": 0, "none": 0, "unscored": 0},
        "partial": {"full": 0, "partial": 0, "none": 1, "unscored": 0},
        "none": {"full": 0, "partial": 0, "none": 1, "unscored": 1},
    }
    assert (report.balanced_accuracy, report.auc, report.ece) == (1.0, 1.0, 0.0)
    assert [(row["from"], row["n"], row["share_full"]) for row in report.reliability] == [(0.0, 3, 0.0), (0.9, 2, 1.0)]
    assert {source: row["n"] for source, row in report.by_source.items()} == {"all": 3, "canal": 2}


def test_recall_of_true_and_of_false_claims_is_given_by_kind_and_source_at_each_threshold() -> None:
    kinds = ["copy", "copy", "number", "entity", "entity"]
    lines = [json.dumps({**row, "kind": kind}) for row, kind in zip(ROWS, kinds, strict=True)]
    report = measure_judge(read_pairs(lines, "pairs.jsonl"), CopyJudge())
    verdict, *by_score = report.recall
    assert verdict.threshold is None
    assert [table.threshold for table in by_score] == sorted({table.threshold for table in by_score})
    assert verdict.overall == Recall(n_true=2, true=1.0, n_false=3, false=1.0)
    assert verdict.by_kind["number"] == Recall(n_true=0, true=None, n_false=1, false=1.0)
    assert verdict.by_source["canal"] == Recall(n_true=1, true=1.0, n_false=1, false=1.0)
    printed = format_judge_report(report)
    assert "kind number" in printed
    assert "source canal" in printed
    assert json.loads(judge_report_json(report))["recall"][0]["by_kind"]["copy"]["n_true"] == 2


def test_evidence_may_be_a_list_of_texts_that_are_judged_together() -> None:
    [pair] = read_pairs(['{"claim": "a b", "evidence": ["a", "b"], "label": "full"}'], "pairs.jsonl")
    assert pair.texts == ("a", "b")
    assert measure_judge([pair], CopyJudge()).confusion["full"]["full"] == 1


def test_a_figure_is_none_if_one_label_leaves_it_undefined() -> None:
    report = measure_judge([LabelledPair.model_validate(ROWS[0])], CopyJudge())
    assert (report.balanced_accuracy, report.auc) == (None, None)
    assert "balanced_accuracy undefined" in format_judge_report(report)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{broken", "pairs.jsonl, line 2: the row"),
        ('{"claim": "a", "evidence": "b"}', "pairs.jsonl, line 2: label"),
        ('{"claim": "a", "evidence": "b", "label": "maybe"}', "pairs.jsonl, line 2: label"),
    ],
)
def test_a_malformed_row_is_refused_with_its_line(row: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_pairs([LINES[0], row], "pairs.jsonl")


def test_a_file_without_rows_is_refused() -> None:
    with pytest.raises(UsageError, match="no rows"):
        read_pairs(["", " "], "pairs.jsonl")


@pytest.mark.integration
def test_the_command_measures_the_packaged_verifier(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text("\n".join(LINES), encoding="utf-8")
    result = CliRunner().invoke(cli, ["eval", "judge", str(tmp_path / "pairs.jsonl"), "--judge", "nli", "--json"])
    figures = json.loads(result.output)
    assert {"n", "balanced_accuracy", "auc", "confusion", "ece", "pairs_per_second", "by_source"} <= figures.keys()
    assert figures["n"] == 5
    assert figures["balanced_accuracy"] == 1.0
    assert figures["confusion"]["none"]["full"] == 0


def test_a_threshold_accepts_the_claims_whose_score_reaches_it() -> None:
    groups = [("", "s")] * 4
    tables = recall_tables(groups, [True, True, False, False], [True, True, True, False], [0.95, 0.6, 0.5, 0.2])
    figures = {table.threshold: (table.overall.true, table.overall.false) for table in tables}
    assert figures[None] == (1.0, 0.5)
    assert figures[0.5] == (1.0, 0.5)
    assert figures[0.7] == (0.5, 1.0)
    assert tables[0].by_kind == {}


@pytest.mark.parametrize(
    ("verifier", "judge", "model", "spec"),
    [
        (None, None, None, "support"),
        (None, "nli", None, "support"),
        (None, "llm", None, "llm:auto"),
        (None, "llm", "openai:m", "llm:openai:m"),
        ("hf:some/nli", None, None, "hf:some/nli"),
    ],
)
def test_the_older_names_of_judges_stand_for_specs(
    verifier: str | None, judge: str | None, model: str | None, spec: str
) -> None:
    assert judge_spec(verifier, judge, model) == spec


def test_a_judge_has_one_name_only() -> None:
    with pytest.raises(UsageError, match="--judge nli and --verifier support both name the judge"):
        judge_spec("support", "nli")
    with pytest.raises(UsageError, match="--judge coin: not one of nli, llm"):
        judge_spec(None, "coin")


@pytest.mark.integration
def test_the_command_measures_a_chat_model(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text(LINES[0], encoding="utf-8")
    with FaultServer([good({"C1": {"support": "full", "unsupported": ""}})] * 2) as server:
        result = CliRunner().invoke(
            cli,
            ["eval", "judge", str(tmp_path / "pairs.jsonl"), "--verifier", "llm:openai:m"],
            env={"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": ""},
        )
    assert result.exit_code == 0, result.output
    assert "judge: m at 127.0.0.1" in result.stderr
    assert "labelled full: 1 full, 0 partial, 0 none, 0 unscored" in result.stdout
