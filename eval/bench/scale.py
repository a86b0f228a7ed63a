"""Measure the time and space of each part of citebrief as the store grows: the figures of ``SCALE.md``.

    python -m eval.bench.scale documents PATH...              extraction, chunking, embedding, on one processor
    python -m eval.bench.scale vectors 10000 50000 200000     Chroma in a directory: insert, open, query, keep_only
    python -m eval.bench.scale served 10000 50000             the same on a server started by `chroma run`, over HTTP
    python -m eval.bench.scale catalogue 10000 50000 200000   the catalogue in SQLite: insert, size, query
    python -m eval.bench.scale search 1000 10000 100000       hybrid search against the embedding of its query, memory
    python -m eval.bench.scale graph STORE...                 neighbours that Chroma's graph finds, by its parameters
    python -m eval.bench.scale publish 10000 50000            the catalogue's transfer to a Chroma server and back
    python -m eval.bench.scale briefs STORE QUESTIONS.jsonl   extractive briefs from an index

Prints one JSON object a line. ``cpu`` is processor seconds of this process and its threads, which varies far less than
``wall`` on a shared machine; sizes are in bytes. Chunks are synthetic except in ``documents`` and ``briefs``: words
with the frequencies of corpus/ and a tail of rare words, vectors around 2,000 centres. See ``synthetic.py``.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
from chroma_server import chroma_server

from rag.store import Catalogue, Index, SourceRow, VectorStore, record_id
from rag.store.published import PublishedCatalogue
from rag.types import Chunk, Document

from . import REPOSITORY
from .measuring import REPETITIONS, cpu_seconds, disk_bytes, measured, median_times, peak, print_row, resident
from .synthetic import CHUNKS_A_DOCUMENT, make_chunk, make_document, make_vectors

SEARCHES = 40
"""Questions whose search is measured, after one that is not counted."""


def main() -> None:
    """Run the measurement named by the first argument."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    measurements: dict[str, Callable[[Sequence[str]], None]] = {
        "documents": measure_documents, "vectors": measure_vectors, "served": measure_server,
        "catalogue": measure_catalogue, "publish": measure_publishing, "briefs": measure_briefs,
        "opened": measure_opening, "search": measure_search, "searched": measure_searching, "graph": measure_graph,
    }  # fmt: skip
    parser.add_argument("part", choices=measurements)
    parser.add_argument("arguments", nargs="+", metavar="ARGUMENT", help="paths or sizes, see above")
    args = parser.parse_args()
    measurements[args.part](args.arguments)


def measure_documents(paths: Sequence[str]) -> None:
    """Measure reading, chunking and encoding of real documents by format."""
    import torch

    from rag.embedding import count_tokens, load_embedder
    from rag.ingest import Source, chunk_document, embedding_text, extract, find

    torch.set_num_threads(1)
    embedder = load_embedder("minilm")
    embedder.vectors(["Loads the model."])
    by_suffix: dict[str, list[Source]] = {}
    for item in find(list(paths)):
        if isinstance(item, Source):
            by_suffix.setdefault(Path(item.location).suffix.lower(), []).append(item)
    for suffix, sources in sorted(by_suffix.items()):
        with measured() as reading:
            documents = [document for source in sources for document in extract(source)[0]]
        with measured() as chunking:
            chunks = [part for document in documents for part in chunk_document(document, count_tokens=count_tokens)]
        texts = [embedding_text(part, count_tokens) for part in chunks]
        sample = random.Random(1).sample(texts, min(len(texts), 400))
        with measured() as encoding:
            embedder.vectors(sample)
        n = len(chunks)
        print_row(
            part="documents", format=suffix, documents=len(documents), chunks=n,
            characters=sum(len(document.text) for document in documents),
            read_ms=1e3 * reading["cpu"] / n, cut_ms=1e3 * chunking["cpu"] / n,
            encode_ms=1e3 * encoding["cpu"] / len(sample), encoded=len(sample),
        )  # fmt: skip


def measure_vectors(sizes: Sequence[str]) -> None:
    """Measure Chroma in a directory while it grows to each of ``sizes``."""
    with tempfile.TemporaryDirectory() as directory:
        store, n = VectorStore(directory), 0
        for size in map(int, sizes):
            before = n
            with measured() as inserting:
                while n < size:
                    many = min(1000, size - n)
                    chunks = [make_chunk(i) for i in range(n, n + many)]
                    store.add([record_id(c, c.text) for c in chunks], make_vectors(n, many), chunks)
                    n += many
            with measured() as making:  # the part of the loop above that made the chunks
                for start in range(before, min(size, before + 5000), 1000):
                    chunks = [make_chunk(i) for i in range(start, start + 1000)]
                    [record_id(c, c.text) for c in chunks]
                    make_vectors(start, 1000)
            made = making["cpu"] / min(5000, size - before) * (size - before)
            live = {record_id(c, c.text) for c in map(make_chunk, range(n))}
            before_peak = peak()
            with measured() as keeping:
                store.keep_only(live)
            print_row(
                part="vectors", chunks=n, insert_ms=1e3 * (inserting["cpu"] - made) / (n - before),
                insert_wall_ms=1e3 * inserting["wall"] / (n - before), disk=disk_bytes(Path(directory)),
                writer_rss=resident(), keep_only_cpu=keeping["cpu"], keep_only_wall=keeping["wall"],
                keep_only_grew_peak_by=peak() - before_peak,
            )  # fmt: skip
            subprocess.run([sys.executable, "-m", "eval.bench.scale", "opened", directory], check=True)


def measure_opening(directories: Sequence[str]) -> None:
    """Measure memory and queries of a process that only reads a store made by :func:`measure_vectors`."""
    before = resident()
    with measured() as opening:
        store = VectorStore(directories[0])
        store.nearest(_query(0), 80)
    print_row(
        part="opened", first_query_cpu=opening["cpu"], first_query_wall=opening["wall"],
        rss_grew_by=resident() - before, query=median_times(lambda i: store.nearest(_query(i), 80)),
    )  # fmt: skip


def measure_server(sizes: Sequence[str]) -> None:
    """Measure a Chroma server while it grows to each of ``sizes``: a client's waiting and the server's work."""
    with tempfile.TemporaryDirectory() as directory, chroma_server(Path(directory)) as address:
        (server,) = psutil.Process().children(recursive=True)
        store, n = VectorStore(address), 0
        for size in map(int, sizes):
            before, waited, started = n, 0.0, cpu_seconds(server)
            while n < size:
                many = min(1000, size - n)
                chunks = [make_chunk(i) for i in range(n, n + many)]
                records, rows = [record_id(c, c.text) for c in chunks], make_vectors(n, many)
                with measured() as adding:
                    store.add(records, rows, chunks)
                waited += adding["wall"]
                n += many
            insert_seconds = cpu_seconds(server) - started
            query = median_times(lambda i: store.nearest(_query(i), 80))
            query_seconds = cpu_seconds(server) - started - insert_seconds
            print_row(
                part="served", chunks=n, insert_wall_ms=1e3 * waited / (n - before),
                insert_server_cpu_ms=1e3 * insert_seconds / (n - before), server_rss=server.memory_info().rss,
                server_disk=disk_bytes(Path(directory)), query=query,
                query_server_cpu_ms=1e3 * query_seconds / (REPETITIONS + 1),
            )  # fmt: skip


def measure_catalogue(sizes: Sequence[str]) -> None:
    """Measure the catalogue while it grows to each of ``sizes``, in one transaction each like a run of the indexer."""
    questions = [row["question"] for row in _read_jsonl(REPOSITORY / "eval" / "cases" / "demo.jsonl")]
    with tempfile.TemporaryDirectory() as directory:
        path, n = Path(directory) / "catalogue.sqlite", 0
        catalogue = Catalogue(path)
        hits: list[list[str]] = []
        for size in map(int, sizes):
            before, made = n, 0.0
            with measured() as inserting, catalogue.transaction():
                while n < size:
                    with measured() as making:
                        document, chunks = make_document(n)
                    made += making["cpu"]
                    _put(catalogue, document, chunks)
                    n += len(chunks)
            step = len(records := list(catalogue.records())) // 80
            hits[:] = [records[i::step] for i in range(REPETITIONS + 1)]
            with measured() as fingerprinting:
                from rag.embedding import load_embedder

                Index(directory, load_embedder("minilm")).fingerprint  # noqa: B018
            print_row(
                part="catalogue", chunks=n, insert_ms=1e3 * (inserting["cpu"] - made) / (n - before),
                disk=disk_bytes(Path(directory)), rss=resident(), fingerprint_cpu=fingerprinting["cpu"],
                languages=median_times(lambda _: Catalogue(path).languages()),
                lexical=median_times(lambda i: catalogue.lexical(questions[i], 80)),
                by_records=median_times(lambda i: catalogue.chunks_by_record(hits[i])),
            )  # fmt: skip


def measure_search(sizes: Sequence[str]) -> None:
    """Measure hybrid search while an index grows to each of ``sizes``, each time in a process that only searches."""
    from rag.embedding import load_embedder

    with tempfile.TemporaryDirectory() as directory:
        index, n = Index(directory, load_embedder("minilm")), 0
        for size in map(int, sizes):
            with index.catalogue.transaction():
                while n < size:
                    added = [make_document(i) for i in range(n, min(size, n + 1000), CHUNKS_A_DOCUMENT)]
                    chunks = [chunk for _, of_document in added for chunk in of_document]
                    index.vector_store.add([record_id(c, c.text) for c in chunks], make_vectors(n, len(chunks)), chunks)
                    for document, of_document in added:
                        _put(index.catalogue, document, of_document)
                    n += len(chunks)
            subprocess.run([sys.executable, "-m", "eval.bench.scale", "searched", directory], check=True)


def measure_searching(directories: Sequence[str]) -> None:
    """Measure the embedding of questions and the rest of their search, in a store of :func:`measure_search`.

    ``ratio`` is the median over the questions of the processor time of the search without the embedding ÷ that of the
    embedding.
    """
    import torch

    from rag.embedding import load_embedder
    from rag.retrieval import retrieve

    torch.set_num_threads(1)
    questions = [row["question"] for row in _read_jsonl(REPOSITORY / "eval" / "cases" / "demo.jsonl")]
    embedder = load_embedder("minilm")
    embedder.embed_query("Loads the model.")
    before = peak()
    index = Index(directories[0], embedder)
    retrieve(index, questions.pop(), k=40)
    times: dict[str, list[float]] = {name: [] for name in ("embed", "search", "dense", "lexical")}
    for question in questions[:SEARCHES]:
        with measured() as embedding:
            vector = embedder.embed_query(question)
        with measured() as searching:  # the embedder has cached the vector
            retrieve(index, question, k=40)
        with measured() as dense:
            index.dense(vector, 80)
        with measured() as lexical:
            index.lexical(question, 80)
        for name, seconds in zip(times, (embedding, searching, dense, lexical), strict=True):
            times[name].append(1e3 * seconds["cpu"])
    ratios = [search / embed for search, embed in zip(times["search"], times["embed"], strict=True)]
    print_row(
        part="search", chunks=index.catalogue.count()[1], n=len(ratios), ratio=statistics.median(ratios),
        **{f"{name}_cpu_ms": statistics.median(values) for name, values in times.items()},
        peak=peak(), peak_grew_by=peak() - before, disk=disk_bytes(index.directory),
    )  # fmt: skip


def measure_graph(stores: Sequence[str]) -> None:
    """Measure the share of the nearest vectors of ``stores`` that graphs with several parameters find.

    ``recall_80`` and ``recall_20`` are of the 80 and the 20 nearest of each question of the demo suite, against a scan.
    """
    import chromadb
    import numpy as np

    from rag.embedding import load_embedder
    from rag.store.vectors import GRAPH

    questions = [row["question"] for row in _read_jsonl(REPOSITORY / "eval" / "cases" / "demo.jsonl")]
    queries = np.array(load_embedder("minilm").vectors(questions))
    collections = [VectorStore(store).client.get_collection("citebrief", embedding_function=None) for store in stores]
    stored = np.concatenate([np.array(each.get(include=["embeddings"])["embeddings"]) for each in collections])
    vectors = np.unique(stored, axis=0)  # sorted: the order in which they are inserted is not that of the documents
    nearest = np.argsort(-(queries @ vectors.T), axis=1)[:, :80]
    for neighbours, construction in ((16, 100), (GRAPH["max_neighbors"], GRAPH["ef_construction"])):
        with tempfile.TemporaryDirectory() as directory:
            hnsw = GRAPH | {"max_neighbors": neighbours, "ef_construction": construction}
            graph = chromadb.PersistentClient(directory).create_collection(
                "graph", embedding_function=None, configuration={"hnsw": hnsw}
            )
            with measured() as inserting:
                for start in range(0, len(vectors), 1000):
                    part = vectors[start : start + 1000]
                    graph.add(ids=[str(i) for i in range(start, start + len(part))], embeddings=part)
            for candidates in (200, 500, 1000):
                graph.modify(configuration={"hnsw": {"ef_search": candidates}})
                graph = chromadb.PersistentClient(f"{directory}/.{'/.' * (candidates // 100)}").get_collection(
                    "graph", embedding_function=None
                )
                found: list[list[str]] = []
                times: list[float] = []
                for query in queries:
                    with measured() as searching:
                        found.append(graph.query(query_embeddings=[query], n_results=80, include=[])["ids"][0])
                    times.append(1e3 * searching["cpu"])
                recalls = {
                    f"recall_{k}": statistics.mean(
                        len({str(i) for i in exact[:k]} & set(ids)) / k
                        for exact, ids in zip(nearest, found, strict=True)
                    )
                    for k in (80, 20)
                }
                print_row(
                    part="graph", vectors=len(vectors), n=len(queries), max_neighbors=neighbours,
                    ef_construction=construction, ef_search=candidates, query_cpu_ms=statistics.median(times),
                    insert_cpu_ms=1e3 * inserting["cpu"] / len(vectors), **recalls,
                )  # fmt: skip


def measure_publishing(sizes: Sequence[str]) -> None:
    """Measure the transfer of catalogues of the given ``sizes`` to a Chroma server and back."""
    for size in map(int, sizes):
        with tempfile.TemporaryDirectory() as directory, chroma_server(Path(directory) / "server") as address:
            path = Path(directory) / "catalogue.sqlite"
            catalogue, n = Catalogue(path), 0
            with catalogue.transaction():
                while n < size:
                    document, chunks = make_document(n)
                    _put(catalogue, document, chunks)
                    n += len(chunks)
            copy = Path(directory) / "copy.sqlite"
            catalogue.snapshot(copy)
            catalogue.close()
            server = next(p for p in psutil.Process().children(recursive=True) if p.status() != "zombie")
            published, before = PublishedCatalogue(VectorStore(address).client, address), resident()
            started = cpu_seconds(server)
            with measured() as sending:
                published.upload(copy)
            server_seconds = cpu_seconds(server) - started
            row = {"publish_wall": sending["wall"], "publish_cpu": sending["cpu"], "memory": peak() - before}
            with measured() as fetching:
                is_equal = published.download(published.revision() or "") == copy.read_bytes()
            print_row(
                part="publish", chunks=n, catalogue=copy.stat().st_size,
                server_disk=disk_bytes(Path(directory) / "server"),
                server_rss=server.memory_info().rss, server_cpu=server_seconds,
                fetch_wall=fetching["wall"], fetched_whole=is_equal, **row,
            )  # fmt: skip


def measure_briefs(arguments: Sequence[str]) -> None:
    """Measure extractive briefs on one thread; ``arguments`` are the store and the file of questions."""
    import torch

    from rag.config import load_settings
    from rag.writing.session import Session

    torch.set_num_threads(1)
    store, questions = arguments
    with Session(load_settings({"store": store, "llm": "extractive"})) as session:
        rows = [row["question"] for row in _read_jsonl(Path(questions))]
        with measured() as first:
            session.answer(rows[0])
        print_row(
            part="briefs", first_cpu=first["cpu"], brief=median_times(lambda i: session.answer(rows[i])), rss=resident()
        )


def _read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _query(number: int) -> list[float]:
    return [float(x) for x in make_vectors(7_919 * number, 1)[0]]


def _put(catalogue: Catalogue, document: Document, chunks: Sequence[Chunk]) -> None:
    row = SourceRow(id=document.id, location=document.source, root="archive", digest="0" * 64)
    catalogue.put_source(row)
    catalogue.put_document(document, row.id, [(chunk, record_id(chunk, chunk.text)) for chunk in chunks])


if __name__ == "__main__":
    main()
