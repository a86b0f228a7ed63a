"""Documents and passages keep their place in the index: rows that move, equal files, names and ids that are alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rag._internal.ids import chunk_id, earlier_id
from rag.store import Index, IndexReport

pytestmark = pytest.mark.integration

UpdateIndex = Callable[..., IndexReport]
OpenIndex = Callable[[str], Index]


def write_rows(path: Path, **texts: str) -> None:
    path.write_text("".join(json.dumps({"id": id_, "text": text}) + "\n" for id_, text in texts.items()))


@pytest.mark.parametrize("name", ["a.jsonl", "z.jsonl"])
def test_rows_of_a_renamed_file_stay(
    store: str, directory: Path, update_index: UpdateIndex, open_index: OpenIndex, name: str
) -> None:
    write_rows(directory / "m.jsonl", r1="The reef bleached in 2016.", r2="The reef bleached in 2017.")
    update_index(store, directory)
    (directory / "m.jsonl").rename(directory / name)
    report = update_index(store, directory)
    assert (report.added, report.removed, report.skipped) == (2, 2, [])
    assert open_index(store).catalogue.source_of("r2") == name
    assert update_index(store, directory).unchanged == 5


def test_rows_that_files_exchange_stay(
    store: str, directory: Path, update_index: UpdateIndex, open_index: OpenIndex
) -> None:
    one, two = directory / "one.jsonl", directory / "two.jsonl"
    write_rows(one, r1="The reef bleached in 2016.", kept="An otter was seen.")
    write_rows(two, r2="A seal was seen at the mill.")
    update_index(store, directory)
    write_rows(one, r2="A seal was seen at the mill.", kept="An otter was seen.")
    write_rows(two, r1="The reef bleached in 2016.")
    report = update_index(store, directory)
    assert (report.added, report.removed, report.unchanged, report.skipped) == (2, 2, 4, [])
    catalogue = open_index(store).catalogue
    assert [catalogue.source_of(id_) for id_ in ("r1", "r2", "kept")] == ["two.jsonl", "one.jsonl", "one.jsonl"]


def test_row_whose_id_another_file_has_is_read_when_that_file_gives_it_up(
    store: str, directory: Path, update_index: UpdateIndex, open_index: OpenIndex
) -> None:
    write_rows(directory / "one.jsonl", r1="The reef bleached in 2016.")
    write_rows(directory / "two.jsonl", r1="The reef bleached in 2017.", r2="A seal was seen at the mill.")
    for _ in range(2):
        (problem,) = update_index(store, directory).skipped
        assert problem.reason == "id r1 is already used by one.jsonl; give one of them another id"
    (directory / "one.jsonl").unlink()
    assert update_index(store, directory).skipped == []
    assert open_index(store).catalogue.source_of("r1") == "two.jsonl"


ALIKE = ("丅刹", "三凶")
"""Two ids of rows that have no ASCII letters. With one text at one place, their hashes begin with the same 8 digits."""


def write_alike(directory: Path) -> None:
    """Write a file with two rows that have the ids of :data:`ALIKE` and one text."""
    rows = [{"id": id_, "text": "费用是四十欧元。", "title": id_} for id_ in ALIKE]
    (directory / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_rows_whose_ids_have_no_letters_are_all_indexed(
    store: str, directory: Path, update_index: UpdateIndex, open_index: OpenIndex
) -> None:
    write_alike(directory)
    report = update_index(store, directory)
    assert (report.added, report.skipped) == (5, [])
    [earlier] = {earlier_id(chunk.id) for chunk, _ in open_index(store).lexical("费用是四十欧元", 2)}
    assert len(open_index(store).catalogue.chunks_with_id(earlier)) == 2


def test_a_passage_that_would_have_the_id_of_another_is_reported_by_every_run(
    store: str, directory: Path, update_index: UpdateIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag._internal.ids._DIGITS", 8)
    write_alike(directory)
    for _ in range(2):
        report = update_index(store, directory)
        [skipped] = report.skipped
        assert (
            skipped.reason
            == f"a passage of {ALIKE[1]} would have the id of one of {ALIKE[0]}; give it another id or name"
        )
        assert report.in_index == 4


def test_vectors_stored_under_the_ids_of_an_earlier_version_are_not_computed_again(
    store: str, directory: Path, update_index: UpdateIndex, open_index: OpenIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("rag._internal.ids._DIGITS", 8)
        update_index(store, directory)
    monkeypatch.setattr("rag.ingest.source.EXTRACTOR_VERSION", "next")
    report = update_index(store, directory)
    assert (report.embedded, report.unchanged) == (0, 3)
    [(chunk, _)] = open_index(store).lexical("canal", 1)
    assert chunk.id == chunk_id(chunk.document_id, chunk.start, chunk.text)


@pytest.mark.parametrize("at_once", [True, False])
def test_files_of_two_folders_with_one_name_stay_apart(
    store: str, tmp_path: Path, update_index: UpdateIndex, open_index: OpenIndex, at_once: bool
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, text in ((one, "An otter was seen in the harbour."), (two, "A seal was seen at the mill.")):
        folder.mkdir()
        (folder / "note.md").write_text(text)
    for folders in [(one, two)] if at_once else [(one,), (two,)]:
        update_index(store, *folders)
    again = update_index(store, two, one)
    assert (again.added, again.changed, again.removed, again.unchanged) == (0, 0, 0, 2)
    found = {chunk.document_id: chunk.text for chunk, _ in open_index(store).lexical("seen", 9)}
    assert found == {"note.md": "An otter was seen in the harbour.", "two/note.md": "A seal was seen at the mill."}


def test_a_folder_that_was_moved_keeps_the_ids_of_its_files(
    store: str, directory: Path, tmp_path: Path, update_index: UpdateIndex
) -> None:
    update_index(store, directory)
    moved = directory.rename(tmp_path / "elsewhere")
    (moved / "moon.md").write_text("# Moon\n\nThe Moon has no air.\n")
    report = update_index(store, moved)
    assert (report.added, report.changed, report.unchanged) == (0, 1, 2)


def test_a_document_of_two_equal_files_stays_while_the_first_one_exists(
    store: str, tmp_path: Path, update_index: UpdateIndex, open_index: OpenIndex
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        (folder / "note.md").write_text("An otter was seen in the harbour.")
    update_index(store, one, two)
    (two / "note.md").rename(two / "other.md")
    assert update_index(store, two).removed == 0
    assert set(open_index(store).catalogue.sources()) == {"note.md", "other.md"}


def test_files_that_two_globs_match_stay_apart_from_any_directory(
    store: str, tmp_path: Path, update_index: UpdateIndex, open_index: OpenIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, text in (("one", "An otter was seen in the harbour."), ("two", "A seal was seen at the mill.")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "note.md").write_text(text)
    monkeypatch.chdir(tmp_path)
    update_index(store, Path("one/*.md"))
    monkeypatch.chdir(tmp_path / "two")
    update_index(store, Path("*.md"))
    assert set(open_index(store).catalogue.sources()) == {"note.md", "two/note.md"}
