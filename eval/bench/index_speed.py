"""Our indexing, extraction apart, ÷ the bare encoder over the same texts at the same precision.

    python eval/bench/index_speed.py FOLDER_OF_DOCUMENTS [--rounds 1]

The two alternate in one process, so that a machine that slows down slows both.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from rag.embedding import count_tokens, minilm_directory
from rag.embedding.encoder import Encoder
from rag.ingest import Source, chunk_document, embedding_text, extract, find
from rag.store import Index
from rag.types import Document, Skipped

BATCH = 8
"""Texts that the bare encoder is given at once: the fastest for passages, on two cores."""


def main() -> None:
    """Print the ratio of each round and their median as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    sources = [item for item in find(given.paths) if isinstance(item, Source)]
    read = {source.id: extract(source)[0] for source in sources}
    chunks = [
        part
        for documents in read.values()
        for document in documents
        for part in chunk_document(document, count_tokens=count_tokens)
    ]
    texts = [embedding_text(part, count_tokens) for part in chunks]

    def known(source: Source) -> tuple[list[Document], list[Skipped]]:
        return read[source.id], []

    ratios = []
    for _ in range(given.rounds):
        encoder = Encoder(str(minilm_directory()), name="minilm", offline=True)  # one that knows no text yet
        encoder.model.encode(texts[:BATCH])  # both start with a loaded model
        started = time.perf_counter()
        encoder.model.encode(texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
        bare = time.perf_counter() - started
        with tempfile.TemporaryDirectory() as directory:
            started = time.perf_counter()
            index = Index(str(Path(directory) / "store"), encoder)
            index.update(sources, known, [])
            ours = time.perf_counter() - started
            index.close()
        ratios.append(ours / bare)
    median = statistics.median(ratios)
    print(
        json.dumps({"chunks": len(texts), "ratios": ratios, "median": median, "chunks_per_second": len(texts) / bare})
    )


if __name__ == "__main__":
    main()
