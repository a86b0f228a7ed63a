from __future__ import annotations

from rag.ingest import foreign_language


def test_german_is_recognised() -> None:
    text = "Der Präsident hat gestern in Berlin mit dem Kanzler gesprochen, und beide waren sich in allem einig. " * 3
    assert foreign_language(text) == "de"


def test_english_gives_none() -> None:
    assert foreign_language("The President spoke with the Chancellor in Berlin. " * 5) is None


def test_short_text_gives_none() -> None:
    assert foreign_language("Der Präsident hat gestern gesprochen.") is None


def test_text_without_words_of_a_language_gives_none() -> None:
    assert foreign_language("xkq wzv pqr zzt bnm qwx vbk dfg hjk lmn " * 20) is None
