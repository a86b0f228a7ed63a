"""Which notes a sentence rests on, and how it departs from them."""

from __future__ import annotations

import pytest

from rag.writing.attribution import attributed_sources, departure_from_sources

NOTES = [
    "The harbour board approved the pier in May unless the auditor objects.",
    "The pier cost 41 million kroner.",
    "Ferries may use the northern quay.",
]


@pytest.mark.parametrize(
    ("sentence", "places"),
    [
        ("The pier, which the harbour board approved in May, cost 41 million kroner.", [0, 1]),
        ("Ferries may use the northern quay.", [2]),
        ("The northern quay is for ferries, and the pier cost 41 million kroner.", [1, 2]),
        ("Whales sing.", []),
    ],
)
def test_a_sentence_rests_on_the_notes_that_cover_its_words(sentence: str, places: list[int]) -> None:
    assert attributed_sources(sentence, NOTES) == places


@pytest.mark.parametrize(
    ("sentence", "fault"),
    [
        ("The harbour board approved the pier in May.", "leaves out unless"),
        ("The harbour board approved the pier in June unless the auditor objects.", "no note has June"),
        ("The harbour board approved the pier in May unless the auditor objects.", None),
        ("In Oslo the harbour board approved the pier in May unless the auditor objects.", None),
    ],
)
def test_no_condition_is_lost_and_nothing_is_added(sentence: str, fault: str | None) -> None:
    found = departure_from_sources(sentence, [("Minutes of Oslo", NOTES[0])])
    assert found is None if fault is None else fault in (found or "")
