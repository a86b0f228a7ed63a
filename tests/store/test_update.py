"""An update makes the index mirror its sources, embeds no chunk twice, and is all or nothing."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.errors import CitebriefError
from rag.ingest import IGNORED_REASON, Source, extract, find, root_of
from rag.store import Index, IndexReport
from rag.store.vectors import VectorStore
from rag.types import Document, Skipped

pytestmark = pytest.mark.integration

UpdateIndex = Callable[..., IndexReport]
OpenIndex = Callable[[str], Index]
CORPUS = Path(__file__).parents[2] / "corpus"

UPDATE = """
import sys
import time
from rag.embedding import load_embedder
from rag.ingest import extract, find, root_of
from rag.store import Index

store, directory, seconds = sys.argv[1:]

def extract_slowly(source):
    time.sleep(float(seconds))
    print(source.id, flush=True)
    return extract(source)

Index(store, load_embedder("minilm")).update(find([directory]), extract_slowly, [root_of(directory)])
"""
"""Updates an index and takes a number of seconds for each source, whose id it prints."""


def texts(index: Index, query: str) -> str:
    return " ".join(chunk.text for chunk, _ in index.dense(index.embedder.embed_query(query), 20))


def stored_texts(store: str) -> list[str]:
    """The texts in the Chroma collection of a store, live or not."""
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(path=f"{store}/chroma", settings=Settings(anonymized_telemetry=False))
    return client.get_collection("citebrief", embedding_function=None).get()["documents"] or []


def test_unchanged_documents_are_not_extracted_again(store: str, directory: Path, update_index: UpdateIndex) -> None:
    assert update_index(store, directory).added == 3

    def refuse(source: object) -> object:
        raise AssertionError(f"{source} was extracted again")

    again = update_index(store, directory, extract=refuse)
    assert (again.added, again.changed, again.removed, again.unchanged, again.embedded) == (0, 0, 0, 3, 0)


def test_changed_document_replaces_its_chunks_and_missing_one_is_removed(
    store: str, directory: Path, update_index: UpdateIndex, open_index: OpenIndex
) -> None:
    update_index(store, directory)
    before = open_index(store).fingerprint
    (directory / "ozone.md").write_text("# Ozone\n\nThe Kigali Amendment of 2016 phases down hydrofluorocarbons.\n")
    (directory / "moon.md").unlink()
    report = update_index(store, directory)
    assert (report.changed, report.removed, report.unchanged, report.embedded) == (1, 1, 1, 1)
    index = open_index(store)
    assert index.fingerprint != before
    assert "Kigali" in texts(index, "treaty")
    assert "Montreal" not in texts(index, "treaty")
    records = set(index.catalogue.records())
    assert index.vector_store.has(list(records)) == records
    assert not any("Apollo" in text for text in stored_texts(store)), "a removed document's text must be deleted"


def test_sources_of_other_roots_stay_unless_pruned(
    store: str, directory: Path, tmp_path: Path, update_index: UpdateIndex, open_index: OpenIndex
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "reef.md").write_text("# Reef\n\nThe Great Barrier Reef bleached in 2016 and again in 2017.\n")
    update_index(store, directory)
    assert update_index(store, other).added == 1
    assert open_index(store).catalogue.count()[0] == 4
    assert update_index(store, other, prune=True).removed == 3
    assert open_index(store).catalogue.count()[0] == 1


@pytest.mark.parametrize("content", [b"%PDF-1.7 cut off", b""], ids=["damaged", "empty"])
def test_document_that_becomes_unreadable_keeps_its_chunks_and_is_reported(
    store: str, directory: Path, update_index: UpdateIndex, open_index: OpenIndex, content: bytes
) -> None:
    shutil.copy(CORPUS / "durham-report.pdf", directory / "durham.pdf")
    update_index(store, directory)
    (directory / "durham.pdf").write_bytes(content)
    (skipped,) = update_index(store, directory).skipped
    assert skipped.path.endswith("durham.pdf")
    assert skipped.reason.endswith("what was indexed of it before is kept")
    assert open_index(store).catalogue.document("durham.pdf") is not None


@pytest.mark.parametrize("prefix", ["", "one/"], ids=["own id", "id of two folders"])
def test_unreadable_document_keeps_its_chunks_however_its_path_is_spelled(
    store: str,
    directory: Path,
    tmp_path: Path,
    update_index: UpdateIndex,
    open_index: OpenIndex,
    monkeypatch: pytest.MonkeyPatch,
    prefix: str,
) -> None:
    one = tmp_path / "one"
    one.mkdir()
    (one / "moon.md").write_text("# Moon\n\nThe Moon has no air.\n")
    monkeypatch.chdir(tmp_path)
    update_index(store, *([directory] if prefix else []), Path("one"))
    (one / "moon.md").write_text("")
    report = update_index(store, one)
    assert report.removed == 0
    assert report.skipped[0].reason == "the file is empty; what was indexed of it before is kept"
    assert open_index(store).catalogue.document(f"{prefix}moon.md") is not None


@pytest.mark.parametrize("folder", ["team", ""], ids=["below", "itself"])
def test_folder_that_cannot_be_listed_keeps_its_documents(
    store: str,
    directory: Path,
    update_index: UpdateIndex,
    open_index: OpenIndex,
    monkeypatch: pytest.MonkeyPatch,
    folder: str,
) -> None:
    for name in ("team/otter.md", "team/deep/seal.md", "teams.md"):
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(f"# {name}\n\nIt was seen at the mill.\n")
    update_index(store, directory)
    (directory / "teams.md").unlink()
    scan = os.scandir

    def refuse(path: Path) -> object:
        if Path(path) == directory / folder:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = update_index(store, directory)
    assert report.skipped[0].reason == "cannot be listed: permission denied; what was indexed of it before is kept"
    kept = set(open_index(store).catalogue.sources())
    assert {"team/otter.md", "team/deep/seal.md"} < kept
    assert ("teams.md" in kept) is (not folder)


def test_files_that_an_ignore_file_excludes_later_are_removed(
    store: str, directory: Path, update_index: UpdateIndex, open_index: OpenIndex
) -> None:
    (directory / "team").mkdir()
    (directory / "team" / "otter.md").write_text("# Otter\n\nIt was seen at the mill.\n")
    update_index(store, directory)
    (directory / ".citebriefignore").write_text("moon.md\nteam/\n")
    report = update_index(store, directory)
    assert report.removed == 2
    assert {item.reason for item in report.skipped} == {IGNORED_REASON}
    assert set(open_index(store).catalogue.sources()) == {"canal.txt", "ozone.md"}


def test_invalid_rows_are_reported_by_every_run(store: str, directory: Path, update_index: UpdateIndex) -> None:
    (directory / "rows.jsonl").write_text('{"id": "a", "text": "The reef bleached in 2016."}\nnot json\n')
    assert "rows.jsonl:2" in update_index(store, directory).skipped[0].path
    again = update_index(store, directory)
    assert again.unchanged == 4
    assert "rows.jsonl:2" in again.skipped[0].path


def test_sources_are_read_while_others_are_embedded(store: str, directory: Path) -> None:
    embedding, read = threading.Event(), list[str]()

    class SlowEmbedder:
        name, batch_size = "slow", 1

        def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
            embedding.set()
            return np.ones((len(texts), 2), dtype=np.float32)

        def embed_query(self, text: str) -> list[float]:
            return [1.0, 1.0]

    def extract_after_embedding(source: Source) -> tuple[list[Document], list[Skipped]]:
        if read:
            assert embedding.wait(30), "nothing was embedded before all sources were read"
        read.append(source.id)
        return extract(source)

    counts: list[tuple[int, int]] = []
    index = Index(store, SlowEmbedder())
    report = index.update(
        find([str(directory)]),
        extract_after_embedding,
        [root_of(str(directory))],
        on_embedded=lambda done, total: counts.append((done, total)),
    )
    index.close()
    assert report.embedded == 3
    assert counts[-1] == (3, 3)
    assert all(total == 3 for _, total in counts)


def test_failure_of_the_embedder_fails_the_update(store: str, directory: Path) -> None:
    class FailingEmbedder:
        name, batch_size = "failing", 512

        def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
            raise RuntimeError("out of memory")

        def embed_query(self, text: str) -> list[float]:
            return [1.0, 1.0]

    index = Index(store, FailingEmbedder())
    with pytest.raises(RuntimeError, match="out of memory"):
        index.update(find([str(directory)]), extract, [root_of(str(directory))])
    assert index.catalogue.count() == (0, 0)
    index.close()


def test_failed_update_changes_nothing(
    store: str, directory: Path, update_index: UpdateIndex, open_index: OpenIndex
) -> None:
    update_index(store, directory)
    before = open_index(store).fingerprint
    (directory / "late.md").write_text("# Late\n\nThis document is never reached in the run that fails.\n")

    def fail(source: object) -> object:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        update_index(store, directory, extract=fail)
    assert open_index(store).fingerprint == before


def test_failure_after_the_commit_says_that_the_documents_are_indexed(
    store: str, directory: Path, update_index: UpdateIndex, open_index: OpenIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: VectorStore, records: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full, pytest.raises(CitebriefError, match="device; the documents are indexed"):
        full.setattr(VectorStore, "keep_only", fail)
        update_index(store, directory)
    assert open_index(store).catalogue.count()[0] == 3


def test_failure_before_the_commit_says_that_nothing_was_changed(
    store: str, directory: Path, update_index: UpdateIndex
) -> None:
    def fail(source: Source) -> tuple[list[Document], list[Skipped]]:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(CitebriefError, match="no space left on device; nothing was changed"):
        update_index(store, directory, extract=fail)


def test_killed_update_leaves_the_old_index_and_the_next_one_completes(
    store: str, directory: Path, update_index: UpdateIndex, open_index: OpenIndex
) -> None:
    update_index(store, directory)
    before = open_index(store).fingerprint
    for number in range(30):
        text = f"# Ship {number}\n\nShip number {number} passed the canal in 1920.\n"
        (directory / f"new-{number}.md").write_text(text)
    process = subprocess.Popen([sys.executable, "-c", UPDATE, store, str(directory), "0.05"], stdout=subprocess.PIPE)
    assert process.stdout
    for _ in range(12):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    index = open_index(store)
    assert index.fingerprint == before
    assert "Ship" not in texts(index, "ship number 3 passed the canal")
    assert update_index(store, directory).added == 30
    assert "Ship number 3 " in texts(open_index(store), "ship number 3 passed the canal")


@pytest.mark.slow
def test_update_killed_at_ten_moments_leaves_the_old_index_or_the_new_one(
    store: str, directory: Path, update_index: UpdateIndex, open_index: OpenIndex
) -> None:
    update_index(store, directory)
    for number in range(10):
        before = open_index(store).fingerprint
        for ship in range(8):
            text = f"# Ship {ship}\n\nRound {number}: ship {ship} passed the canal.\n"
            (directory / f"{ship}.md").write_text(text)
        process = subprocess.Popen([sys.executable, "-c", UPDATE, store, str(directory), "0"])
        time.sleep(3 + number * 0.7)
        process.send_signal(signal.SIGKILL)
        process.wait()
        index = open_index(store)
        found = " ".join(chunk.text for chunk, _ in index.lexical("ship passed the canal round", 20))
        rounds = {name for name in (f"Round {n}" for n in range(10)) if name in found}
        assert len(rounds) <= 1, "chunks of two rounds are live"
        assert index.fingerprint == before or rounds == {f"Round {number}"}
