"""A user is warned of another language in the question or in a part of the corpus, but not of a file in hundreds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.embedding import load_encoder
from rag.retrieval import language_notices
from rag.store import Index, SourceRow
from rag.types import Document

GERMAN = (
    "Wann hat der Rat der Stadt Oslo die Kosten des neuen Kais genehmigt, und wer hat sie bezahlt? Was wurde "
    "danach aus den Schiffen, die vor dem Bau des Kais im alten Hafen lagen?"
)
ENGLISH = "When did the council of Oslo approve the cost of the new quay, and who paid for it?"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    found = Index(str(tmp_path), load_encoder())
    yield found
    found.close()


def put(index: Index, name: str, language: str = "") -> None:
    with index.catalogue.transaction():
        index.catalogue.put_source(SourceRow(id=name, location=name, root="", digest=""))
        metadata = {"language": language} if language else {}
        document = Document(id=name, title="", text="A quay.", source=name, metadata=metadata)
        index.catalogue.put_document(document, name, [])


def test_a_question_in_another_language_is_told(index: Index) -> None:
    put(index, "quay.md")
    [notice] = language_notices(GERMAN, index)
    assert "(de)" in notice
    assert language_notices(ENGLISH, index) == []
    assert language_notices("Wer zahlt?", index) == []  # too short to show its language


def test_documents_in_other_languages_are_told_unless_they_are_very_few(index: Index) -> None:
    put(index, "kai.md", "de")
    for number in range(49):
        put(index, f"{number}.md")
    [notice] = language_notices(ENGLISH, index)
    assert "1 in de" in notice
    put(index, "last.md")
    assert language_notices(ENGLISH, index) == []
