"""The passages that stand beside those of a section: openings with fields, what continues, what is referred to."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import pipeline
from rag.config import load_settings
from rag.embedding import load_encoder
from rag.ingest.header import opens_with_fields
from rag.store import Index
from rag.writing.companions import companions


@pytest.mark.integration
def test_beside_a_passage_stand_what_continues_it_and_an_opening_with_fields(corpus_index: Index) -> None:
    catalogue = corpus_index.catalogue
    chunks = list(catalogue.chunks_by_record(list(catalogue.records())).values())
    beside = companions(corpus_index, chunks)
    continued = 0
    for chunk in chunks:
        opening = catalogue.first_chunk(chunk.document_id)
        assert opening is not None
        near = [each for each in catalogue.neighbours(chunk) if each.heading_path == chunk.heading_path]
        behind = [each for each in near if each.start > chunk.start]
        continued += len(behind)
        fixed = [opening] if opens_with_fields(opening.text) and opening != chunk else []
        assert [each for each in beside[chunk.id] if each not in near or each in [*fixed, *behind]] == [*fixed, *behind]
    assert 0 < continued < len(chunks)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("opening", "brought"), [("This meant that the ferry moved. ", True), ("The ferry of Oslo moved in 2015. ", False)]
)
def test_a_passage_that_does_not_open_on_its_own_brings_the_one_before_it(
    tmp_path: Path, opening: str, brought: bool
) -> None:
    first = "The harbour board of Oslo approved the pier in May 2011. " * 30
    (tmp_path / "pier.md").write_text(f"# Pier\n\n{first}\n\n{opening * 30}")
    settings = load_settings({"store": str(tmp_path / "store"), "llm": "extractive"})
    pipeline.index([str(tmp_path / "pier.md")], settings)
    index = Index.open(settings.store, load_encoder())
    chunks = index.catalogue.chunks_by_record(list(index.catalogue.records())).values()
    last = next(each for each in chunks if each.start and each.text.startswith(opening.strip()))
    before = max((each for each in chunks if each.start < last.start), key=lambda each: each.start)
    assert (before in companions(index, [last])[last.id]) == brought
    index.close()


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("status: accepted\nimplementation: done\n\nWe deploy each merge.", True),
        ("Author: Michael Knyszek", True),
        ("- Proposal: SE-0331\n- Authors: Andrew Trick\n- Status: Implemented (Swift 5.6)", True),
        ("The board met.\n\nDate: 3 May 2011", True),
        ("- Recording: https://example.org/1\n- Slack: @ola", False),
        ("Note: the figures of this page were collected by hand in the years before the audit.", False),
        ("These are the reasons:\nThe pier was dear.", False),
        ("The board met on 3 May.", False),
    ],
)
def test_an_opening_has_fields_where_a_line_names_something_in_a_few_words(text: str, fields: bool) -> None:
    assert opens_with_fields(text) == fields
