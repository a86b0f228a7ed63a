"""A chunk is found by its id, and by the one that it has in another version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from briefs import chunk

from rag._internal.ids import earlier_id
from rag.store import Catalogue
from rag.types import Chunk, Document

NEW = chunk("canal.txt", "The canal opened in 1914.")
OLD = replace(NEW, id=earlier_id(NEW.id))


def catalogue_of(*chunks: Chunk) -> Catalogue:
    catalogue = Catalogue(Path(":memory:"))
    for each in chunks:
        document = Document(id=each.document_id, title="", text=each.text, source="")
        catalogue.put_document(document, each.document_id, [(each, each.id)])
    return catalogue


@pytest.mark.parametrize("stored", [NEW, OLD])
@pytest.mark.parametrize("asked", [NEW.id, OLD.id])
def test_briefs_and_indexes_of_two_versions_agree_on_a_passage(stored: Chunk, asked: str) -> None:
    found = catalogue_of(stored, chunk("canal.txt.bak", "The canal opened in 1914.")).chunks_with_id(asked)
    assert [each.id for each in found] == [stored.id]


@pytest.mark.parametrize("asked", [f"{OLD.id}0000", NEW.id[:-1], "canal-txt", f"{OLD.id[:-1]}g", "canal-txt."])
def test_an_id_that_only_begins_like_one_names_nothing(asked: str) -> None:
    assert catalogue_of(NEW).chunks_with_id(asked) == []


def test_the_owner_of_an_id_is_the_document_that_has_it_or_its_own_one_if_two_chunks_share_it() -> None:
    catalogue = catalogue_of(NEW)
    other = chunk("other.txt", "Another canal.")
    assert catalogue.owner_of_ids([(other, other.id)]) is None
    assert catalogue.owner_of_ids([(other, NEW.id)]) == "canal.txt"
    assert catalogue.owner_of_ids([(other, "one"), (other, "two")]) == "other.txt"
