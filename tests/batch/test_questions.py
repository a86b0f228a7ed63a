"""Questions files in each supported format, and the errors for invalid ones."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from rag.batch.questions import file_name, parse_questions, questions_digest, read_questions
from rag.errors import UsageError
from rag.types import Filter, Question


def test_jsonl_csv_and_plain_lines_give_the_same_questions() -> None:
    jsonl = parse_questions(
        '{"id": "a", "question": "Who met?"}\n\n{"id": 7, "question": "Where?", "k": 12}\n', "q.jsonl"
    )
    table = parse_questions('id,question,k\na,"Who\nmet?",\n7,Where?,12\n', "q.csv")
    lines = parse_questions("Who met?\r\n\r\nWhere?\n", "q.txt")
    assert jsonl == table == [Question(id="a", text="Who met?"), Question(id="7", text="Where?", k=12)]
    assert [question.text for question in lines] == ["Who met?", "Where?"]


def test_a_row_can_set_filter_k_and_sections() -> None:
    [question] = parse_questions(
        "question;document;since;until;k;sections\nWho met?;*.md;2016;2017-01-31;20;2\n", "exported from a spreadsheet"
    )
    assert question.where == Filter(document="*.md", since="2016", until="2017-01-31")
    assert (question.k, question.sections) == (20, 2)


def test_without_a_suffix_the_format_is_detected_from_the_text() -> None:
    assert parse_questions('{"question": "Who met?"}', "standard input")[0].text == "Who met?"
    assert parse_questions("id\tquestion\nx\tWho met?", "standard input")[0].id == "x"
    assert (
        parse_questions("Who met, and where?\nWhich question was asked?", "standard input")[0].text
        == "Who met, and where?"
    )


def test_a_derived_id_depends_on_the_text_and_not_on_the_position() -> None:
    first, second, third = parse_questions("Why C?\nWhy C++?\n合意書とは何ですか。\n", "q.txt")
    assert parse_questions("another\nWhy C++?\n", "q.txt")[1].id == second.id
    assert len({first.id, second.id, third.id}) == 3
    assert first.id.startswith("why-c-")


def test_standard_input_is_read_like_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO("\ufeffWhat did Müller find?\n".encode())))
    assert read_questions("-")[0].text == "What did Müller find?"


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ('{"question": "a"}\n{"id": "b"}', "q.jsonl", r"q\.jsonl, line 2: question: field required"),
        ('{"question": "a", "kk": 3}', "q.jsonl", r"line 1: kk: .*known are question, id, document"),
        ('{"question": "a"', "q.jsonl", "line 1: not JSON"),
        ('["a"]', "q.json", "line 1: a list"),
        ('{"question": "  "}', "q.jsonl", "line 1: question"),
        ('{"question": "a", "k": 0}', "q.jsonl", "line 1: k: input should be greater"),
        ('{"question": "a", "since": "spring"}', "q.jsonl", "line 1: since"),
        ("id,text\n1,a", "q.csv", "no column named question"),
        ("id,question\n1,a\n2", "q.csv", "line 3: question: field required"),
        ("id,question\n1,Who, and why?", "q.csv", "line 2: 3 cells under 2 columns; quote commas"),
        ('question\n"a', "q.csv", "not CSV"),
        ("", "q.txt", "no questions"),
        ("question\n", "q.csv", "no questions"),
        ("a\nb\na", "q.txt", "line 3: the id .* is that of line 1"),
        ('{"id":"x","question":"a"}\n{"id":"x","question":"b"}', "q.jsonl", "line 2: the id 'x' is that of line 1"),
    ],
)
def test_an_invalid_row_is_reported_with_file_and_line(text: str, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse_questions(text, name)
    assert "\n" not in str(caught.value)


def test_two_ids_with_the_same_file_name_are_refused() -> None:
    taken = file_name("A B")
    with pytest.raises(UsageError, match=r"line 2: the id .* is that of line 1"):
        parse_questions(f'{{"id":"A B","question":"a"}}\n{{"id":"{taken}","question":"b"}}', "q.jsonl")


def test_a_missing_file_and_a_wrong_encoding_are_reported(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("q") / "q.txt"
    with pytest.raises(UsageError, match="no such file"):
        read_questions(str(path))
    path.write_bytes("Who?\nMüller?\n".encode("latin-1"))
    with pytest.raises(UsageError, match=r"q\.txt, line 2: not UTF-8"):
        read_questions(str(path))


@pytest.mark.parametrize("id_", ["../../etc/passwd", "CON/aux", "a" * 300, "manifest", "é", ".", "Q1"])
def test_each_id_gets_a_safe_and_distinct_file_name(id_: str) -> None:
    name = file_name(id_)
    assert name == name.lower()
    assert "/" not in name
    assert 8 < len(name) < 100
    assert name not in {"manifest", file_name(id_ + "x")}
    assert file_name("plain-id") == "plain-id"


def test_the_digest_depends_on_the_settings_of_each_question() -> None:
    one, other = Question(id="a", text="b"), Question(id="a", text="b", where=Filter(since="2016"))
    assert questions_digest([one]) == questions_digest([Question(id="a", text="b")])
    assert len({questions_digest(each) for each in ([one], [other], [one, other], [])}) == 4
