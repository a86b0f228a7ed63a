"""The marks of nested list items, and how a chat model sees them."""

from __future__ import annotations

import pytest

from rag.text import bullet, bullet_depth, indented


@pytest.mark.parametrize("depth", range(1, 6))
def test_each_of_five_depths_has_a_mark_of_its_own(depth: int) -> None:
    """Minutes nest four and five deep; one mark for all of them puts a heading item over its siblings."""
    assert bullet_depth(f"{bullet(depth)}Approved spending") == depth


def test_what_is_nested_deeper_stays_an_item() -> None:
    assert bullet_depth(bullet(9)) == 5


def test_nested_items_are_indented_for_a_chat_model_and_other_lines_are_not() -> None:
    text = "Decisions:\n- Budget\n– Approved\n* $60,000 for bounties\n+ by vote\n- Travel\n1. First"
    assert indented(text).split("\n") == [
        *(
            "Decisions:",
            "- Budget",
            "  - Approved",
            "    - $60,000 for bounties",
            "      - by vote",
            "- Travel",
            "1. First",
        )
    ]
