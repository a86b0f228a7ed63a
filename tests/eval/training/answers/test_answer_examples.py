"""Labelled passages are read with all questions on them, also with a question of which they answer a part."""

from __future__ import annotations

import json
from pathlib import Path

from rag.eval.training.answers.examples import ANSWERS_A_PART, read_passages_of
from rag.eval.training.answers.public import squad_rows


def test_a_passage_that_answers_one_of_two_parts_answers_the_whole_question_in_part(tmp_path: Path) -> None:
    asked = ["When did the ferry sink?", "the ferry sink: who was to blame?"]
    row = {"collection": "port", "question": "When did the ferry sink, and who was to blame?", "asked": asked}
    text = "The ferry\nThe ferry sank in May 1921."
    other = {"collection": "port", "question": "Who sailed it?", "asked": ["Who sailed it?"], "text": text}
    path = tmp_path / "passages.jsonl"
    rows = [{**row, "text": text, "labels": "fn"}, {**other, "labels": "n"}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")

    [passage] = read_passages_of(path)

    whole = {str(row["question"]): ANSWERS_A_PART}
    assert dict(passage.questions) == {asked[0]: 1.0, asked[1]: 0.0, "Who sailed it?": 0.0} | whole


def test_a_question_on_another_paragraph_of_the_article_is_not_answered(tmp_path: Path) -> None:
    answered = {"question": "Who won?", "is_impossible": False}
    impossible = {"question": "Who lost the replay?", "is_impossible": True}
    elsewhere = {"question": "Where was it played?", "is_impossible": False}
    article = {
        "title": "The_final",
        "paragraphs": [
            {"context": "York won the final.", "qas": [answered, impossible]},
            {"context": "It was played in Hull.", "qas": [elsewhere]},
        ],
    }
    path = tmp_path / "squad.json"
    path.write_text(json.dumps({"data": [article]}), encoding="utf-8")

    first, second = squad_rows(path, seed=1)

    assert first["text"] == "The final\nYork won the final."
    labels = dict(zip(first["asked"], first["labels"], strict=True))
    assert labels == {"Who won?": "f", "Who lost the replay?": "n", "Where was it played?": "n"}
    assert dict(zip(second["asked"], second["labels"], strict=True)) == {"Where was it played?": "f", "Who won?": "n"}
