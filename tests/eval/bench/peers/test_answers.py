"""Claims and citations of any system's answer."""

from __future__ import annotations

import pytest

from rag._internal.ids import is_genuine
from rag.eval.bench.peers.answers import cited_chunks, listed_chunks, parsed_brief
from rag.eval.bench.peers.interface import Answer, Passage

ONE = Passage(document="canal.txt.txt", text="The canal opened in 1914.")
TWO = Passage(document="vault.docx.txt", text="The vault was flooded in 2017.")


def answer(text: str, **values: object) -> Answer:
    return Answer(text=text, passages=(ONE, TWO), **values)  # type: ignore[arg-type]


def claims(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(claim.text, claim.citations) for claim in parsed_brief(answer(text)).claims]


def test_a_marker_belongs_to_the_sentence_before_it() -> None:
    assert claims("It opened in 1914 [1]. It was flooded. [2] Nobody knows why.") == [
        ("It opened in 1914.", ("1",)),
        ("It was flooded.", ("2",)),
        ("Nobody knows why.", ()),
    ]


@pytest.mark.parametrize("opening", ["[1] ", "[1]: ", "- [1] ", "1. [1] "])
def test_a_marker_at_the_beginning_of_a_line_cites_for_that_line(opening: str) -> None:
    assert claims(f"{opening}The canal opened in 1914.") == [("The canal opened in 1914.", ("1",))]


def test_a_citation_without_a_passage_stays_as_one() -> None:
    brief = parsed_brief(answer("It opened in 1914 [7]."))
    assert brief.claims[0].citations == ("7",)
    assert "7" not in brief.sources


def test_sentences_that_a_system_gives_are_not_split_again() -> None:
    text = "He met Mr. A. Then he left."
    brief = parsed_brief(answer("", sentences=((text, (2,)),)))
    assert [(claim.text, claim.citations) for claim in brief.claims] == [(text, ("2",))]


def test_an_answer_that_declines_has_no_claims() -> None:
    brief = parsed_brief(answer("I cannot answer this question [1].", declined=True))
    assert not brief.claims
    assert brief.raw["status"] == "insufficient_evidence"


def test_passages_have_the_id_of_the_document_that_was_exported() -> None:
    brief = parsed_brief(answer("It was flooded [2]."))
    assert [chunk.document_id for chunk in listed_chunks(brief)] == ["canal.txt", "vault.docx"]
    assert [chunk.document_id for chunk in cited_chunks(brief)] == ["vault.docx"]
    assert all(is_genuine(chunk) for chunk in listed_chunks(brief))
