"""Precision and recall of the citation marks on labelled sentences: half of them cite, half only look as if they did.

``labelled/marks.jsonl`` has eight briefs of 22 sentences, two of each of four kinds of text, written for this purpose.
A row with ``sources`` begins a brief; ``cites`` are the keys that a reader would say the sentence cites. The parser was
mended on the briefs of part ``development`` only.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rag.check.markdown import parse_markdown

LABELLED = Path(__file__).parent / "labelled" / "marks.jsonl"
PARTS = ("development", "held out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The marks of one sentence: those found and those that a reader sees."""

    kind: str
    text: str
    found: frozenset[str]
    cited: frozenset[str]


def outcomes(part: str) -> list[Outcome]:
    rows = [json.loads(line) for line in LABELLED.read_text(encoding="utf-8").splitlines()]
    sentences: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if "text" in row:
            sentences[row["brief"]].append(row)
    return [
        outcome for brief in rows if brief.get("part") == part for outcome in _outcomes(brief, sentences[brief["name"]])
    ]


def _outcomes(brief: dict[str, Any], sentences: list[dict[str, Any]]) -> list[Outcome]:
    """Parse the brief as a whole, since its style decides what is a mark. A heading a sentence tells them apart."""
    sections = [f"## Part {number}\n\n{row['text']}" for number, row in enumerate(sentences)]
    found: defaultdict[str, set[str]] = defaultdict(set)
    for claim in parse_markdown("\n\n".join([*sections, brief["sources"]])).claims:
        found[claim.where] |= set(claim.citations)
    return [
        Outcome(
            kind=brief["kind"],
            text=row["text"],
            found=frozenset(found[f"Part {number}"]),
            cited=frozenset(row["cites"]),
        )
        for number, row in enumerate(sentences)
    ]


def precision_and_recall(rows: list[Outcome]) -> tuple[float, float]:
    right = sum(len(row.found & row.cited) for row in rows)
    return right / sum(len(row.found) for row in rows), right / sum(len(row.cited) for row in rows)


@pytest.mark.parametrize("part", PARTS)
def test_the_set_is_half_of_sentences_that_cite_and_has_four_kinds(part: str) -> None:
    rows = outcomes(part)
    kinds = Counter((row.kind, bool(row.cited)) for row in rows)
    assert len(kinds) == 8
    assert set(kinds.values()) == {11}


@pytest.mark.parametrize(("part", "precision", "recall"), [("development", 0.98, 0.98), ("held out", 0.95, 0.95)])
def test_marks_are_found_and_prose_is_left_alone(part: str, precision: float, recall: float) -> None:
    rows = outcomes(part)
    wrong = [(row.text, sorted(row.found), sorted(row.cited)) for row in rows if row.found != row.cited]
    measured = precision_and_recall(rows)
    assert measured[0] >= precision, wrong
    assert measured[1] >= recall, wrong
