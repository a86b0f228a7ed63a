"""Measure indexing against the encoder alone, and a re-index after one changed file against the full build.

    python -m eval.bench.index_speed encode DOCUMENT… [--rounds 3] [--chunks 256]
    python -m eval.bench.index_speed reindex [--files 10000] [--rounds 3]

``encode`` compares, on the same chunks and alternating in one process, sentence-transformers' own ``encode`` in fp32,
the packaged encoder, and the whole index (extraction, chunking, encoding, storing) in each precision named by
``--precisions``. ``reindex`` builds an index of synthetic files, changes one, and runs ``citebrief index`` on it as a
new process; its full build is the measured build with vectors that cost nothing, plus the chunks at the measured speed
of the encoder. Both print JSON with seconds of wall-clock and of processor time; only ratios within a run are
comparable on a machine that does other work.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag._internal.processor import ChunkPrecision, best_chunk_precision
from rag.embedding import count_tokens, minilm_directory
from rag.embedding.encoder import Encoder
from rag.embedding.minilm_encoder import MiniLMEncoder
from rag.ingest import Source, chunk_document, embedding_text, extract, find, root_of
from rag.store import Index

from .measuring import measured
from .synthetic import make_chunk, make_vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BARE_BATCH = 8
"""Batch size of sentence-transformers' own ``encode``: the fastest one for passages on two cores; its default is 32."""

PARAGRAPHS = 4
"""Paragraphs of a synthetic file, each of which is a chunk."""


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    encode = commands.add_parser("encode")
    encode.add_argument("paths", nargs="+", metavar="DOCUMENT")
    encode.add_argument("--chunks", type=int, default=256, help="index as many documents as have this many chunks")
    encode.add_argument("--rounds", type=int, default=3)
    encode.add_argument("--precisions", nargs="+", default=["fp32", best_chunk_precision()])
    encode.set_defaults(run=lambda args: compare(args.paths, args.chunks, args.rounds, args.precisions))
    reindex = commands.add_parser("reindex")
    reindex.add_argument("--files", type=int, default=10_000)
    reindex.add_argument("--rounds", type=int, default=3)
    reindex.set_defaults(run=lambda args: measure_reindex(args.files, args.rounds))
    args = parser.parse_args()
    print(json.dumps(args.run(args), indent=1))


def compare(paths: Sequence[str], limit: int, rounds: int, precisions: Sequence[ChunkPrecision]) -> dict[str, Any]:
    """Return chunks a second, by wall clock and by processor time, of each way to encode or index the same chunks."""
    sources, texts = _sample(paths, limit)
    ways: dict[str, Callable[[], object]] = {"sentence-transformers fp32": lambda: _encode_bare(bare, texts)}
    bare = Encoder(str(minilm_directory()), name="minilm", offline=True)
    for precision in precisions:
        ways[f"encoder {precision}"] = lambda precision=precision: loaded(precision).vectors(texts)  # type: ignore[misc]
        ways[f"index {precision}"] = lambda precision=precision: _index(sources, loaded(precision))  # type: ignore[misc]

    def loaded(precision: ChunkPrecision) -> MiniLMEncoder:
        encoder = MiniLMEncoder(precision)  # a new one each time, since an encoder caches vectors
        encoder.vectors(["Loads the model."])
        return encoder

    _encode_bare(bare, texts[:BARE_BATCH])
    seconds: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            with measured() as spent:
                run()
            seconds[name].append(spent)
    speeds = {
        name: {clock: round(len(texts) / statistics.median(row[clock] for row in rows), 2) for clock in ("wall", "cpu")}
        for name, rows in seconds.items()
    }
    return {"chunks": len(texts), "rounds": rounds, "chunks_per_second": speeds, "seconds": seconds}


def measure_reindex(files: int, rounds: int) -> dict[str, Any]:
    """Return the seconds of a re-index after one changed file, of the full build, and their ratio."""
    with tempfile.TemporaryDirectory() as directory:
        documents, store = Path(directory) / "documents", str(Path(directory) / "store")
        documents.mkdir()
        for number in range(files):
            (documents / f"{number:06}.md").write_text(_file_text(number), encoding="utf-8")
        sample = [make_chunk(number).text for number in range(128)]
        encoder = MiniLMEncoder(best_chunk_precision())
        encoder.vectors(["Loads the model."])
        with measured() as encoding:
            encoder.vectors(sample)
        with measured() as building:
            chunks = _index(
                [item for item in find([str(documents)]) if isinstance(item, Source)], _FreeVectors(), store
            )
        full = {clock: building[clock] + encoding[clock] / len(sample) * chunks for clock in ("wall", "cpu")}
        again: list[dict[str, float]] = []
        for number in range(rounds):
            (documents / f"{number:06}.md").write_text(_file_text(files + number), encoding="utf-8")
            again.append(_run_index(str(documents), store))
    seconds = {clock: statistics.median(row[clock] for row in again) for clock in ("wall", "cpu")}
    return {
        "files": files,
        "chunks": chunks,
        "precision": encoder.precision,
        "full_build_seconds": full,
        "of_which_without_encoding": building,
        "reindex_seconds": seconds,
        "share": {clock: round(seconds[clock] / full[clock], 4) for clock in seconds},
    }


class _FreeVectors:
    """An embedder by the name of the packaged one whose vectors are random."""

    name = "minilm"
    batch_size = 512

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors, one row per text."""
        return make_vectors(random.randrange(1 << 30), len(texts))

    def embed_query(self, text: str) -> list[float]:
        """Return a random vector."""
        return [float(x) for x in self.vectors([text])[0]]


def _sample(paths: Sequence[str], limit: int) -> tuple[list[Source], list[str]]:
    """Return sources in random order, as many as have ``limit`` chunks, and their texts to embed."""
    sources = [item for item in find(paths) if isinstance(item, Source)]
    random.Random(7).shuffle(sources)
    chosen: list[Source] = []
    texts: list[str] = []
    for source in sources:
        if len(texts) >= limit:
            break
        chosen.append(source)
        for document in extract(source)[0]:
            chunks = chunk_document(document, count_tokens=count_tokens)
            texts += [embedding_text(chunk, count_tokens) for chunk in chunks]
    return chosen, texts


def _encode_bare(encoder: Encoder, texts: list[str]) -> None:
    encoder.model.encode(texts, batch_size=BARE_BATCH, normalize_embeddings=True, show_progress_bar=False)


def _index(sources: Sequence[Source], embedder: MiniLMEncoder | _FreeVectors, store: str | None = None) -> int:
    """Index ``sources`` into ``store``, by default a new one that is deleted; return the number of chunks embedded."""
    directory = store or tempfile.mkdtemp()
    index = Index(directory, embedder)
    try:
        return index.update(sources, extract, [root_of(sources[0].root)]).embedded
    finally:
        index.close()
        if store is None:
            shutil.rmtree(directory)


def _run_index(documents: str, store: str) -> dict[str, float]:
    """Run ``citebrief index`` as a process; return its seconds."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(
        [
            sys.executable,
            "-c",
            "from rag.cli.main import main; main()",
            "index",
            documents,
            "--store",
            store,
            "--quiet",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"wall": time.perf_counter() - began, "cpu": cpu}


def _file_text(number: int) -> str:
    paragraphs = (make_chunk(PARAGRAPHS * number + each).text for each in range(PARAGRAPHS))
    return f"# Document {number}\n\n" + "\n\n".join(paragraphs) + "\n"


if __name__ == "__main__":
    main()
