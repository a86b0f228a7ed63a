from __future__ import annotations

import json
from collections.abc import Callable

from rag.ingest import Source, extract


def test_rows_are_documents_and_invalid_lines_are_reported(make_source: Callable[..., Source]) -> None:
    lines = [
        json.dumps(
            {"id": "a1", "title": "First", "text": "Text one.\u2028More.", "date": "2019-04", "source": "http://x/1"}
        ),
        "{broken",
        json.dumps({"_id": 7, "text": "Text two."}),
        json.dumps({"id": "a1", "text": "A second a1."}),
        json.dumps(["text"]),
        json.dumps({"id": "b", "text": "  "}),
        json.dumps({"text": "No id."}),
    ]
    documents, problems = extract(make_source("rows.jsonl", "\n".join(lines)))
    assert [(d.id, d.title, d.date) for d in documents][:2] == [("a1", "First", "2019-04"), ("7", "7", None)]
    assert documents[0].source == "http://x/1"
    assert documents[2].id == "rows.jsonl#7"
    reasons = {int(problem.path.rpartition(":")[2]): problem.reason for problem in problems}
    assert list(reasons) == [2, 4, 5, 6]
    assert reasons[2].startswith("not JSON: ")
    assert reasons[4] == "the id a1 occurs twice in the file"
    assert reasons[5] == "a list, not an object with a text"
    assert reasons[6] == "the text is empty"


def test_numbers_too_long_and_halves_of_characters_cost_no_other_row(make_source: Callable[..., Source]) -> None:
    half = "\\ud83d"
    rows = [
        '{"id": "a", "text": "The first row."}',
        '{"id": "b", "text": "The second row.", "n": ' + "7" * 5000 + "}",
        f'{{"id": "c{half}", "title": "T{half}", "source": "s{half}", "text": "The third {half}row."}}',
    ]
    documents, problems = extract(make_source("r.jsonl", "\n".join(rows)))
    assert [(d.id, d.text) for d in documents] == [("a", "The first row."), ("c", "The third row.")]
    assert [problem.path.rpartition(":")[2] for problem in problems] == ["2"]
    for document in documents:
        f"{document.id}{document.title}{document.source}{document.text}".encode()


def test_prose_beside_the_text_is_read_and_other_fields_are_named(make_source: Callable[..., Source]) -> None:
    row = {"text": "The lock opens.", "summary": "The lock at Ostby opens at seven.", "lang": "en", "n": 3, "tags": []}
    (document,), _ = extract(make_source("r.jsonl", json.dumps(row)))
    assert document.text == "The lock opens.\n\nsummary: The lock at Ostby opens at seven."
    assert [(item.what, item.detail) for item in document.coverage.omissions] == [("other columns", "lang; n")]
