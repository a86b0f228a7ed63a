"""Join the labels of ``passage_labels.jsonl`` with the text of their passages, which is not part of this project. ::

    python -m eval.training.answers.passages letsencrypt=STORE owasp=STORE 18f=STORE … > passages.jsonl

Each STORE is an index of the collection: README.md names the sources. A label is kept by its question and the digest of
its passage with title and headings, so that a passage whose document has changed has no label any more.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rag.retrieval import answer_text

from .units import labelled_questions, text_key

LABELS = Path(__file__).with_name("passage_labels.jsonl")


def main() -> None:
    """Print the labelled passages that were found, and say how many were not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", nargs="+", metavar="NAME=STORE")
    missing = 0
    for row, hits in labelled_questions(LABELS, parser.parse_args().stores):
        labels = dict(row["passages"])
        for text in map(answer_text, hits):
            if (found := labels.pop(text_key(text), None)) is not None:
                common = {"collection": row["collection"], "question": row["question"], "asked": row["asked"]}
                print(json.dumps({**common, "text": text, "labels": found}, ensure_ascii=False))
        missing += len(labels)
    print(f"{missing} passages without their text", file=sys.stderr)


if __name__ == "__main__":
    main()
