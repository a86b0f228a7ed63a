from __future__ import annotations

from rag.ingest.line_joining import join_lines, word_counts


def test_hyphen_at_a_line_end_stays_if_the_document_writes_the_word_with_it() -> None:
    counts = word_counts(["so well-known and called it", "the interference", "a so-called matter"])
    assert join_lines(["russian inter-", "ference and a well-", "known, so-", "called affair"], counts) == (
        "russian interference and a well-known, so-called affair"
    )


def test_hyphen_before_a_capital_or_a_number_stays() -> None:
    counts = word_counts([])
    assert join_lines(["the Trump-", "Putin talks of 2015-", "2016"], counts) == "the Trump-Putin talks of 2015-2016"
