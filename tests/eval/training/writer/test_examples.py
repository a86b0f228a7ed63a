"""The examples of the writer's training: the product's prompts, and what is held out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rag.eval.training.writer.examples import read_examples, select
from rag.eval.training.writer.measure import longest_run, written_sentences
from rag.llm.prompts import load_prompt

NOTE = {"title": "Minutes", "heading": "Votes", "text": "The board met on 3 May."}


def section(name: str, **fields: Any) -> dict[str, Any]:
    written = {"heading": "The board", "sentences": [{"text": "It met on 3 May.", "notes": [1]}]}
    return {"id": name, "collection": "news", "question": "When?", "evidence": [NOTE], **written, **fields}


def summary(name: str, *sections: str) -> dict[str, Any]:
    item = {"text": "The board met.", "from": [1]}
    return {"id": name, "question": "When?", "sections": list(sections), "summary": [item], "conclusion": [item]}


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    passages = [{"id": "P1", "title": "Log", "sentences": ["It rained.", "It thawed."]}]
    rows = {
        "passages": passages,
        "sections": [section("S1"), section("S2", collection="law and policy"), section("S3", evidence=[["P1", 2]])],
        "summaries": [summary("U1", "S1", "S3"), summary("U4", "S1"), summary("U2", "S9")],
    }
    for name, lines in rows.items():
        text = "\n".join(json.dumps(line) for line in lines)
        (tmp_path / f"{name}.jsonl").write_text(f'{text}\n{{"id": "half')
    return [tmp_path / f"{name}.jsonl" for name in rows]


def test_the_messages_are_those_of_the_product(sources: list[Path]) -> None:
    examples = {each.id: each for each in read_examples(sources[1:], sources[0])}
    assert examples["S1"].system == load_prompt("small_section").system.strip()
    assert examples["S1"].user == "Question: When?\nNotes:\n1 [Minutes | Votes] The board met on 3 May."
    assert examples["S1"].reply == '{"heading": "The board", "sentences": [{"notes": [1], "text": "It met on 3 May."}]}'
    assert examples["S3"].user.endswith("1 [Log] It thawed.")
    assert examples["U1"].user.endswith("[The board]\n1 It met on 3 May.\n[The board]\n2 It met on 3 May.")


def test_incomplete_rows_and_those_with_unknown_parts_are_left_out(sources: list[Path]) -> None:
    assert {each.id for each in read_examples([*sources[1:], Path("absent.jsonl")])} == {"S1", "S2", "U1", "U4"} - {
        "U1"
    }


def test_collections_and_summaries_are_held_out(sources: list[Path]) -> None:
    examples = read_examples(sources[1:], sources[0])
    held_out = select(examples, {"section", "closing"}, held_out=True)
    assert {each.id for each in held_out} == {"S2", "U4"}


def test_a_copy_is_a_long_run_of_words_of_one_note(sources: list[Path]) -> None:
    assert longest_run("The board met on 3 May.", "In Oslo the board met on 3 May, it is said.") == 1
    assert longest_run("On 3 May the board met.", NOTE["text"]) == 0.5
    [example] = [each for each in read_examples(sources[1:], sources[0]) if each.id == "S1"]
    [written] = written_sentences(example, json.loads(example.reply))
    assert not written.copied
    assert written.named == (("Minutes | Votes", NOTE["text"]),)
