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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.config import load_settings
from rag.types import Question
from rag.writing.evidence import evidence_sentence
from rag.writing.session import Session
from rag.writing.units import evidence_units

from ..verifier.examples import read_rows

LABELS = Path(__file__).with_name("unit_labels.jsonl")

MAX_BEFORE = 3
"""Units before a labelled one that are kept: as many as a label can say that it needs."""


def unit_key(title: str, text: str) -> str:
    """Return the digest by which a label names its unit."""
    return hashlib.sha256(f"{title}\n{text}".encode()).hexdigest()[:12]


def retrieved_units(store: str, question: str) -> Iterator[dict[str, Any]]:
    """Yield each unit of the hits for ``question``: ``context``, ``text`` and ``before``, the units in front of it."""
    with Session(load_settings({"store": store, "llm": "extractive"})) as session:
        hits, _ = session.assess(Question(id="labelled", text=question))
    for hit in hits:
        before: list[str] = []
        for unit in evidence_units(hit.chunk.text, hit.chunk.columns):
            text = evidence_sentence(hit.chunk, unit).text
            yield {"context": hit.chunk.context, "text": text, "before": before[-MAX_BEFORE:]}
            before.append(text)


def main() -> None:
    """Print the labelled units that were found, and say how many were not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", nargs="+", metavar="NAME=STORE")
    stores = dict(each.split("=", 1) for each in parser.parse_args().stores)
    missing = 0
    for row in read_rows(LABELS):
        if row["collection"] not in stores:
            continue
        labels = dict(row["units"])
        previous: str | None = None
        for unit in retrieved_units(stores[row["collection"]], row["question"]):
            label = labels.pop(unit_key(unit["context"], unit["text"]), None)
            if label is not None:
                found = {"collection": row["collection"], "question": row["question"], **unit}
                known = {"use": label[0], "needs": label[1:], "previous_needs": previous}
                print(json.dumps(found | known, ensure_ascii=False))
            previous = label[1:] if label else None
        missing += len(labels)
    print(f"{missing} labels without their unit", file=sys.stderr)


if __name__ == "__main__":
    main()
