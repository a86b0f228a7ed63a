"""What a sentence adds to the passage that it was written from."""

from __future__ import annotations

import pytest

from rag.writing.additions import addition_to_source

NOTE = "The harbour board approved the pier in May unless the auditor objects."


@pytest.mark.parametrize(
    ("sentence", "fault"),
    [
        ("The harbour board approved the pier in June unless the auditor objects.", "its passage has no June"),
        ("The harbour board's furtive ballot approved the pier in May.", "brings words of its own: ballot, furtive"),
        ("The harbour board approved the pier in May unless the auditor objects.", None),
        ("In Oslo the harbour board approved the pier in May.", None),
    ],
)
def test_a_sentence_adds_no_name_figure_or_word_of_its_own(sentence: str, fault: str | None) -> None:
    assert addition_to_source(sentence, "Minutes of Oslo", NOTE) == fault
