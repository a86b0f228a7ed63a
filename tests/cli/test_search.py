from __future__ import annotations

import json

import pytest
from command_line import Run

pytestmark = pytest.mark.integration


def test_show_prints_a_passage_that_search_found_with_its_surroundings(store: str, citebrief: Run) -> None:
    rows = json.loads(citebrief("search", "polling data", "--k", "2", "--store", store, "--json").stdout)
    assert [hit["rank"] for hit in rows] == [1, 2]
    assert "polling" in rows[0]["text"]
    shown = json.loads(citebrief("show", rows[0]["chunk_id"], "--store", store, "--json").stdout)
    assert shown["text"] == rows[0]["text"]
    assert shown["before"] or shown["after"]


def test_an_unknown_chunk_id_is_refused_with_the_command_that_finds_one(store: str, citebrief: Run) -> None:
    done = citebrief("show", "made-up.12345678", "--store", store)
    assert done.returncode == 2
    assert "made-up.12345678" in done.stderr
    assert "citebrief search" in done.stderr
