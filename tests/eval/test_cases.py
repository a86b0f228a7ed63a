"""Suites: malformed rows, and the demo suite against the documents of corpus/."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from rag.errors import UsageError
from rag.eval.runner.answerability_cases import AnswerabilityCase
from rag.eval.runner.cases import Case, collapse_whitespace, parse_suite, read_cases, read_suite

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ('{"id": "a"}', "line 1: question"),
        (
            '{"id": "a", "question": "b", "answerable": false, "nuggets": [{"text": "c", "importance": "okay"}]}',
            "line 1: .*not answerable cannot have nuggets",
        ),
        ('{"id": "a", "question": "b"}\n{"id": "a", "question": "c"}', "line 2: the id 'a' is used twice"),
        ("", "no cases"),
    ],
)
def test_a_malformed_suite_is_refused_with_the_line(rows: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_suite(rows.splitlines(), "suite.jsonl", Case)


def test_a_missing_suite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read as a suite"):
        read_cases(tmp_path / "none.jsonl")


def test_the_comment_of_a_case_keeps_its_name_in_json() -> None:
    [case] = parse_suite(['{"id": "a", "question": "b", "notes": "plain"}'], "suite.jsonl", Case)
    assert case.comment == "plain"
    assert Case.model_validate_json(case.model_dump_json()) == case
    assert case.model_dump()["notes"] == "plain"


def test_each_quote_of_the_demo_suite_is_in_its_document() -> None:
    from rag.ingest import Source, extract, find

    texts = {
        document.id: collapse_whitespace(document.text)
        for source in find([str(REPOSITORY / "corpus")])
        if isinstance(source, Source)
        for document in extract(source)[0]
    }
    demo = read_cases(REPOSITORY / "eval" / "cases" / "demo.jsonl")
    assert len(demo) >= 40
    kinds = Counter(case.comment.partition(":")[0] for case in demo)
    assert min(kinds[kind] for kind in ("absent", "disagree", "three", "false-premise")) >= 5
    for case in demo:
        assert case.answerable == bool(case.nuggets)
        for nugget in case.nuggets:
            for source in nugget.support:
                assert collapse_whitespace(source.quote) in texts[source.document_id], (case.id, source)
    for case in demo:
        if case.comment.startswith("three"):
            assert len({source.document_id for nugget in case.nuggets for source in nugget.support}) >= 3, case.id


def test_lines_of_a_suite_end_at_line_breaks_alone(tmp_path: Path) -> None:
    row = {"id": "a", "question": "What of the\u2028pier?", "answerable": False, "collection": "corpus"}
    path = tmp_path / "suite.jsonl"
    path.write_text("\ufeff" + json.dumps(row, ensure_ascii=False) + "\r\n", encoding="utf-8")
    [case] = read_suite(path, AnswerabilityCase)
    assert case.question == "What of the\u2028pier?"
