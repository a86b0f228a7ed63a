"""The sheet for labels given without knowing the system, and their count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rag.eval.bench.peers.blind import draw_sheet, read_labels, sentences_of, tally_labels
from rag.eval.bench.peers.interface import Answer, Passage, answer_to_json

QUESTIONS = {"canal": "When did the canal open?"}


def row(system: str, *sentences: str) -> dict[str, Any]:
    answer = Answer(
        text="",
        passages=(Passage(document="canal.txt.txt", text="The canal opened in 1914."),),
        sentences=tuple((sentence, (1,)) for sentence in sentences),
    )
    return {"kind": "answer", "system": system, "question": "canal", "answer": answer_to_json(answer)}


ROWS = [
    row("alpha", "It opened in 1914.", "It is long."),
    row("beta", "It opened in 1914.", "It is wide."),
    {"kind": "x"},
]


def test_the_sheet_has_sentences_of_every_system_and_does_not_name_it() -> None:
    sheet = draw_sheet(ROWS, QUESTIONS, per_system=1)
    systems = {each["id"]: each["system"] for each in sentences_of(ROWS)}
    assert sorted(systems[each["id"]] for each in sheet) == ["alpha", "beta"]
    assert all(set(each) == {"id", "question", "sentence", "cited", "passages"} for each in sheet)
    assert sheet[0]["passages"] == ["canal.txt: The canal opened in 1914."]


def test_a_sentence_without_citation_is_shown_with_all_that_the_writer_was_sent() -> None:
    passages = tuple(Passage(document=f"{name}.txt.txt", text=f"On {name}.") for name in ("canal", "vault"))
    answer = Answer(text="", passages=passages, sentences=(("It opened.", ()), ("It leaked.", (2,))))
    rows = [{"kind": "answer", "system": "alpha", "question": "canal", "answer": answer_to_json(answer)}]
    opened, leaked = sentences_of(rows)
    assert (opened["cited"], opened["passages"]) == (False, ["canal.txt: On canal.", "vault.txt: On vault."])
    assert (leaked["cited"], leaked["passages"]) == (True, ["vault.txt: On vault."])


def test_the_same_seed_draws_the_same_sheet() -> None:
    assert draw_sheet(ROWS, QUESTIONS, per_system=2) == draw_sheet(ROWS, QUESTIONS, per_system=2)


def test_labels_are_counted_by_system(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    rows = sentences_of(ROWS)
    path.write_text(
        "".join(f'{{"id": "{each["id"]}", "support": "full", "answers": "yes"}}\n' for each in rows[:3])
        + f'\n{{"id": "{rows[3]["id"]}", "support": "none", "answers": "no"}}\n'
    )
    alpha, beta = tally_labels(ROWS, read_labels(path))
    assert (alpha["system"], alpha["labelled"], alpha["support full"], alpha["cited, full and answers"]) == (
        "alpha",
        2,
        2,
        2,
    )
    assert (beta["support none"], beta["answers no"], beta["cited, full and answers"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (['{"id": "a", "support": "maybe", "answers": "yes"}'], r"labels\.jsonl:1: not a label"),
        (['{"id": "a", "support": "full"}'], r"labels\.jsonl:1: not a label"),
        (['{"id": "a", "support": "full", "answers": "no"}'] * 2, r"labels\.jsonl:2: a is labelled twice"),
    ],
)
def test_a_line_that_is_no_label_is_named(tmp_path: Path, lines: list[str], fault: str) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=fault):
        read_labels(path)


def test_a_label_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"id": "0000000000", "support": "full", "answers": "yes"}')
    with pytest.raises(ValueError, match="0000000000: no sentence of the run has this id"):
        tally_labels(ROWS, read_labels(path))
