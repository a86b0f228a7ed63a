"""A brief as JSON: lossless, as published, and validated when read."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy
import pytest
from briefs import REPORT, answered, chunk, insufficient, sentence
from hypothesis import given, settings
from hypothesis import strategies as st

from rag._internal.ids import earlier_id
from rag.errors import ReadError, UsageError
from rag.render import render
from rag.render.json import from_json, read_brief, to_json
from rag.render.schema import SCHEMA_FILE, schema_text
from rag.types import Brief, Hit, Section

BRIEFS = pytest.mark.parametrize("brief", [answered(), insufficient()], ids=["answered", "insufficient"])


@BRIEFS
def test_a_brief_survives_json_unchanged(brief: Brief) -> None:
    again = from_json(to_json(brief))
    assert again == brief
    for form in ("md", "html", "json", "text"):
        assert render(again, form) == render(brief, form)


words = st.text(min_size=1).filter(str.strip)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_text_survives_json_and_renders(data: st.DataObject) -> None:
    text, question, heading, stated = (data.draw(words) for _ in range(4))
    title, path = data.draw(st.text()), data.draw(st.lists(st.text(), max_size=3))
    source = chunk("a.txt", text, start=5, title=title, source=title, heading_path=tuple(path), pages=(1, 2))
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    quoted = sentence(stated, (source, text[start:end]))
    brief = dataclasses.replace(
        answered(),
        question=question,
        summary=(),
        sections=(Section(heading=heading, sentences=(quoted,)),),
        conclusion=(),
        disagreements=(),
        evidence=(Hit(chunk=source, rank=1, score=-1e-300),),
    )
    assert from_json(to_json(brief)) == brief
    assert from_json(to_json(brief, indent=None).encode()) == brief
    assert len(to_json(brief, indent=None).splitlines()) == 1
    for form in ("md", "html", "text"):
        assert render(brief, form)
    for character in render(brief, "text") + render(brief, "md"):
        assert character == "\n" or not re.match(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", character)


@BRIEFS
def test_briefs_match_the_published_schema(brief: Brief) -> None:
    schema = json.loads(SCHEMA_FILE.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(to_json(brief)))


def test_the_published_schema_is_current() -> None:
    assert SCHEMA_FILE.read_text() == schema_text(), "run python -m rag.render.schema"


def test_the_json_has_the_published_fields_in_order() -> None:
    data = json.loads(to_json(answered()))
    assert list(data) == [
        "schema", "question", "status", "summary", "sections", "conclusion", "disagreements", "gaps", "evidence",
        "sources", "trace",
    ]  # fmt: skip
    assert data["schema"] == "citebrief.brief/1"
    assert list(data["sources"][0]) == [
        "n", "chunk_id", "document_id", "title", "source", "date", "heading_path", "pages", "start", "end", "text",
    ]  # fmt: skip
    assert [source["n"] for source in data["sources"]] == [1, 2, 3, 4, 5, 6]
    assert data["sources"][0]["pages"] == [67, 68]
    assert data["sources"][1]["pages"] is None
    cited = {source["chunk_id"] for source in data["sources"]}
    assert [entry["chunk_id"] in cited for entry in data["evidence"]] == ["passage" not in e for e in data["evidence"]]


def test_a_brief_without_an_answer_contains_all_retrieved_passages() -> None:
    data = json.loads(to_json(insufficient()))
    assert data["sources"] == []
    assert [entry["passage"]["text"] for entry in data["evidence"]] == [h.chunk.text for h in insufficient().evidence]


def test_text_is_not_escaped_in_the_file() -> None:
    assert "подписано 28 октября" in to_json(answered())


def test_scores_may_be_numpy_floats() -> None:
    brief = insufficient()
    hits = tuple(dataclasses.replace(hit, score=numpy.float32(0.5)) for hit in brief.evidence)
    assert '"score": 0.5' in to_json(dataclasses.replace(brief, evidence=hits))


def test_a_sentence_without_full_support_is_never_printed() -> None:
    weak = dataclasses.replace(answered().summary[0], support="partial")
    with pytest.raises(ValueError, match="support"):
        to_json(dataclasses.replace(answered(), summary=(weak,)))


def test_evidence_without_its_text_is_left_out_with_a_notice() -> None:
    data = json.loads(to_json(answered()))
    del data["evidence"][-1]["passage"]
    brief = from_json(json.dumps(data))
    assert len(brief.evidence) == 6
    assert brief.trace.notices[-1] == "Retrieved passages that the brief's file lists without their text: 1."


def test_a_brief_of_an_earlier_version_with_shorter_ids_is_read() -> None:
    text = to_json(answered())
    for hit in answered().evidence:
        text = text.replace(hit.chunk.id, earlier_id(hit.chunk.id))
    assert [chunk.id for chunk in from_json(text).cited()] == [earlier_id(chunk.id) for chunk in answered().cited()]


def _set(*path: str | int, to: Any) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        for part in path[:-1]:
            data = data[part]
        data[path[-1]] = to

    return change


SUMMARY = ("summary", 0)
INCONSISTENT = [
    (_set("schema", to="citebrief.brief/9"), "schema 'citebrief.brief/9' is not known"),
    (_set(*SUMMARY, "citations", to=[]), r"summary\[0\].citations: .*at least 1"),
    (_set(*SUMMARY, "citations", 0, to="made-up.00000000"), "a quote from .* which is not cited"),
    (_set(*SUMMARY, "support", to="partial"), r"summary\[0\].support: "),
    (_set(*SUMMARY, "text", to=5), r"summary\[0\].text: "),
    (_set(*SUMMARY, "score", to=1.5), r"summary\[0\].score: "),
    (_set(*SUMMARY, "typo", to=1), r"summary\[0\].typo: extra"),
    (_set(*SUMMARY, "quotes", 0, "text", to="Michael Cohen pursued a tower in Boston"), "not the words of"),
    (_set(*SUMMARY, "quotes", 0, "end", to=9000), r"summary\[0\].quotes\[0\]: offsets"),
    (
        _set("sources", 0, "text", to=REPORT.text.replace("built", "BUILT")),
        "the id was made up, or the passage changed",
    ),
    (_set("sources", 0, "start", to=0), r"sources\[0\]: .*do not span"),
    (_set("sources", 0, "n", to=2), r"sources\[0\].n: 2 stands where 1 belongs"),
    (lambda data: data["sources"].pop(), "brief: .* is cited but was not retrieved"),
    (lambda data: data["evidence"].pop(0), "brief: .* is cited but was not retrieved"),
    (lambda data: data["evidence"].append(data["evidence"][0]), r"evidence\[7\]: .* listed twice"),
    (lambda data: data["sources"].reverse(), r"sources\[0\].n"),
    (_set("status", to="insufficient_evidence"), "brief: status insufficient_evidence with 2 sections"),
    (_set("evidence", 6, "passage", "text", to="Nobody sited this."), r"evidence\[6\].passage: .*made up"),
    (_set("evidence", 0, "score", to=float("nan")), "JSON|finite"),
    (lambda data: data.pop("trace"), "trace: field required"),
]


@pytest.mark.parametrize(("change", "message"), INCONSISTENT, ids=[message for _, message in INCONSISTENT])
def test_an_inconsistent_file_is_refused_by_name(change: Callable[[Any], None], message: str) -> None:
    data = copy.deepcopy(json.loads(to_json(answered())))
    change(data)
    with pytest.raises(ReadError, match=message) as caught:
        from_json(json.dumps(data), name="edited.json")
    assert str(caught.value).startswith("edited.json: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "invalid json"),
        (b'{"schema": ', "line 1 column"),
        (b"[]", "not a brief"),
        (b"{}", 'not a brief: no "schema"'),
        (b"\xff\xfe{", "not UTF-8 text"),
        (b"[" * 100_000, "recursion limit"),
    ],
)
def test_a_file_that_is_no_brief_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=f"(?i){message}") as caught:
        read_brief(path)
    assert str(path) in str(caught.value)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"\xef\xbb\xbf" + to_json(answered()).encode())
    assert read_brief(path) == answered()
    with pytest.raises(UsageError, match="no such file"):
        read_brief(tmp_path / "nothing.json")
    with pytest.raises(ReadError, match="directory"):
        read_brief(tmp_path)
