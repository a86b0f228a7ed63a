"""The passages that stand beside those of a section: openings with fields, neighbours, what became of a matter."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import pipeline
from rag.config import load_settings
from rag.embedding import load_encoder
from rag.ingest.header import opens_with_fields
from rag.store import Index
from rag.text import CODE_INDENT
from rag.types import Filter
from rag.writing.companions import companions


@pytest.mark.integration
def test_beside_a_passage_stand_neighbours_below_its_headings_or_one_over_it_and_an_opening_with_fields(
    corpus_index: Index,
) -> None:
    catalogue = corpus_index.catalogue
    chunks = list(catalogue.chunks_by_record(list(catalogue.records())).values())
    beside = companions(corpus_index, chunks)
    together = 0
    for chunk in chunks:
        opening = catalogue.first_chunk(chunk.document_id)
        assert opening is not None
        near = []
        for each in catalogue.neighbours(chunk):
            levels = len(each.heading_path)
            over = 0 < levels < len(chunk.heading_path) and each.heading_path == chunk.heading_path[:levels]
            if each.heading_path == chunk.heading_path or (over and each.start < chunk.start):
                near.append(each)
        together += len(near)
        fixed = [opening] if opens_with_fields(opening.text) and opening != chunk else []
        assert list(beside[chunk.id]) == [*fixed, *(each for each in near if each not in fixed)]
    assert 0 < together < 2 * len(chunks)


@pytest.mark.integration
def test_checksums_behind_a_passage_are_not_read(tmp_path: Path) -> None:
    """Half of what a brief on releases was written from were checksums of their files."""
    (tmp_path / "docs").mkdir()
    sums = "".join(f"    {number:040x}  pier-{number}.gem\n" for number in range(7**30, 7**30 + 20))
    announced = "Pier 5.2.4 has been released, with two fixes for the locks of the harbour. " * 6
    text = f"# Releases\n\n{announced}\n\n{sums}\n## Upgrade\n\n{announced}\n"
    (tmp_path / "docs" / "release.md").write_text(text)
    settings = load_settings({"store": str(tmp_path / "store"), "llm": "extractive"})
    pipeline.index([str(tmp_path / "docs")], settings)
    index = Index.open(settings.store, load_encoder())
    chunks = list(index.catalogue.chunks_by_record(list(index.catalogue.records())).values())
    beside = {each.text for own in companions(index, chunks).values() for each in own}
    index.close()
    sums_alone = {chunk.text for chunk in chunks if chunk.text.startswith(CODE_INDENT) and ".gem" in chunk.text}
    assert sums_alone
    assert not sums_alone & beside


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


@pytest.mark.integration
@pytest.mark.parametrize(
    ("opening", "is_read"), [("Ola Nordmann\n\nMay 2011", True), ("The pier is built of stone from the north.", False)]
)
def test_a_line_of_author_and_date_opens_a_document_and_its_first_sentence_does_not(
    tmp_path: Path, opening: str, is_read: bool
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "pier.md").write_text(f"# The pier\n\n{opening}\n\n## Cost\n\nThe pier was dear.\n")
    settings = load_settings({"store": str(tmp_path / "store"), "llm": "extractive"})
    pipeline.index([str(tmp_path / "docs")], settings)
    index = Index.open(settings.store, load_encoder())
    first, cost = sorted(
        index.catalogue.chunks_by_record(list(index.catalogue.records())).values(), key=lambda chunk: chunk.start
    )
    assert (first in companions(index, [cost])[cost.id]) == is_read
    index.close()


@pytest.mark.integration
def test_beside_a_matter_with_a_number_stands_what_became_of_it(tmp_path: Path) -> None:
    minutes = {
        "2024-09-11.md": "## Agenda\n\n- Interop flag for the pier #54563\n- Boats are late, said the ferry company",
        "2024-09-18.md": "## Agenda\n\n- Interop flag for the pier #54563: a vote is under way",
        "2024-10-02.md": "## Agenda\n\n- Interop flag #54563: vote complete, and the results have landed",
        "2024-10-09.md": "## Agenda\n\n- Another matter #54564: nobody spoke of 54563",
    }
    for name, text in minutes.items():
        (tmp_path / name).write_text(f"# Meeting\n\n{text}\n")
    settings = load_settings({"store": str(tmp_path / "store"), "llm": "extractive"})
    pipeline.index([str(tmp_path / name) for name in minutes], settings)
    index = Index.open(settings.store, load_encoder())
    by_date = {each.date: each for each in index.catalogue.chunks_by_record(list(index.catalogue.records())).values()}
    beside = companions(index, list(by_date.values()))
    became = by_date["2024-10-02"]
    assert [beside[by_date[day].id] for day in ("2024-09-11", "2024-09-18")] == [(became,)] * 2
    assert beside[became.id] == beside[by_date["2024-10-09"].id] == ()
    first = by_date["2024-09-11"]
    assert companions(index, [first], Filter(until="2024-09-30"))[first.id] == (by_date["2024-09-18"],)
    index.close()


@pytest.mark.integration
def test_what_stands_below_the_heading_over_it_is_read_with_a_passage(tmp_path: Path) -> None:
    """The version that removed a thing stood above the subsections on its parts."""
    (tmp_path / "docs").mkdir()
    text = "# Changes\n\nAll.\n\n## Ropes\n\nRemoved in version 8.\n\n### Knots\n\nTie.\n\n### Nets\n\nBuy one.\n"
    (tmp_path / "docs" / "changes.md").write_text(text)
    settings = load_settings({"store": str(tmp_path / "store"), "llm": "extractive"})
    pipeline.index([str(tmp_path / "docs")], settings)
    index = Index.open(settings.store, load_encoder())
    chunks = {each.text: each for each in index.catalogue.chunks_by_record(list(index.catalogue.records())).values()}
    beside = companions(index, list(chunks.values()))
    found = {text: [each.text for each in beside[chunk.id]] for text, chunk in chunks.items()}
    index.close()
    assert found["Tie."] == ["Removed in version 8."]
    assert found["Removed in version 8."] == []
    assert found["Buy one."] == []
