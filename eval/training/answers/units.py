"""Join the labels of ``unit_labels.jsonl`` with the text of their units, which is not part of this project. ::

    python -m eval.training.answers.units tsc=STORE sitepolicy=STORE rustblog=STORE mueller=STORE … > units.jsonl

Each STORE is an index of the collection: README.md names the sources. A label is kept by its question and the digest of
its unit with title and headings, so that a unit whose document has changed has no label any more.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.config import load_settings
from rag.llm import open_embedder
from rag.retrieval import search_parts
from rag.store import Index
from rag.types import Chunk, Hit
from rag.writing.evidence import evidence_sentence
from rag.writing.units import evidence_units

from ..verifier.examples import read_rows

LABELS = Path(__file__).with_name("unit_labels.jsonl")

HITS = 40
"""Hits among whose units the labelled ones are looked for: as many as the product retrieves."""

MAX_BEFORE = 3
"""Units before a labelled one that are kept: as many as a label can say that it needs."""


def text_key(text: str) -> str:
    """Return the digest by which a label names what it is on: a unit or a passage, with its title and headings."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def units_of(chunk: Chunk) -> Iterator[dict[str, Any]]:
    """Yield each unit of ``chunk``: ``context``, ``text`` and ``before``, the units in front of it."""
    before: list[str] = []
    for unit in evidence_units(chunk.text, chunk.columns):
        text = evidence_sentence(chunk, unit).text
        yield {"context": chunk.context, "text": text, "before": before[-MAX_BEFORE:]}
        before.append(text)


@contextmanager
def opened(store: str) -> Iterator[Index]:
    """Open the index in ``store``, and close it after the block."""
    settings = load_settings({"store": store})
    index = Index.open(settings.store, open_embedder(settings))
    try:
        yield index
    finally:
        index.close()


def labelled_questions(labels: Path, stores: Sequence[str]) -> Iterator[tuple[dict[str, Any], list[Hit]]]:
    """Yield each row of ``labels`` whose collection is in ``stores`` (NAME=STORE), and the hits for its question."""
    store_of = dict(each.split("=", 1) for each in stores)
    for row in read_rows(labels):
        if row["collection"] in store_of:
            with opened(store_of[row["collection"]]) as index:
                hits = search_parts(index, row["question"], k=HITS)
            yield row, hits


def main() -> None:
    """Print the labelled units that were found, and say how many were not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", nargs="+", metavar="NAME=STORE")
    missing = 0
    for row, hits in labelled_questions(LABELS, parser.parse_args().stores):
        labels = dict(row["units"])
        previous: str | None = None
        for unit in (unit for hit in hits for unit in units_of(hit.chunk)):
            label = labels.pop(text_key(f"{unit['context']}\n{unit['text']}"), None)
            if label is not None:
                found = {"collection": row["collection"], "question": row["question"], **unit}
                known = {"use": label[0], "needs": label[1:], "previous_needs": previous}
                print(json.dumps(found | known, ensure_ascii=False))
            previous = label[1:] if label else None
        missing += len(labels)
    print(f"{missing} labels without their unit", file=sys.stderr)


if __name__ == "__main__":
    main()
