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


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Profit was -5 percent.", "Profit was 5 percent."),
        ("Sales rose to $5 million.", "Sales rose to €5 million."),
        ("Sales rose by 5%.", "Sales rose by 5."),
        ("The limit is < 5 mg.", "The limit is > 5 mg."),
        ("The ratio is 1:5.", "The ratio is 1.5."),
        ("C++ is used.", "C is used."),
        ("The plan failed.", "The plan failed?"),
    ],
)
def test_signs_that_change_the_meaning_count_as_words(claim: str, passage: str) -> None:
    assert stands_word_for_word(claim, [chunk("a.md", claim)])
    assert not stands_word_for_word(claim, [chunk("a.md", passage)])


def test_the_form_of_dashes_bullets_and_quotation_marks_does_not_count() -> None:
    listed = chunk("b.md", "It is used by:\n* boats of the town\n* anglers")
    assert stands_word_for_word("It is used by: boats of the town; anglers", [listed])
    passage = chunk("a.md", "The “pier” – a long one – lost −5 per cent, 3-5 days later.")
    assert stands_word_for_word('The "pier" - a long one - lost -5 per cent, 3-5 days later.', [passage])
