"""The units of a passage: sentences, list items with what introduces them, table rows with their header."""

from __future__ import annotations

import pytest

from rag.writing.units import evidence_units, is_unfinished_line


def texts(passage: str) -> list[str]:
    return [unit.text for unit in evidence_units(passage)]


def test_items_are_one_unit_with_the_line_that_introduces_them_and_quote_the_whole_list() -> None:
    passage = "It is checked.\n\nTypical uses of pipelines are:\n\n- cleansing HTML data\n- dropping duplicates; and"
    unit = list(evidence_units(passage))[-1]
    assert unit.text == "Typical uses of pipelines are: cleansing HTML data; dropping duplicates."
    assert passage[unit.start : unit.end] == passage[passage.index("Typical") :]
    assert not unit.whole


def test_full_stops_between_items_go_and_those_of_abbreviations_stay() -> None:
    passage = "Better than setup functions:\n\n- they have names.\n- they are used in the U.S.\n- etc."
    assert texts(passage)[-1] == "Better than setup functions: they have names; they are used in the U.S.; etc."


def test_a_list_that_is_too_long_is_divided_and_each_part_has_the_introduction() -> None:
    item = "item " * 30
    passage = f"The parts are:\n\n- {item}\n- {item}\n- {item}"
    _, first, second = evidence_units(passage)
    assert (first.text.count(";"), second.text.count(";")) == (1, 0)
    assert first.text.startswith("The parts are: item")
    assert second.text.startswith("The parts are: item")
    assert (first.start, passage[second.start : second.end]) == (0, item.strip())


@pytest.mark.parametrize("marks", [("1.", "2."), ("1\\.", "2\\."), ("-", "-"), ("(a)", "(b)")])
def test_a_numbered_list_is_split_into_its_items(marks: tuple[str, str]) -> None:
    items = ["Complete a cost estimate with the client.", "Send the statement of work to them."]
    passage = "\n".join(f"{mark} {item}" for mark, item in zip(marks, items, strict=True))
    assert texts(passage) == items


def test_an_item_that_is_a_sentence_stands_without_the_introduction() -> None:
    assert texts("The rules are:\n\n- Nobody may enter the hall after nine o'clock.")[-1].startswith("Nobody may")


def test_a_line_without_a_mark_goes_on_with_its_item() -> None:
    assert texts("- The board met in Oslo\non 3 May.\n- It voted.") == ["The board met in Oslo on 3 May.", "It voted."]


def test_a_table_row_has_the_names_of_its_columns() -> None:
    passage = "Version; Date\n3.12; October 2023\n3.13; October 2024"
    units = list(evidence_units(passage))
    assert [unit.text for unit in units] == ["Version: 3.12; Date: October 2023.", "Version: 3.13; Date: October 2024."]
    assert passage[units[0].start : units[0].end] == "3.12; October 2023"


def test_a_sentence_with_a_semicolon_is_no_table() -> None:
    sentence = "The board met; nobody voted."
    assert texts(f"{sentence} {sentence}") == [sentence, sentence]


def test_the_label_of_a_structured_abstract_is_left_out_and_other_capitals_are_not() -> None:
    passage = (
        "METHODS We followed 300 patients. RESULTS Mortality fell. NASA Engineers found the flaw. CONCLUSION: It works."
    )
    assert texts(passage) == [
        "We followed 300 patients.",
        "Mortality fell.",
        "NASA Engineers found the flaw.",
        "It works.",
    ]


def test_code_has_no_units() -> None:
    assert texts("Run the command.\n\n    rm -rf build") == ["Run the command."]


COLUMNS = "Application; Description; View"


def test_the_rest_of_a_row_that_a_chunk_begins_with_has_no_names_of_columns() -> None:
    text = "We might move collections into it; Retire it in the medium term.\ncalendars; Serves the holidays; Merge it"
    assert [unit.text for unit in evidence_units(text, COLUMNS)] == [
        "We might move collections into it; Retire it in the medium term.",
        "Application: calendars; Description: Serves the holidays; View: Merge it.",
    ]


def test_a_row_below_known_columns_is_never_the_header_of_the_next_one() -> None:
    text = "manuals; Publishes manuals; No change; or; later\nfrontend; Serves pages; Retire; soon; or not"
    assert not any("manuals: " in unit.text for unit in evidence_units(text, COLUMNS))


@pytest.mark.parametrize(
    ("passage", "unfinished"),
    [
        # minutes, a manual, a handbook
        ("- Staff had action to look at different cost models\n- Next call in May", True),
        ("1. Once all approvers have approved, the bot applies a label", True),
        ("Every new repository is public by default\n\nThe exceptions are rare.", True),
        # what introduces a list or code, what was cut, and lines that were run together
        ("Typical uses of the parser module include\n\n- cleansing data\n- counting", False),
        ("The command that starts the local server is\n\n    serve --port 80", False),
        ("The council of the city of Oslo then revoked the", False),
        ("The council met in June. Candidate Ada Lovelace was asked whether the Board", False),
        ("status: Final\nrequires: 2, 161\nauthor: Ada Lovelace", False),
        ("The board met on 3 May.", False),
    ],
)
def test_a_line_that_could_end_with_a_full_stop_is_told_from_other_text_without_one(
    passage: str, unfinished: bool
) -> None:
    lines = [unit for unit in evidence_units(passage) if is_unfinished_line(passage, unit)]
    assert bool(lines) == unfinished


def test_a_row_of_long_cells_is_no_unit_but_its_sentences_are() -> None:
    told = (
        "A designer tells the team what is going on. " + "It is told in the calls and in the notes of each week. " * 3
    )
    sent = "A lead sends the notes to all of the offices. " + "They are read there by the people at the desk. " * 4
    passage = f"Work; Designer; Lead\nTalk; {told.strip()}; {sent.strip()}\nRest; A day; Two days"
    found = texts(passage)
    assert "A designer tells the team what is going on." in found
    assert "A lead sends the notes to all of the offices." in found
    assert found[-1] == "Work: Rest; Designer: A day; Lead: Two days."
    assert not any(text.startswith("Work: Talk") for text in found)
