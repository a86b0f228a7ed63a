"""Join the labels of ``unit_labels.jsonl`` with the text of their units, which is not part of this project. ::

    python -m eval.training.answers.units tsc=STORE sitepolicy=STORE rustblog=STORE mueller=STORE > units.jsonl

Each STORE is an index of the collection: README.md names the sources. A label is kept by its question and the digest of
its unit with title and headings, so that a unit whose document has changed has no label any more.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.config import load_settings
from rag.types import Question
from rag.writing.session import Session
from rag.writing.units import evidence_units

from ..verifier.examples import read_rows

LABELS = Path(__file__).with_name("unit_labels.jsonl")


def unit_key(title: str, text: str) -> str:
    """Return the digest by which a label names its unit."""
    return hashlib.sha256(f"{title}\n{text}".encode()).hexdigest()[:16]


def retrieved_units(store: str, question: str) -> Iterator[tuple[str, str]]:
    """Yield title with headings, and text, of each unit of the hits for ``question``."""
    with Session(load_settings({"store": store, "llm": "extractive"})) as session:
        hits, _ = session.assess(Question(id="labelled", text=question))
    for hit in hits:
        for unit in evidence_units(hit.chunk.text):
            yield hit.chunk.context, unit.text


def main() -> None:
    """Print the labelled units that were found, and say how many were not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", nargs="+", metavar="NAME=STORE")
    stores = dict(each.split("=", 1) for each in parser.parse_args().stores)
    wanted: defaultdict[tuple[str, str], dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in read_rows(LABELS):
        if row["collection"] in stores:
            wanted[row["collection"], row["question"]][row["unit"]] = row
    missing = 0
    for (collection, question), rows in wanted.items():
        for title, text in retrieved_units(stores[collection], question):
            key = unit_key(title, text)
            if key in rows:
                row = rows.pop(key)
                found = {"collection": collection, "question": question, "context": title, "text": text}
                print(json.dumps(found | {"use": row["use"], "alone": row["alone"]}, ensure_ascii=False))
        missing += len(rows)
    print(f"{missing} labels without their unit", file=sys.stderr)


if __name__ == "__main__":
    main()
