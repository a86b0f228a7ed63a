"""What stands in a passage word for word is supported by it, a part of a sentence is not."""

from __future__ import annotations

import pytest
from briefs import chunk

from rag.check.verbatim import stands_word_for_word

PASSAGE = chunk(
    "pier.md",
    "He denied that the plan failed. The pier opened in May 2011, late.\n\n"
    "It is used by:\n- boats of the town\n- anglers",
)


@pytest.mark.parametrize(
    ("claim", "stands"),
    [
        ("The pier opened in May 2011, late.", True),
        ("He denied that the plan failed. The pier opened in May 2011, late.", True),
        ("It is used by: boats of the town; anglers", True),
        ("It is used by:\n- boats of the town", True),
        ("The plan failed.", False),
        ("The pier opened in May 2011.", False),
        ("The pier opened in May 2012, late.", False),
        ("anglers. He denied that the plan failed.", False),
        ("…", False),
    ],
)
def test_only_whole_sentences_in_a_row_stand_word_for_word(claim: str, stands: bool) -> None:
    assert stands_word_for_word(claim, [PASSAGE]) == stands
    assert not stands_word_for_word(claim, [])
