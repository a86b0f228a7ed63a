"""What a sentence adds to the passages that it was written from."""

from __future__ import annotations

import pytest

from rag.writing.additions import addition_to_sources

NOTE = "The harbour board approved the pier in May unless the auditor objects."


@pytest.mark.parametrize(
    ("sentence", "fault"),
    [
        ("The harbour board approved the pier in June unless the auditor objects.", "no passage has June"),
        ("The harbour board did not approve the pier in May.", "says not"),
        ("The harbour board approved the pier in May because of the auditor.", "says because"),
        ("The harbour board's furtive ballot approved the pier in May.", "brings words of its own: ballot, furtive"),
        ("The harbour board approved the pier in May unless the auditor objects.", None),
        ("In Oslo the harbour board approved the pier in May.", None),
    ],
)
def test_a_sentence_adds_no_fact_condition_relation_or_word_of_its_own(sentence: str, fault: str | None) -> None:
    found = addition_to_sources(sentence, [("Minutes of Oslo", NOTE)])
    assert found is None if fault is None else fault in (found or "")
