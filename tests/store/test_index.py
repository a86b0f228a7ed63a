"""The index mirrors its sources, embeds nothing twice, and survives whatever kills it. Real Chroma, real MiniLM."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chroma_server import chroma_server

from rag.embedding import load_embedder
from rag.errors import CitebriefError, IndexBusy, IndexMismatch, IndexMissing
from rag.ingest import extract, find, root_of
from rag.retrieval.hybrid import rank_fusion, retrieve, retriever
from rag.store import Index, IndexReport
from rag.types import Chunk, Filter, chunk_id

ROOT = Path(__file__).parents[2]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Three small documents about different things."""
    place = tmp_path / "documents"
    place.mkdir()
    (place / "ozone.md").write_text("# Ozone\n\nThe Montreal Protocol of 1987 phased out chlorofluorocarbons.\n")
    (place / "canal.txt").write_text(
        "The Canal\nDate: 1914-08-15\n\nThe Panama Canal opened to ships in August 1914.\n"
    )
    (place / "moon.md").write_text("# Moon\n\nThe Apollo Guidance Computer landed astronauts on the Moon in 1969.\n")
    return place


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "store")


def update(store: str, *paths: Path, prune: bool = False, extract: Callable[..., object] = extract) -> IndexReport:
    index = Index(store, load_embedder("minilm"))
    try:
        names = [str(path) for path in paths]
        return index.update(find(names), extract, [root_of(name) for name in names], prune=prune)  # type: ignore[arg-type]
    finally:
        index.close()


def opened(store: str) -> Index:
    return Index.open(store, load_embedder("minilm"))


def titles(store: str, query: str) -> list[str]:
    return [hit.chunk.title for hit in retrieve(opened(store), query, k=3)]


def test_unchanged_documents_are_not_read_again(store: str, directory: Path) -> None:
    assert update(store, directory).added == 3

    def refuse(source: object) -> object:
        raise AssertionError(f"{source} was read again")

    again = update(store, directory, extract=refuse)
    assert (again.added, again.changed, again.removed, again.unchanged, again.embedded) == (0, 0, 0, 3, 0)


def test_a_changed_document_replaces_its_chunks_and_a_vanished_one_leaves(store: str, directory: Path) -> None:
    update(store, directory)
    before = opened(store).fingerprint
    (directory / "ozone.md").write_text("# Ozone\n\nThe Kigali Amendment of 2016 phases down hydrofluorocarbons.\n")
    (directory / "moon.md").unlink()
    report = update(store, directory)
    assert (report.changed, report.removed, report.unchanged, report.embedded) == (1, 1, 1, 1)
    index = opened(store)
    assert index.fingerprint != before
    texts = " ".join(chunk.text for chunk, _ in index.dense(index.embedder.embed_query("treaty"), 10))
    assert "Kigali" in texts
    assert "Montreal" not in texts
    assert index.vector_store.has(list(index.catalogue.records())) == set(index.catalogue.records())
    everything = index.vector_store._records.get()["documents"]
    assert everything is not None
    assert not any("Apollo" in text for text in everything), "the text of a removed document must be gone"


def test_other_roots_stay_unless_pruned(store: str, directory: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "reef.md").write_text("# Reef\n\nThe Great Barrier Reef bleached in 2016 and again in 2017.\n")
    update(store, directory)
    assert update(store, other).added == 1
    assert opened(store).catalogue.count()[0] == 4
    assert update(store, other, prune=True).removed == 3
    assert opened(store).catalogue.count()[0] == 1


def test_a_document_that_no_longer_reads_keeps_its_old_chunks_and_that_is_told(store: str, directory: Path) -> None:
    shutil.copy(ROOT / "corpus" / "durham-report.pdf", directory / "durham.pdf")
    update(store, directory)
    (directory / "durham.pdf").write_bytes(b"%PDF-1.7 cut off")
    report = update(store, directory)
    assert [item.path.endswith("durham.pdf") and "is kept" in item.reason for item in report.skipped] == [True]
    assert "The Durham Report of May 2023" in titles(store, "Durham report")
    (directory / "durham.pdf").write_bytes(b"")
    assert "is kept" in update(store, directory).skipped[0].reason


def test_bad_rows_are_told_again_on_every_run(store: str, directory: Path) -> None:
    (directory / "rows.jsonl").write_text('{"id": "a", "text": "The reef bleached in 2016."}\nnot json\n')
    assert "rows.jsonl:2" in update(store, directory).skipped[0].path
    again = update(store, directory)
    assert again.unchanged == 4
    assert "rows.jsonl:2" in again.skipped[0].path


def test_missing_mismatched_and_busy_indexes_are_told_apart(store: str, directory: Path, tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="citebrief index"):
        opened(store)
    update(store, directory)
    other = shutil.copytree(Path(load_embedder("minilm")._place), tmp_path / "model")  # type: ignore[union-attr]
    with pytest.raises(IndexMismatch, match="embedder"):
        Index.open(store, load_embedder(str(other)))
    from filelock import FileLock

    with FileLock(Path(store) / "writing.lock"), pytest.raises(IndexBusy):
        update(store, directory)


def test_a_killed_run_leaves_the_old_index_and_what_it_embedded_is_not_embedded_again(
    store: str, directory: Path
) -> None:
    update(store, directory)
    before = opened(store).fingerprint
    for number in range(30):
        (directory / f"new-{number}.md").write_text(
            f"# Ship {number}\n\nShip number {number} passed the canal in 1920.\n"
        )
    code = (
        "import sys; from test_index import update; from pathlib import Path; from rag.ingest import extract\n"
        "def slowly(source):\n    import time; time.sleep(0.05); print('x', flush=True); return extract(source)\n"
        "update(sys.argv[1], Path(sys.argv[2]), extract=slowly)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, store, str(directory)], stdout=subprocess.PIPE, cwd=Path(__file__).parent
    )
    assert process.stdout
    for _ in range(12):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    index = opened(store)
    assert index.fingerprint == before
    assert "Ship" not in " ".join(titles(store, "ship number 3 passed the canal"))
    index.close()
    report = update(store, directory)
    assert report.added == 30
    assert "Ship 3" in titles(store, "ship number 3 passed the canal")


def test_who_reads_while_another_process_indexes_gets_the_index_before_or_after(store: str, directory: Path) -> None:
    """Chroma in a folder fails on records that another process has removed: an open reader has to look afresh."""
    round_(directory, 0)
    update(store, directory)
    code = (
        "import sys; from pathlib import Path; from test_index import round_, update\n"
        "for number in range(1, 4): round_(Path(sys.argv[2]), number); update(sys.argv[1], Path(sys.argv[2]))"
    )
    index, seen = opened(store), []
    process = subprocess.Popen([sys.executable, "-c", code, store, str(directory)], cwd=Path(__file__).parent)
    while process.poll() is None or not seen:
        seen.append({hit.chunk.text.partition(",")[0] for hit in retrieve(index, "Which ship passed?", k=8)})
    assert process.returncode == 0
    last = {hit.chunk.text.partition(",")[0] for hit in retrieve(index, "Which ship passed?", k=8)}
    assert {text for text in last if "Round" in text} == {"Round 3"}
    assert any("Round 0" in texts for texts in seen)


def test_what_was_found_just_before_it_was_removed_still_has_its_vector(store: str, directory: Path) -> None:
    update(store, directory)
    index = opened(store)
    found = [chunk for chunk, _ in index.lexical("Apollo", 1)]
    before = index.vectors(found)
    (directory / "moon.md").unlink()
    assert update(store, directory).removed == 1
    assert (index.vectors(found) == before).all()


def round_(directory: Path, number: int) -> None:
    """Eight documents that are others in each round."""
    for ship in range(8):
        (directory / f"ship-{ship}.md").write_text(f"# Ship {ship}\n\nRound {number}, ship {ship} passed the canal.\n")


def test_a_reader_that_stays_open_knows_the_fingerprint_of_what_another_has_written(
    store: str, directory: Path
) -> None:
    update(store, directory)
    reader = opened(store)
    before = reader.fingerprint
    assert reader.fingerprint == before
    (directory / "moon.md").unlink()
    update(store, directory)
    assert reader.fingerprint == opened(store).fingerprint != before


def test_a_write_that_fails_changes_nothing(store: str, directory: Path) -> None:
    update(store, directory)
    before = opened(store).fingerprint
    (directory / "late.md").write_text("# Late\n\nThis document is never reached in the run that fails.\n")

    def fail(source: object) -> object:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError):
        update(store, directory, extract=fail)
    assert opened(store).fingerprint == before


@pytest.mark.parametrize(
    "query", ["", '"', "NEAR(", "a AND OR NOT", "🙂", "canal*", "x" * 10_000, "nul\0byte", "col:on"]
)
def test_no_question_breaks_the_lexical_index(store: str, directory: Path, query: str) -> None:
    update(store, directory)
    assert isinstance(opened(store).lexical(query, 5), list)


def test_evidence_is_narrowed_by_document_and_date(store: str, directory: Path) -> None:
    update(store, directory)
    index = opened(store)
    vector = index.embedder.embed_query("canal")
    assert {c.document_id for c, _ in index.dense(vector, 5, Filter(document="*oz*"))} == {"ozone.md"}
    assert {c.document_id for c, _ in index.lexical("opened 1914", 5, Filter(since="1914"))} == {"canal.txt"}
    assert index.dense(vector, 5, Filter(until="1914-08-14")) == []


def test_hits_are_fused_by_reciprocal_rank_and_say_who_found_them() -> None:
    a, b = (_chunk(name) for name in "ab")
    fused = rank_fusion({"dense": [a, b], "lexical": [b]})
    assert [(c.document_id, names) for c, _, names in fused] == [("b", ("dense", "lexical")), ("a", ("dense",))]
    assert fused[0][1] == pytest.approx(1 / 62 + 1 / 61)


def test_near_duplicates_come_once(store: str, directory: Path) -> None:
    text = (directory / "ozone.md").read_text()
    (directory / "copy.md").write_text(text)
    update(store, directory)
    assert titles(store, "Montreal Protocol chlorofluorocarbons").count("Ozone") == 1


def test_a_langchain_user_can_take_the_retriever_alone(store: str, directory: Path) -> None:
    from langchain_core.retrievers import BaseRetriever

    update(store, directory)
    found = retriever(opened(store), k=1)
    assert isinstance(found, BaseRetriever)
    (document,) = found.invoke("Who opened the canal?")
    assert document.metadata["document_id"] == "canal.txt"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with chroma_server(tmp_path / "server") as address:
        yield address


def test_an_index_on_a_chroma_server_is_read_from_another_machine(
    server: str, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "here"))
    assert update(server, directory).added == 3
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "there"))
    assert "The Canal" in titles(server, "When did the canal open?")
    (directory / "moon.md").unlink()
    assert update(server, directory).removed == 1
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "here"))
    assert "Moon" not in titles(server, "Apollo on the Moon")


def test_a_server_that_is_down_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(CitebriefError, match=r"127\.0\.0\.1:9"):
        opened("chroma+http://127.0.0.1:9")


@pytest.mark.slow
def test_killed_at_ten_random_moments_the_old_index_or_the_new_one_answers(store: str, directory: Path) -> None:
    update(store, directory)
    for round_ in range(10):
        before = opened(store).fingerprint
        for number in range(8):
            (directory / f"{number}.md").write_text(
                f"# Ship {number}\n\nRound {round_}: ship {number} passed the canal.\n"
            )
        code = "import sys; from pathlib import Path; from test_index import update; "
        code += "update(sys.argv[1], Path(sys.argv[2]))"
        process = subprocess.Popen([sys.executable, "-c", code, store, str(directory)], cwd=Path(__file__).parent)
        time.sleep(3 + round_ * 0.7)
        process.send_signal(signal.SIGKILL)
        process.wait()
        index = opened(store)
        now = " ".join(c.text for c, _ in index.lexical("ship passed the canal round", 20))
        rounds = {word for word in (f"Round {n}" for n in range(10)) if word in now}
        assert len(rounds) <= 1, "a mixture answers"
        assert index.fingerprint == before or rounds == {f"Round {round_}"}
        index.close()


def _chunk(name: str) -> Chunk:
    return Chunk(id=chunk_id(name, 0, name), document_id=name, text=name, start=0, end=1)
