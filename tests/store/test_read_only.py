"""A store on a disk that cannot be written is searched as before, and stays as it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.embedding import load_embedder
from rag.errors import CitebriefError
from rag.ingest import extract, find, root_of
from rag.retrieval import retrieve
from rag.store import Index, IndexReport
from rag.store import read_only as reading
from rag.store.catalogue import Catalogue, SourceRow

pytestmark = pytest.mark.integration


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def protect(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Take the permission to write from a folder; for root, to whom it does not apply, pretend that it does."""
    protected: list[Path] = []
    real = os.access

    def access(path: str | Path, mode: int) -> bool:
        if mode & os.W_OK and any(Path(path).is_relative_to(folder) for folder in protected):
            return False
        return real(path, mode)

    def make_read_only(folder: Path) -> None:
        for path in (folder, *folder.rglob("*")):
            path.chmod(path.stat().st_mode & ~0o222)
        protected.append(folder)

    monkeypatch.setattr(reading.os, "access", access)
    return make_read_only


def test_a_read_only_store_is_searched_and_not_changed(
    store: str,
    directory: Path,
    update_index: Callable[..., IndexReport],
    open_index: Callable[[str], Index],
    protect: Callable[[Path], None],
) -> None:
    update_index(store, directory)
    before = contents(Path(store))
    protect(Path(store))
    index = open_index(store)
    assert retrieve(index, "Which protocol protects ozone?", k=1)[0].chunk.document_id == "ozone.md"
    assert index.dense(index.embedder.vectors(["moon landing"])[0].tolist(), 1)[0][0].document_id == "moon.md"
    index.close()
    assert contents(Path(store)) == before


def test_indexing_into_a_read_only_store_is_refused_in_one_line(
    store: str, directory: Path, update_index: Callable[..., IndexReport], protect: Callable[[Path], None]
) -> None:
    update_index(store, directory)
    protect(Path(store))
    index = Index(store, load_embedder("minilm"))
    with pytest.raises(CitebriefError, match="cannot be written: index into another --store"):
        index.update(find([str(directory)]), extract, [root_of(str(directory))])


def test_commits_that_a_killed_writer_left_in_the_log_are_seen(tmp_path: Path, protect: Callable[[Path], None]) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    writer = Catalogue(folder / "catalogue.sqlite")
    with writer.transaction():
        writer.put_source(SourceRow(id="s", location="s", root="s", digest="x"))
    assert (folder / "catalogue.sqlite-wal").stat().st_size  # as long as the writer lives
    protect(folder)
    reader = Catalogue(folder / "catalogue.sqlite")
    assert list(reader.sources()) == ["s"]
    reader.close()
    writer.close()


def test_without_room_for_a_copy_the_error_names_the_way_out(
    store: str,
    directory: Path,
    update_index: Callable[..., IndexReport],
    protect: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    update_index(store, directory)
    protect(Path(store))

    def nowhere() -> Path:
        raise CitebriefError("no folder for temporary files can be written: set TMPDIR to one that can")

    monkeypatch.setattr(reading, "temporary_directory", nowhere)
    index = Index(store, load_embedder("minilm"))
    with pytest.raises(CitebriefError, match="cannot be written, and no folder for temporary files"):
        index.dense([0.0] * 384, 1)
