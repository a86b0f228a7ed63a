"""A sentence repeats another one if few of its words differ."""

from __future__ import annotations

import pytest

from rag.writing.repetition import is_near_copy, repeated_in

SENTENCE = "The harbour board of Oslo approved the new pier in May 2011, and the council revoked it in June."


@pytest.mark.parametrize(
    ("other", "repeats"),
    [
        (SENTENCE, True),
        ("In all, the harbour board of Oslo approved the pier in May 2011, and the council revoked it in June.", True),
        ("The council took back in June 2011 what Oslo's harbour board had approved a month before.", False),
        ("The harbour board of Oslo approved a budget of 41 million kroner for the boats.", False),
    ],
)
def test_a_near_copy_has_nearly_the_same_words_in_the_same_order(other: str, repeats: bool) -> None:
    assert is_near_copy(other, SENTENCE) == repeats
    assert (repeated_in(other, ["It rained.", SENTENCE]) == SENTENCE) == repeats


def test_rules_of_other_figures_are_no_copies_and_one_with_fewer_figures_may_be() -> None:
    first = "If you become the primary caregiver of a child, you can take up to 16 weeks of leave at 100% pay."
    second = "If you become the secondary caregiver of a child, you can take up to 6 weeks of leave at 100% pay."
    assert not is_near_copy(second, first)
    assert is_near_copy(first.replace("up to 16 weeks of", "much"), first)
