"""The characters of a query."""

from __future__ import annotations

import pytest

from rag.retrieval.query_marks import normalize_characters


@pytest.mark.parametrize("quoted", ["„no“", "«no»", "« no »", "“no”", "「no」", "‹no›", "‚no‘", "＂no＂"])
def test_quotation_marks_of_other_languages_become_ascii(quoted: str) -> None:
    assert normalize_characters(f"who said {quoted} first").replace("'", '"').replace(" ", "") == 'whosaid"no"first'


@pytest.mark.parametrize(
    ("query", "normalized"),
    [
        ("Ｗｈｏ　ｗｏｎ　ｉｎ　２０１０？", "Who won in 2010?"),
        ("on\u2011call \u2013 or\u00a0not \u2014 today", "on-call - or not - today"),
        ("data\u00adbase\u200b backups\ufeff", "database backups"),
        ("the ﬁrst oﬃce", "the first office"),
        ("WHO FIRED THE FBI DIRECTOR?", "who fired the fbi director?"),
        ("What is the FBI?", "What is the FBI?"),
        ("NATO", "NATO"),
        ("Müller’s résumé", "Müller's résumé"),
    ],
)
def test_widths_dashes_invisible_characters_and_capitals(query: str, normalized: str) -> None:
    assert normalize_characters(query) == normalized


def test_plain_text_stays() -> None:
    query = 'Who wrote "it is what it is" - and when, in May 2017?'
    assert normalize_characters(query) == query
