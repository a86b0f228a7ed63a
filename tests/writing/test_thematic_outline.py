"""The outline that a large model makes: each passage in one theme, headings, gaps and disagreements that may stand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from briefs import chunk
from pydantic import ValidationError

from rag.errors import ReplyError
from rag.types import Chunk
from rag.writing.disagreements import Conflict
from rag.writing.evidence import EvidenceSentence
from rag.writing.outline import Outline, OutlineSection
from rag.writing.thematic_outline import (
    KeyPoint,
    outline_schema,
    outline_without_model,
    read_outline,
    without_parts_of_others,
)

BOARD = chunk("board.md", "The harbour board of Oslo approved the pier.", title="Minutes", heading_path=("Vote",))
COUNCIL = chunk("council.md", "The council of Oslo revoked the approval in 2011.", title="Council")
COST = chunk("cost.md", "The pier cost 41 million kroner.", title="Audit")
PASSAGES = {"E1": BOARD, "E2": COUNCIL, "E3": COST}
QUESTION = "Was the pier in Oslo approved?"


def reply(**changes: Any) -> Any:
    """Return a reply as the schema reads it."""
    values: dict[str, Any] = {
        "answered": "partly",
        "answer": "The board approved it.",
        "sections": [
            {
                "heading": "Approval and its loss",
                "key_points": [{"text": "Approved.", "evidence": ["E1", "E2"]}],
                "searches": [],
            },
            {"heading": "The price", "key_points": [{"text": "It was dear.", "evidence": ["E3"]}], "searches": []},
        ],
        "not_answered": [],
        "disagreements": [],
        "glossary": [],
    }
    return outline_schema(tuple(PASSAGES), 6).model_validate(values | changes)


def point(text: str, *passages: Chunk) -> KeyPoint:
    return KeyPoint(text=text, passages=passages)


def test_themes_keep_their_headings_and_passages_in_the_order_of_the_key_points() -> None:
    outline = read_outline(reply(), PASSAGES, QUESTION)
    assert [theme.heading for theme in outline.themes] == ["Approval and its loss", "The price"]
    assert [theme.passages for theme in outline.themes] == [(BOARD, COUNCIL), (COST,)]


def test_the_schema_knows_no_passage_that_was_not_shown() -> None:
    with pytest.raises(ValidationError):
        reply(sections=[{"heading": "Price", "key_points": [{"text": "Dear.", "evidence": ["E4"]}], "searches": []}])


def test_a_passage_may_serve_two_themes_and_a_theme_that_is_part_of_another_gives_it_its_points() -> None:
    approved, revoked = point("Approved and revoked.", BOARD, COUNCIL), point("Revoked.", COUNCIL)
    dear, vote = point("Dear.", COST), point("A vote.", BOARD)
    themes = without_parts_of_others([[approved], [revoked, dear], [vote]])
    assert themes == [[approved, vote], [revoked, dear], []]


def test_a_theme_that_gives_its_points_to_another_is_left_out() -> None:
    sections = [
        {"heading": heading, "key_points": [{"text": "Approved.", "evidence": ["E1"]}], "searches": []}
        for heading in ("Approval", "The vote")
    ]
    outline = read_outline(reply(sections=sections), PASSAGES, QUESTION)
    assert [theme.heading for theme in outline.themes] == ["Approval"]


def test_a_heading_with_a_name_that_no_passage_has_is_replaced_by_that_of_the_documents() -> None:
    sections = [
        {"heading": "The pier of Bergen", "key_points": [{"text": "Approved.", "evidence": ["E1"]}], "searches": []}
    ]
    outline = read_outline(reply(sections=sections), PASSAGES, QUESTION)
    assert [theme.heading for theme in outline.themes] == ["Vote"]
    assert outline.faults == ("'The pier of Bergen' names Bergen, which the section does not",)


def test_a_heading_may_have_the_date_of_a_document() -> None:
    dated = {"E1": replace(BOARD, date="2011-05-03")}
    sections = [{"heading": "Approval, May 2011", "key_points": [{"text": "So.", "evidence": ["E1"]}], "searches": []}]
    assert read_outline(reply(sections=sections), dated, QUESTION).faults == ()
    assert read_outline(reply(sections=sections), PASSAGES, QUESTION).faults


def gap(text: str, section: int = 1) -> dict[str, Any]:
    return {"gap": text, "search": f"search for {text}", "section": section}


def test_a_gap_is_searched_for_beside_what_its_section_lacks() -> None:
    sections = [
        {"heading": heading, "key_points": [{"text": "Approved.", "evidence": [alias]}], "searches": ["a  vote"]}
        for heading, alias in (("Vote", "E1"), ("Price", "E3"))
    ]
    gaps = [gap("No passage says who paid.", 2), gap("No passage says when it rained.", 3)]
    outline = read_outline(reply(sections=sections, not_answered=gaps), PASSAGES, QUESTION)
    found = [theme.searches for theme in outline.themes]
    lost = "search for No passage says when it rained."  # there is no third section
    assert found == [(lost, "a vote"), ("search for No passage says who paid.", "a vote")]


def test_gaps_are_whole_sentences_without_aliases() -> None:
    gaps = ["The passages do not say who paid (E3).", "who paid", "They do not say " + "very " * 50 + "much."]
    assert read_outline(reply(not_answered=[*map(gap, gaps)]), PASSAGES, QUESTION).gaps == (
        "The passages do not say who paid.",
    )


def test_a_question_that_is_answered_is_none_of_its_own_gaps() -> None:
    outline = read_outline(reply(not_answered=[gap(QUESTION), gap("No passage says who paid.")]), PASSAGES, QUESTION)
    assert outline.gaps == ("No passage says who paid.",)


def test_evidence_without_an_answer_gives_no_themes_whatever_else_the_reply_has() -> None:
    outline = read_outline(
        reply(answered="no", not_answered=[gap("No passage says when it rained.")]), PASSAGES, QUESTION
    )
    assert (outline.themes, outline.gaps) == ((), ("No passage says when it rained.",))


def test_an_answer_without_sections_is_no_usable_reply() -> None:
    with pytest.raises(ReplyError, match="no sections"):
        read_outline(reply(sections=[]), PASSAGES, QUESTION)


def side(text: str, *evidence: str) -> dict[str, Any]:
    return {"text": text, "evidence": list(evidence)}


def test_a_disagreement_has_a_sentence_on_different_passages_for_each_side() -> None:
    sides = [side("The board approved the pier.", "E1"), side("The council revoked it.", "E2")]
    [found] = read_outline(
        reply(disagreements=[{"about": "the pier.", "sides": sides}]), PASSAGES, QUESTION
    ).disagreements
    assert found.about == "The pier"
    assert [draft.chunks for draft in found.sides] == [(BOARD,), (COUNCIL,)]


@pytest.mark.parametrize(
    "sides",
    [
        [side("The board approved the pier.", "E1"), side("The board revoked it.", "E1")],
        [side("The board met. It approved the pier.", "E1"), side("The council revoked it.", "E2")],
        [side("", "E1"), side("The council revoked it.", "E2")],
        [side("The board approved the pier.", "E1")],
    ],
)
def test_a_disagreement_of_one_passage_with_itself_or_of_several_sentences_is_left_out(sides: list[Any]) -> None:
    assert read_outline(reply(disagreements=[{"about": "X", "sides": sides}]), PASSAGES, QUESTION).disagreements == ()


def test_the_glossary_has_only_what_stands_in_the_evidence() -> None:
    glossary = [{"short": "the board", "full": "the harbour board of Oslo"}, {"short": "council", "full": "Bergen"}]
    assert read_outline(reply(glossary=glossary), PASSAGES, QUESTION).glossary == (
        ("the board", "the harbour board of Oslo"),
    )


def test_without_a_model_the_sections_of_evidence_sentences_are_the_themes() -> None:
    def evidence(source: Chunk) -> EvidenceSentence:
        return EvidenceSentence(text=source.text, chunk=source, start=0, end=len(source.text))

    sections = (
        OutlineSection(heading="Vote", evidence=(evidence(BOARD), evidence(COUNCIL))),
        OutlineSection(heading="Audit", evidence=(evidence(COST),)),
    )
    conflict = Conflict(stating=evidence(BOARD), disputing=evidence(COUNCIL))
    outline = outline_without_model(
        Outline(sections=sections, key_points=(), conflicts=(conflict,)), [BOARD, COUNCIL, COST]
    )
    [disagreement] = outline.disagreements
    assert [side.text for side in disagreement.sides] == [BOARD.text, COUNCIL.text]
    assert [(theme.heading, theme.passages) for theme in outline.themes] == [
        ("Vote", (BOARD, COUNCIL)),
        ("Audit", (COST,)),
    ]
    shown = outline_without_model(Outline(sections=sections, key_points=()), [COUNCIL])
    assert [(theme.heading, theme.passages) for theme in shown.themes] == [("Vote", (COUNCIL,))]
