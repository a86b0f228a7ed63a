"""Passages in the prompts of a large model: documents together, each place named once."""

from __future__ import annotations

from dataclasses import replace

from briefs import chunk

from rag.writing.passages import aliased_passages, passages_text, place_of

FIRST = chunk("a.md", "Rain fell.", title="Weather", date="2011-05", heading_path=("Oslo",))
SECOND = chunk("a.md", "Snow fell.", start=40, title="Weather", date="2011-05", heading_path=("Oslo",))
OTHER = chunk("b.md", "Boats came.", title="Boats")


def test_passages_of_a_document_stand_together_in_its_order() -> None:
    assert aliased_passages([SECOND, OTHER, FIRST]) == {"E1": FIRST, "E2": SECOND, "E3": OTHER}


def test_the_place_is_named_above_the_first_of_its_passages_with_the_date() -> None:
    text = passages_text(aliased_passages([FIRST, SECOND, OTHER]))
    assert text == "[Weather › Oslo, 2011-05]\nE1: Rain fell.\n\nE2: Snow fell.\n\n[Boats]\nE3: Boats came."


def test_of_the_place_of_a_further_passage_of_a_document_only_what_differs_is_named() -> None:
    deeper = chunk("a.md", "Hail fell.", start=80, title="Weather", date="2011-05", heading_path=("Oslo", "Hail"))
    beside = chunk("a.md", "Fog lay.", start=120, title="Weather", date="2011-05", heading_path=("Bergen",))
    text = passages_text(aliased_passages([FIRST, deeper, beside]))
    assert [line for line in text.splitlines() if line.startswith("[")] == [
        "[Weather › Oslo, 2011-05]",
        "[… › Hail]",
        "[… › Bergen]",
    ]


def test_a_shortened_text_takes_the_place_of_a_passage() -> None:
    text = passages_text(aliased_passages([FIRST, OTHER]), {OTHER.id: "Boats […]"})
    assert text == "[Weather › Oslo, 2011-05]\nE1: Rain fell.\n\n[Boats]\nE2: Boats […]"


def test_a_document_without_a_title_is_named_by_its_id() -> None:
    assert place_of(chunk("c.txt", "Fog.")) == "[c.txt]"


def test_the_items_that_a_passage_begins_within_are_a_part_of_its_place() -> None:
    first = chunk("c.md", "- Loans", title="Minutes", heading_path=("Agenda",))
    second = replace(first, id="2", text="* Postponed.", start=90, end=102, items=("Loans",))
    assert place_of(second) == "[Minutes › Agenda › Loans]"
    assert passages_text({"E1": first, "E2": second}) == (
        "[Minutes › Agenda]\nE1: - Loans\n\n[… › Loans]\nE2: - Postponed."
    )


def test_items_that_a_passage_begins_with_stand_beside_each_other_and_within_none_of_them() -> None:
    """A mark taken off the first item alone made it govern its siblings, and code lost the indent of its first line."""
    text = "* By May\n* With interest\n– Grants"
    nested = replace(chunk("c.md", text, title="Minutes"), items=("Budget", "Loans"))
    assert passages_text({"E1": nested}).endswith("E1:\n  - By May\n  - With interest\n- Grants")
    code = chunk("d.md", "    def f():\n        return 1", title="Guide")
    assert passages_text({"E1": code}).endswith("E1:\n    def f():\n        return 1")
