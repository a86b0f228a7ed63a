"""What each part of citebrief costs a chunk and a brief, as its store grows: the figures behind ``SCALE.md``.

    python eval/bench/scale.py documents PATH...              extraction, chunking, embedding, on one processor
    python eval/bench/scale.py vectors 10000 50000 200000     Chroma in a folder: insert, open, query, keep_only
    python eval/bench/scale.py served 10000 50000             the same on a server that `chroma run` starts, over HTTP
    python eval/bench/scale.py catalogue 10000 50000 200000   SQLite and FTS5: insert, size, query, fingerprint
    python eval/bench/scale.py publish 10000 50000            the catalogue's way to a Chroma server and back
    python eval/bench/scale.py briefs STORE QUESTIONS.jsonl   extractive briefs from an index

Prints a JSON object a line. ``cpu`` is processor seconds of this process and its threads, which a shared machine
stretches far less than ``wall``; bytes are bytes. Chunks are synthetic but for ``documents`` and ``briefs``: words
drawn as often as corpus/ has them (a tail of rare ones beside), vectors around 2,000 centres.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from rag.store import Catalogue, Index, SourceRow, VectorStore, record_id
from rag.store.published import PublishedCatalogue
from rag.types import Chunk, Document, chunk_id

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # chroma_server
DIMENSIONS, CENTRES, WORDS = 384, 2_000, 105
CHUNKS_A_DOCUMENT = 6
QUERIES = 20


def main() -> None:
    """Run the part that the first argument names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["documents", "vectors", "served", "catalogue", "publish", "briefs", "opened"])
    parser.add_argument("given", nargs="+")
    given = parser.parse_args()
    globals()[given.part](given.given)


def documents(paths: Sequence[str]) -> None:
    """Real documents: what reading, cutting and encoding them costs, by format."""
    import torch

    from rag.embedding import count_tokens, load_encoder
    from rag.ingest import Source, chunk_document, embedding_text, extract, find

    torch.set_num_threads(1)
    load_encoder().vectors(["a loaded model"])
    parts: dict[str, list[Source]] = {}
    for item in find(list(paths)):
        if isinstance(item, Source):
            parts.setdefault(Path(item.location).suffix.lower(), []).append(item)
    for suffix, sources in sorted(parts.items()):
        with measured() as reading:
            read = [document for source in sources for document in extract(source)[0]]
        with measured() as cutting:
            chunks = [part for document in read for part in chunk_document(document, count_tokens=count_tokens)]
        texts = [embedding_text(part, count_tokens) for part in chunks]
        sample = random.Random(1).sample(texts, min(len(texts), 400))
        with measured() as encoding:
            load_encoder().vectors(sample)
        n = len(chunks)
        tell(
            part="documents", format=suffix, documents=len(read), chunks=n, characters=sum(len(d.text) for d in read),
            read_ms=1e3 * reading["cpu"] / n, cut_ms=1e3 * cutting["cpu"] / n,
            encode_ms=1e3 * encoding["cpu"] / len(sample), encoded=len(sample),
        )  # fmt: skip


def vectors(sizes: Sequence[str]) -> None:
    """Chroma in a folder, grown from size to size."""
    with tempfile.TemporaryDirectory() as directory:
        store, n = VectorStore(directory), 0
        for size in map(int, sizes):
            before = n
            with measured() as inserting:
                while n < size:
                    many = min(1000, size - n)
                    chunks = [_chunk(i) for i in range(n, n + many)]
                    store.add([record_id(c, c.text) for c in chunks], _vectors(n, many), chunks)
                    n += many
            with measured() as making:  # what the loop spent on the chunks themselves
                for start in range(before, min(size, before + 5000), 1000):
                    chunks = [_chunk(i) for i in range(start, start + 1000)]
                    [record_id(c, c.text) for c in chunks]
                    _vectors(start, 1000)
            made = making["cpu"] / min(5000, size - before) * (size - before)
            live = {record_id(c, c.text) for c in map(_chunk, range(n))}
            peak = _peak()
            with measured() as keeping:
                store.keep_only(live)
            tell(
                part="vectors", chunks=n, insert_ms=1e3 * (inserting["cpu"] - made) / (n - before),
                insert_wall_ms=1e3 * inserting["wall"] / (n - before), disk=_size(Path(directory)), writer_rss=_rss(),
                keep_only_cpu=keeping["cpu"], keep_only_wall=keeping["wall"], keep_only_grew_peak_by=_peak() - peak,
            )  # fmt: skip
            subprocess.run([sys.executable, __file__, "opened", directory], check=True)


def opened(directories: Sequence[str]) -> None:
    """A process that only reads a store that :func:`vectors` made: its memory and its queries."""
    before = _rss()
    with measured() as opening:
        store = VectorStore(directories[0])
        store.nearest([float(x) for x in _vectors(0, 1)[0]], 80)
    tell(
        part="opened", first_query_cpu=opening["cpu"], first_query_wall=opening["wall"], rss_grew_by=_rss() - before,
        query=_each(lambda i: store.nearest([float(x) for x in _vectors(7_919 * i, 1)[0]], 80)),
    )  # fmt: skip


def served(sizes: Sequence[str]) -> None:
    """Chroma's server, grown from size to size: what one client waits for, and what the server works."""
    from chroma_server import chroma_server

    with tempfile.TemporaryDirectory() as directory, chroma_server(Path(directory)) as address:
        (server,) = psutil.Process().children(recursive=True)
        store, n = VectorStore(address), 0
        for size in map(int, sizes):
            before, waited, worked = n, 0.0, sum(server.cpu_times()[:2])
            while n < size:
                many = min(1000, size - n)
                chunks = [_chunk(i) for i in range(n, n + many)]
                records, rows = [record_id(c, c.text) for c in chunks], _vectors(n, many)
                with measured() as adding:
                    store.add(records, rows, chunks)
                waited += adding["wall"]
                n += many
            inserted = sum(server.cpu_times()[:2]) - worked
            query = _each(lambda i: store.nearest([float(x) for x in _vectors(7_919 * i, 1)[0]], 80))
            asked = sum(server.cpu_times()[:2]) - worked - inserted
            tell(
                part="served", chunks=n, insert_wall_ms=1e3 * waited / (n - before),
                insert_server_cpu_ms=1e3 * inserted / (n - before), server_rss=server.memory_info().rss,
                server_disk=_size(Path(directory)), query=query, query_server_cpu_ms=1e3 * asked / (QUERIES + 1),
            )  # fmt: skip


def catalogue(sizes: Sequence[str]) -> None:
    """The catalogue, grown from size to size: a transaction each, as a run of the indexer is."""
    questions = [row["question"] for row in _lines(ROOT / "eval" / "cases" / "demo.jsonl")]
    with tempfile.TemporaryDirectory() as directory:
        path, n = Path(directory) / "catalogue.sqlite", 0
        found = Catalogue(path)
        for size in map(int, sizes):
            before, made = n, 0.0
            with measured() as inserting, found.transaction():
                while n < size:
                    with measured() as making:
                        document, chunks = _document(n)
                    made += making["cpu"]
                    _put(found, document, chunks)
                    n += len(chunks)
            every = len(records := list(found.records())) // 80
            some = [records[i::every] for i in range(QUERIES + 1)]
            with measured() as printing:
                from rag.embedding import load_embedder

                Index(directory, load_embedder("minilm")).fingerprint  # noqa: B018
            tell(
                part="catalogue", chunks=n, insert_ms=1e3 * (inserting["cpu"] - made) / (n - before),
                disk=_size(Path(directory)), rss=_rss(), fingerprint_cpu=printing["cpu"],
                languages=_each(lambda _: Catalogue(path).languages()),
                lexical=_each(lambda i: found.lexical(questions[i], 80)),
                by_records=_each(lambda i, some=some: found.chunks_by_record(some[i])),
            )  # fmt: skip


def publish(sizes: Sequence[str]) -> None:
    """The catalogue to a server, and back."""
    from chroma_server import chroma_server

    for size in map(int, sizes):
        with tempfile.TemporaryDirectory() as directory, chroma_server(Path(directory) / "server") as address:
            path = Path(directory) / "catalogue.sqlite"
            found, n = Catalogue(path), 0
            with found.transaction():
                while n < size:
                    document, chunks = _document(n)
                    _put(found, document, chunks)
                    n += len(chunks)
            copy = Path(directory) / "copy.sqlite"
            found.snapshot(copy)
            found.close()
            server = next(p for p in psutil.Process().children(recursive=True) if p.status() != "zombie")
            published, before = PublishedCatalogue(VectorStore(address).client, address), _rss()
            busy = sum(server.cpu_times()[:2])
            with measured() as sending:
                published.upload(copy)
            busy = sum(server.cpu_times()[:2]) - busy
            row = {"publish_wall": sending["wall"], "publish_cpu": sending["cpu"], "memory": _peak() - before}
            with measured() as fetching:
                same = published.download(published.revision() or "") == copy.read_bytes()
            tell(
                part="publish", chunks=n, catalogue=copy.stat().st_size, server_disk=_size(Path(directory) / "server"),
                server_rss=server.memory_info().rss, server_cpu=busy,
                fetch_wall=fetching["wall"], fetched_whole=same, **row,
            )  # fmt: skip


def briefs(given: Sequence[str]) -> None:
    """Extractive briefs: processor seconds each, one thread."""
    import torch

    from rag.config import load_settings
    from rag.writing.session import Session

    torch.set_num_threads(1)
    store, questions = given
    with Session(load_settings({"store": store, "llm": "extractive"})) as session:
        rows = [row["question"] for row in _lines(Path(questions))]
        with measured() as first:
            session.answer(rows[0])
        tell(part="briefs", first_cpu=first["cpu"], brief=_each(lambda i: session.answer(rows[i])), rss=_rss())


@contextmanager
def measured() -> Iterator[dict[str, float]]:
    """Processor and wall seconds of what happens inside."""
    found: dict[str, float] = {}
    cpu, wall = time.process_time(), time.perf_counter()
    yield found
    found |= {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}


def _each(do: Callable[[int], Any]) -> dict[str, float]:
    """Medians of ``do``, in milliseconds; its first call warms up."""
    cpu, wall = [], []
    for i in range(QUERIES + 1):
        with measured() as one:
            do(i)
        cpu.append(1e3 * one["cpu"])
        wall.append(1e3 * one["wall"])
    return {"cpu_ms": statistics.median(cpu[1:]), "wall_ms": statistics.median(wall[1:]), "n": QUERIES}


def tell(**row: Any) -> None:
    """Print a row, figures to four digits."""
    print(json.dumps(row, default=float, ensure_ascii=False, cls=_Short), flush=True)


class _Short(json.JSONEncoder):
    def iterencode(self, o: Any, _one_shot: bool = False) -> Iterator[str]:
        return super().iterencode(_shortened(o), _one_shot)


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shortened(each) for name, each in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _words() -> tuple[list[str], list[float]]:
    text = " ".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "corpus").glob("*.[mt][dx]*")))
    counts: dict[str, int] = {}
    for word in re.findall(r"[^\W\d_]+", text.lower()):
        counts[word] = counts.get(word, 0) + 1
    rare = 100_000  # a tenth of the running words are names and numbers that hardly come again
    return [*counts, *(f"n{i}" for i in range(rare))], [*counts.values(), *[sum(counts.values()) / 9 / rare] * rare]


_VOCABULARY, _COUNTS = _words()
_CUMULATIVE = np.cumsum(_COUNTS) / np.sum(_COUNTS)
_MIDDLES = np.random.default_rng(1).standard_normal((CENTRES, DIMENSIONS)).astype(np.float32)


def _text(number: int) -> str:
    drawn = np.searchsorted(_CUMULATIVE, np.random.default_rng(number).random(WORDS))
    return " ".join(_VOCABULARY[i] for i in drawn) + "."


def _chunk(number: int) -> Chunk:
    text = _text(number)
    name = f"archive/{number // CHUNKS_A_DOCUMENT:08}.txt"
    start = (number % CHUNKS_A_DOCUMENT) * 1000
    return Chunk(
        id=chunk_id(name, start, text), document_id=name, text=text, start=start, end=start + len(text),
        heading_path=("A heading",), title=f"Document {number // CHUNKS_A_DOCUMENT}", source=name, date="2020-01-01",
    )  # fmt: skip


def _document(first: int) -> tuple[Document, list[Chunk]]:
    chunks = [_chunk(first + i) for i in range(CHUNKS_A_DOCUMENT)]
    text = "\n\n".join(chunk.text for chunk in chunks)
    one = chunks[0]
    return Document(id=one.document_id, title=one.title, text=text, source=one.source, date=one.date), chunks


def _put(catalogue: Catalogue, document: Document, chunks: Sequence[Chunk]) -> None:
    row = SourceRow(id=document.id, location=document.source, root="archive", digest="0" * 64)
    catalogue.put_source(row)
    catalogue.put_document(document, row.id, [(chunk, record_id(chunk, chunk.text)) for chunk in chunks])


def _vectors(first: int, many: int) -> Any:
    noise = np.random.default_rng(first + 1).standard_normal((many, DIMENSIONS)).astype(np.float32)
    rows = _MIDDLES[(np.arange(first, first + many) * 7_919) % CENTRES] + noise
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def _rss() -> int:
    return int(psutil.Process(os.getpid()).memory_info().rss)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
