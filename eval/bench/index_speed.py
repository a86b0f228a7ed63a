"""Measure the time of indexing, without extraction, ÷ the time of the encoder alone on the same texts.

    python -m eval.bench.index_speed DIRECTORY_OF_DOCUMENTS [--rounds 1]

Both use the same precision and alternate in one process, so that changes of the machine's speed affect both.
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

ENCODER_BATCH = 8
"""Batch size of the encoder alone: the fastest one for passages on two cores."""


def main() -> None:
    """Print the ratio of each round and their median as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    sources = [item for item in find(args.paths) if isinstance(item, Source)]
    extracted = {source.id: extract(source)[0] for source in sources}
    chunks = [
        part
        for documents in extracted.values()
        for document in documents
        for part in chunk_document(document, count_tokens=count_tokens)
    ]
    texts = [embedding_text(part, count_tokens) for part in chunks]

    def extract_again(source: Source) -> tuple[list[Document], list[Skipped]]:
        return extracted[source.id], []

    ratios = []
    for _ in range(args.rounds):
        # A new encoder each time, since an encoder remembers the vectors of texts.
        encoder = Encoder(str(minilm_directory()), name="minilm", offline=True)
        encoder.model.encode(texts[:ENCODER_BATCH])  # loads the model before the measurement
        started = time.perf_counter()
        encoder.model.encode(texts, batch_size=ENCODER_BATCH, normalize_embeddings=True, show_progress_bar=False)
        encoder_seconds = time.perf_counter() - started
        with tempfile.TemporaryDirectory() as directory:
            started = time.perf_counter()
            index = Index(str(Path(directory) / "store"), encoder)
            index.update(sources, extract_again, [])
            index_seconds = time.perf_counter() - started
            index.close()
        ratios.append(index_seconds / encoder_seconds)
    median = statistics.median(ratios)
    speed = len(texts) / encoder_seconds
    print(json.dumps({"chunks": len(texts), "ratios": ratios, "median": median, "chunks_per_second": speed}))


if __name__ == "__main__":
    main()
