"""Which sentences of a passage are quoted for a claim. Real encoder."""

from __future__ import annotations

import pytest

from rag.verify.quotes import stating_spans

pytestmark = pytest.mark.integration

PASSAGE = (
    "On November 29, 2018, Michael Cohen pleaded guilty to making false statements to Congress "
    "about the Trump Tower Moscow project. "
    "He had told two committees that the project ended in January 2016. "
    "In fact, the discussions went on until June 2016, and Cohen had briefed Trump on them more than three times."
)


def quoted(claim: str, passage: str = PASSAGE) -> list[str]:
    return [passage[start:end] for start, end in stating_spans(claim, passage)]


def test_the_sentence_that_states_the_claim_is_quoted_alone() -> None:
    assert quoted("He had told two committees that the project ended in January 2016.") == [
        "He had told two committees that the project ended in January 2016."
    ]


def test_a_claim_that_rests_on_two_sentences_has_both_quoted_in_order() -> None:
    found = quoted(
        "Cohen pleaded guilty to false statements to Congress, and he had briefed Trump more than three times."
    )
    assert [text.split()[0] for text in found] == ["On", "In"]


def test_one_sentence_is_quoted_even_where_none_states_the_claim() -> None:
    assert len(quoted("Cod is landed from January to April.")) == 1


def test_nothing_is_quoted_of_or_for_an_empty_text() -> None:
    assert quoted("Anything.", "") == []
    assert quoted(" ") == []
