"""The passages that stand beside those of a section: openings with fields, what continues, what is referred to."""

from __future__ import annotations

import pytest

from rag.ingest.header import opens_with_fields
from rag.store import Index
from rag.writing.companions import companions


@pytest.mark.integration
def test_beside_a_passage_stand_its_neighbours_below_the_same_headings_and_an_opening_with_fields(
    corpus_index: Index,
) -> None:
    catalogue = corpus_index.catalogue
    chunks = list(catalogue.chunks_by_record(list(catalogue.records())).values())
    beside = companions(corpus_index, chunks)
    together = 0
    for chunk in chunks:
        opening = catalogue.first_chunk(chunk.document_id)
        assert opening is not None
        near = [each for each in catalogue.neighbours(chunk) if each.heading_path == chunk.heading_path]
        together += len(near)
        fixed = [opening] if opens_with_fields(opening.text) and opening != chunk else []
        assert list(beside[chunk.id]) == [*fixed, *(each for each in near if each not in fixed)]
    assert 0 < together < 2 * len(chunks)


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
