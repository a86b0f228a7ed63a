"""Rows of tables as lines."""

from __future__ import annotations

import pytest

from rag.text import header_cells, join_cells, split_cells


@pytest.mark.parametrize(
    ("cells", "line", "split"),
    [
        (["Ostby", "", "412"], "Ostby; ; 412", ["Ostby", "", "412"]),
        (["Ostby; Nore", "412", ""], "Ostby, Nore; 412", ["Ostby, Nore", "412"]),
        (["a;b", "f(x);", "1"], "a;b; f(x);; 1", ["a;b", "f(x);", "1"]),
    ],
)
def test_a_semicolon_within_a_cell_does_not_end_it(cells: list[str], line: str, split: list[str]) -> None:
    assert join_cells(cells) == line
    assert split_cells(line) == split


def test_a_semicolon_in_the_header_makes_no_column() -> None:
    rows = [["Lock; place", "Boats"], ["Ostby", "412"], ["Nore", "9"]]
    assert header_cells([join_cells(row) for row in rows]) == ["Lock, place", "Boats"]


def test_a_row_with_one_filled_cell_is_its_words() -> None:
    assert join_cells(["The lock opens; the boats pass.", ""]) == "The lock opens; the boats pass."
