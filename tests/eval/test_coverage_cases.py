"""Cases of the coverage suite: malformed rows, passages that state an aspect, and the suite against corpus/."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rag.errors import UsageError
from rag.eval.runner.cases import parse_suite
from rag.eval.runner.coverage_cases import Aspect, AspectPlace, CoverageCase, anchor_form, read_coverage_cases

REPOSITORY = Path(__file__).parents[2]


def row(**changes: Any) -> str:
    """A row of a suite with four aspects, as JSON, with ``changes``."""
    aspect = {"text": "Water ran in.", "places": [{"document_id": "a.md", "anchor": "ran into the tunnel"}]}
    return json.dumps({"id": "a", "collection": "b", "question": "Why?", "aspects": [aspect] * 4, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"collection": " "}, "line 1: collection"),
        ({"aspects": []}, "line 1: aspects: Tuple should have at least 4 items"),
        ({"aspects": [{"text": "b", "places": []}] * 4}, "line 1: aspects.0.places: Tuple should have at least 1 item"),
        (
            {"aspects": [{"text": "b", "places": [{"document_id": "c", "anchor": "1 2 3 4 5 6 7 8 9"}]}] * 4},
            "line 1: aspects.0.places.0.anchor: String should match pattern",
        ),
    ],
)
def test_a_malformed_row_is_refused_with_the_field(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_suite([row(**changes)], "suite.jsonl", CoverageCase)


def test_a_well_formed_row_is_read() -> None:
    [case] = parse_suite([row()], "suite.jsonl", CoverageCase)
    assert case.aspects[0].places[0].anchor == "ran into the tunnel"


@pytest.mark.parametrize(
    ("document_id", "text", "stated"),
    [
        ("a.md", "In October water “ran\ninto the **tunnel**”, which", True),
        ("b.md", "In October water ran into the tunnel.", False),
        ("a.md", "The water ran into the tunnels.", False),
        ("a.md", "The plan of the tunnel overran into the next year.", False),
    ],
)
def test_a_passage_states_an_aspect_if_it_has_the_words_of_the_anchor(
    document_id: str, text: str, stated: bool
) -> None:
    aspect = Aspect(text="Water ran in.", places=(AspectPlace(document_id="a.md", anchor="ran into the tunnel"),))
    assert aspect.is_stated_in(document_id, text) is stated


def test_the_suite_has_thirty_questions_over_four_collections() -> None:
    cases = read_coverage_cases(REPOSITORY / "eval" / "cases" / "coverage.jsonl")
    assert len(cases) == 30
    collections = Counter(case.collection for case in cases)
    assert len(collections) == 4
    assert min(collections.values()) >= 7


def test_each_anchor_in_corpus_is_in_its_document() -> None:
    from rag.ingest import Source, extract, find

    texts = {
        document.id: anchor_form(document.text)
        for source in find([str(REPOSITORY / "corpus")])
        if isinstance(source, Source)
        for document in extract(source)[0]
    }
    for case in read_coverage_cases(REPOSITORY / "eval" / "cases" / "coverage.jsonl"):
        if case.collection == "corpus":
            for aspect in case.aspects:
                for place in aspect.places:
                    assert anchor_form(place.anchor) in texts[place.document_id], (case.id, place)
