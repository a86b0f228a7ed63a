"""Reading an index: it is opened only with what it was built with, and readers see other processes' updates."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rag._internal.processor import Precision
from rag.embedding import count_tokens, load_embedder, minilm_directory
from rag.embedding.encoder import Encoder
from rag.embedding.minilm_encoder import MiniLMEncoder, PackagedEmbedder
from rag.errors import IndexBusy, IndexMismatch, IndexMissing
from rag.ingest import embedding_text, extract, find, root_of
from rag.retrieval import retrieve
from rag.store import Index, IndexReport
from rag.types import Filter

pytestmark = pytest.mark.integration

UpdateIndex = Callable[..., IndexReport]
OpenIndex = Callable[[str], Index]


def write_round(directory: Path, number: int) -> None:
    """Write eight documents whose text names the round."""
    for ship in range(8):
        (directory / f"ship-{ship}.md").write_text(f"# Ship {ship}\n\nRound {number}, ship {ship} passed the canal.\n")


UPDATE_THREE_ROUNDS = """
import sys
from pathlib import Path
from rag.embedding import load_embedder
from rag.ingest import extract, find, root_of
from rag.store import Index

store, directory = sys.argv[1:]
for number in range(1, 4):
    for ship in range(8):
        text = f"# Ship {ship}\\n\\nRound {number}, ship {ship} passed the canal.\\n"
        (Path(directory) / f"ship-{ship}.md").write_text(text)
    index = Index(store, load_embedder("minilm"))
    index.update(find([directory]), extract, [root_of(directory)])
    index.close()
"""


def test_missing_index_is_an_error_that_names_the_command(store: str) -> None:
    with pytest.raises(IndexMissing, match="build it with `citebrief index"):
        Index.open(store, load_embedder("minilm"))


def test_index_without_a_document_is_an_error_and_no_answer(
    store: str, directory: Path, update_index: UpdateIndex
) -> None:
    for path in directory.iterdir():
        path.unlink()
    update_index(store, directory)
    with pytest.raises(IndexMissing, match="is empty: fill it with `citebrief index PATH"):
        Index.open(store, load_embedder("minilm"))


def test_index_of_another_embedder_is_a_mismatch(
    store: str, directory: Path, tmp_path: Path, update_index: UpdateIndex
) -> None:
    update_index(store, directory)
    other = shutil.copytree(minilm_directory(), tmp_path / "model")
    with pytest.raises(IndexMismatch, match="was built with embedder 'minilm', not 'model@"):
        Index.open(store, load_embedder(str(other)))


def test_an_index_made_in_one_precision_answers_in_another(store: str, directory: Path) -> None:
    def open_encoder(precision: Precision) -> Encoder:
        return Encoder(str(minilm_directory()), name="minilm", offline=True, precision=precision)

    made = Index(store, open_encoder("bf16"))
    made.update(find([str(directory)]), extract, [root_of(str(directory))])
    made.close()
    index = Index.open(store, open_encoder("fp32"))
    ((chunk, _),) = index.dense(index.embedder.embed_query("When did the Panama Canal open?"), 1)
    assert chunk.document_id == "canal.txt"
    again = index.embedder.vectors([embedding_text(chunk, count_tokens)])
    assert float((index.vectors([chunk]) * again).sum()) > 0.999
    assert index.update(find([str(directory)]), extract, [root_of(str(directory))]).embedded == 0
    index.close()


def test_an_index_made_in_int8_answers_queries_in_fp32_and_is_up_to_date_in_fp32(store: str, directory: Path) -> None:
    made = Index(store, PackagedEmbedder(MiniLMEncoder(), "int8"))
    made.update(find([str(directory)]), extract, [root_of(str(directory))])
    made.close()
    index = Index.open(store, PackagedEmbedder(MiniLMEncoder(), "fp32"))
    ((chunk, _),) = index.dense(index.embedder.embed_query("When did the Panama Canal open?"), 1)
    assert chunk.document_id == "canal.txt"
    again = index.embedder.vectors([embedding_text(chunk, count_tokens)])
    assert 0.99 < float((index.vectors([chunk]) * again).sum()) < 0.999999
    assert index.update(find([str(directory)]), extract, [root_of(str(directory))]).embedded == 0
    index.close()


def test_update_while_another_process_writes_is_busy(store: str, directory: Path, update_index: UpdateIndex) -> None:
    from filelock import FileLock

    update_index(store, directory)
    with FileLock(Path(store) / "writing.lock"), pytest.raises(IndexBusy, match="is being written by another process"):
        update_index(store, directory)


def test_the_nearest_chunks_come_with_their_stored_vectors(
    store: str, directory: Path, update_index: UpdateIndex, open_index: OpenIndex
) -> None:
    update_index(store, directory)
    index = open_index(store)
    vector = index.embedder.embed_query("canal")
    chunks, cosines, vectors = zip(*index.nearest(vector, 3), strict=True)
    assert np.array_equal(np.array(vectors), index.vectors(chunks))
    assert cosines == pytest.approx(list(np.array(vectors) @ np.array(vector)), abs=1e-5)


def test_dense_search_is_narrowed_by_document_and_date(
    store: str, directory: Path, update_index: UpdateIndex, open_index: OpenIndex
) -> None:
    update_index(store, directory)
    index = open_index(store)
    vector = index.embedder.embed_query("canal")
    assert {c.document_id for c, _ in index.dense(vector, 5, Filter(document="*oz*"))} == {"ozone.md"}
    assert {c.document_id for c, _ in index.dense(vector, 5, Filter(since="1914"))} == {"canal.txt"}
    assert index.dense(vector, 5, Filter(until="1914-08-14")) == []


def test_copies_of_a_document_are_retrieved_once(
    store: str, directory: Path, update_index: UpdateIndex, open_index: OpenIndex
) -> None:
    shutil.copy(directory / "ozone.md", directory / "copy.md")
    update_index(store, directory)
    hits = retrieve(open_index(store), "Montreal Protocol chlorofluorocarbons", k=3)
    assert [hit.chunk.title for hit in hits].count("Ozone") == 1


def test_open_reader_gets_the_index_before_or_after_another_process_updates_it(
    store: str, directory: Path, update_index: UpdateIndex, open_index: OpenIndex
) -> None:
    """Chroma fails on records that another process has deleted, so an open reader has to reopen it."""
    write_round(directory, 0)
    update_index(store, directory)
    index, seen = open_index(store), []

    def openings() -> set[str]:
        return {hit.chunk.text.partition(",")[0] for hit in retrieve(index, "Which ship passed?", k=8)}

    process = subprocess.Popen([sys.executable, "-c", UPDATE_THREE_ROUNDS, store, str(directory)])
    while process.poll() is None or not seen:
        seen.append(openings())
    assert process.returncode == 0
    assert {text for text in openings() if "Round" in text} == {"Round 3"}
    assert any("Round 0" in texts for texts in seen)


def test_open_reader_computes_the_vector_of_a_chunk_that_was_deleted_since(
    store: str, directory: Path, update_index: UpdateIndex, open_index: OpenIndex
) -> None:
    update_index(store, directory)
    index = open_index(store)
    chunks = [chunk for chunk, _ in index.lexical("Apollo", 1)]
    before = index.vectors(chunks)
    (directory / "moon.md").unlink()
    assert update_index(store, directory).removed == 1
    assert index.vectors(chunks) == pytest.approx(before, abs=1e-6)  # Chroma normalises what it stores


def test_open_reader_has_the_fingerprint_of_the_latest_update(
    store: str, directory: Path, update_index: UpdateIndex, open_index: OpenIndex
) -> None:
    update_index(store, directory)
    reader = open_index(store)
    before = reader.fingerprint
    assert reader.fingerprint == before
    (directory / "moon.md").unlink()
    update_index(store, directory)
    assert reader.fingerprint == open_index(store).fingerprint != before


def test_a_filter_by_many_documents_is_put_to_chroma_in_parts(
    store: str,
    directory: Path,
    update_index: UpdateIndex,
    open_index: OpenIndex,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_round(directory, 1)
    update_index(store, directory)
    index = open_index(store)
    vector = index.embedder.vectors(["ship passed the canal"])[0].tolist()
    where = Filter(document="ship-*")
    whole = index.dense(vector, 5, where)
    monkeypatch.setattr("rag.store.vectors._MAX_DOCUMENTS", 3)
    assert [chunk.id for chunk, _ in index.dense(vector, 5, where)] == [chunk.id for chunk, _ in whole]


def test_a_filter_that_lets_every_document_through_is_not_put_to_chroma(
    store: str,
    directory: Path,
    update_index: UpdateIndex,
    open_index: OpenIndex,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    update_index(store, directory)
    index = open_index(store)
    given: list[object] = []
    nearest = index.vector_store.nearest
    monkeypatch.setattr(
        index.vector_store, "nearest", lambda vector, k, documents: given.append(documents) or nearest(vector, k)
    )
    index.dense([0.1] * 384, 1, Filter(document="*"))
    assert given == [None]
