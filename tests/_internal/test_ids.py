"""The form of a chunk's id, and the ids that name the same chunk."""

from __future__ import annotations

from dataclasses import replace

import pytest
from briefs import REPORT, chunk

from rag._internal.ids import CHUNK_ID, chunk_id, earlier_id, is_genuine, slug


def test_a_chunk_id_depends_on_place_and_text() -> None:
    assert chunk_id("Report, Vol. 1.pdf", 7, "text").startswith("report-vol-1-pdf.")
    assert chunk_id("a", 0, "text") != chunk_id("a", 1, "text")
    assert slug("日本語") == "document"


def test_documents_whose_names_give_one_slug_get_ids_that_differ() -> None:
    names = ("丅刹", "三凶")  # their hashes begin with the same eight digits
    ids = [chunk_id(name, 0, "费用是四十欧元。") for name in names]
    assert ids[0] != ids[1]
    assert earlier_id(ids[0]) == earlier_id(ids[1]) == "document.52d8751c"


@pytest.mark.parametrize(
    ("id_", "genuine"),
    [
        (REPORT.id, True),
        (earlier_id(REPORT.id), True),
        (f"{earlier_id(REPORT.id)}0000", False),
        (REPORT.id[:-1], False),
        (chunk("made-up.md", "Other words.").id, False),
    ],
)
def test_an_id_is_genuine_in_its_own_form_and_in_the_earlier_one(id_: str, genuine: bool) -> None:
    assert is_genuine(replace(REPORT, id=id_)) == genuine


def test_ids_of_both_forms_are_found_in_a_text() -> None:
    text = f"See `{REPORT.id}` and {earlier_id(REPORT.id)}, but not report.pdf or a.0123456789."
    assert CHUNK_ID.findall(text) == [REPORT.id, earlier_id(REPORT.id)]
