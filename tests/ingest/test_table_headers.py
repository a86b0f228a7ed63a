"""The rows that name the columns of a sheet are found by the kinds of their cells, and no cell gets a false name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rag.ingest.tables import record_blocks
from rag.types import Document


def written(sheet: str) -> list[str]:
    """Return the blocks of a sheet whose cells are divided by bars, a row a line."""
    rows = [[cell.strip() for cell in line.split("|")] for line in sheet.strip("\n").split("\n")]
    return [block.text.replace("\n", "; ") for block in record_blocks(rows)]


@pytest.mark.parametrize("corner", ["", "In millions", "2023"])
def test_header_of_years_has_any_corner(corner: str) -> None:
    label = f"{corner}: " if corner else ""
    assert written(f"{corner}|2022|2023\nRevenue|100|120\nProfit|10|12") == [
        f"{label}Revenue; 2022: 100; 2023: 120",
        f"{label}Profit; 2022: 10; 2023: 12",
    ]


def test_empty_corner_above_one_column() -> None:
    assert written("|2022\nRevenue|100\nProfit|10") == ["Revenue; 2022: 100", "Profit; 2022: 10"]


def test_empty_corner_in_a_csv_file(read_document: Callable[..., Document]) -> None:
    assert read_document("a.csv", ",2022,2023\nRevenue,100,120\n").text == "Revenue\n2022: 100\n2023: 120"


def test_each_block_of_a_sheet_has_its_own_header() -> None:
    sheet = """
Boats by lock
In hundreds|||May 2022
|Boats|Barges|Rafts
Ostby|4|7|2
Nore|5|—|3
In hundreds|||May 2023
|Boats|Barges|Rafts
Ostby|6|8|1
(a) without canoes"""
    assert written(sheet) == [
        "Boats by lock",
        "In hundreds: Ostby; May 2022 Boats: 4; May 2022 Barges: 7; May 2022 Rafts: 2",
        "In hundreds: Nore; May 2022 Boats: 5; May 2022 Barges: —; May 2022 Rafts: 3",
        "In hundreds: Ostby; May 2023 Boats: 6; May 2023 Barges: 8; May 2023 Rafts: 1",
        "(a) without canoes",
    ]


def test_header_that_comes_again_names_its_rows() -> None:
    assert written("Topic|Period|Page\nBoats|May|1\nRafts|June|2\nOther\nTopic|Period|Page\nStaff|July|3") == [
        "Topic: Boats; Period: May; Page: 1",
        "Topic: Rafts; Period: June; Page: 2",
        "Other",
        "Topic: Staff; Period: July; Page: 3",
    ]


def test_block_below_an_empty_row_with_words_for_numbers_is_no_part_of_the_table() -> None:
    assert written("Lock|Boats|Crew\nOstby|4|7\nNore|5|8\n\nKeeper|Ida Vik\nOffice|Ostby, pier") == [
        "Lock: Ostby; Boats: 4; Crew: 7",
        "Lock: Nore; Boats: 5; Crew: 8",
        "Keeper; Ida Vik",
        "Office; Ostby, pier",
    ]


@pytest.mark.parametrize(
    "sheet",
    [
        "MC|What is 2+2?|4|correct|3|incorrect\nTF|A raft floats|true\nORD|Rank these|Ida|Ola|Per",
        "Lock|Ostby\nOpened|1998\nBoats|412\nKeeper|Ida Vik",
        "Ostby|4|no data|7\nNore|5|6|8\nVik|3|9|2",
        "1|2|3\n2|3|4\n3|4|5",
        "About\nThese are the boats\nSource\nThe office",
        "Name:|4\nBoats:|5\nCrew:|6",
        "B3|C3|D3\nB4|C4|D4\nB5|C5|D5",
        "boat|raft|barge\nraft|barge|boat\nboat|raft|canoe",
    ],
    ids=["quiz", "form", "values", "numbers", "notes", "fields", "codes", "words that come again"],
)
def test_rows_without_a_header_stay_as_they_are(sheet: str) -> None:
    assert written(sheet) == ["; ".join(filter(None, line.split("|"))) for line in sheet.split("\n")]


def test_groups_above_the_columns_are_part_of_their_names() -> None:
    merged = written("|Plan|||||\n|2022||2023||Change\nLock|May|June|May|June|%\nOstby|1|2|3|4|9\nNore|5|6|7|8|9")
    assert merged[0] == "Plan"
    assert merged[1] == "Lock: Ostby; 2022 May: 1; 2022 June: 2; 2023 May: 3; 2023 June: 4; Change %: 9"
    apart = written("|||2023|||2022\n|Boats|Rafts||Boats|Rafts\nOstby|1|2||3|4\nNore|5|6||7|8".replace("|||2", "||2"))
    assert apart[0] == "Ostby; 2023 Boats: 1; 2023 Rafts: 2; 2022 Boats: 3; 2022 Rafts: 4"


def test_name_in_two_lines_does_not_reach_the_next_column() -> None:
    assert written("|Net|Gross|\n|sales|sale|Tax\nOstby|1|2|3\nNore|4|5|6")[0] == (
        "Ostby; Net sales: 1; Gross sale: 2; Tax: 3"
    )


def test_units_below_the_names_are_part_of_them() -> None:
    assert written("Lock|Width|Depth\n|m|cm\nOstby|7|300\nNore|8|250")[0] == "Lock: Ostby; Width m: 7; Depth cm: 300"


def test_header_of_words_above_words() -> None:
    assert written("Boats by place\nBoat|Port|Master\nElida|Ostby|Ida Vik\nFram|Nore|Ola Berg") == [
        "Boats by place",
        "Boat: Elida; Port: Ostby; Master: Ida Vik",
        "Boat: Fram; Port: Nore; Master: Ola Berg",
    ]


def test_two_columns_of_words_have_a_header_if_the_form_of_their_cells_tells_it() -> None:
    assert written("Code|Meaning\nOB|Open boat\nRB|Rowing boat")[1] == "Code: RB; Meaning: Rowing boat"
    assert written("Keeper|Ida Vik\nOffice|At the pier") == ["Keeper; Ida Vik", "Office; At the pier"]


def test_steps_of_a_scale_name_columns() -> None:
    assert written("|0.5|1.0|1.5\nOstby|120|140|155\nNore|97|99|120")[0] == "Ostby; 0.5: 120; 1.0: 140; 1.5: 155"


def test_row_of_remarks_in_place_of_numbers_is_no_header() -> None:
    rows = written("Lock|May|June\nOstby|4|7\nNore|closed|closed\nVik|closed|3\nAas|5|8")
    assert rows[1] == "Lock: Nore; May: closed; June: closed"
    assert rows[-1] == "Lock: Aas; May: 5; June: 8"
