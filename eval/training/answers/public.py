"""Print examples of two public data sets in the form of ``units.py``. ::

    python -m eval.training.answers.public --clapnq CLAPNQ/annotated_data/dev --qed QED/qed-dev.jsonlines >> units.jsonl

CLAPnq (Rosenthal et al., TACL 2025, Apache-2.0) has passages of Wikipedia with the sentences that a long answer to a
question of Natural Questions rests on, and passages without an answer. QED (Lamm et al., TACL 2021, CC BY-SA 3.0 text)
has the one sentence of a passage that answers such a question. What a sentence needs to be understood is not labelled.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..verifier.examples import read_rows
from .examples import UNKNOWN_NEEDS

MIN_WORDS = 5
"""Length of a sentence that is an example."""

UNANSWERED_SENTENCES, OTHER_SENTENCES = 4, 2
"""Sentences that are taken of a passage without an answer, and beside the one that answers."""

ANSWERING, OTHERS = 1200, 1500
"""Examples of each kind that are kept of all: the labelled units are nearer to what the product reads."""


def main() -> None:
    """Print the examples, one a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clapnq", type=Path, required=True, help="directory of clapnq_dev_*.jsonl")
    parser.add_argument("--qed", type=Path, required=True, help="qed-dev.jsonlines")
    options = parser.parse_args()
    rng = random.Random(1)
    rows = [*clapnq_rows(options.clapnq, rng), *qed_rows(read_rows(options.qed), rng)]
    answering = [row for row in rows if row["use"] in "DA"]
    others = [row for row in rows if row["use"] == "B"]
    for row in [*rng.sample(answering, ANSWERING), *rng.sample(others, OTHERS)]:
        print(json.dumps(row, ensure_ascii=False))


def clapnq_rows(directory: Path, rng: random.Random) -> Iterator[dict[str, Any]]:
    """Yield the sentences of the passages of CLAPnq: those that an answer rests on, and others."""
    for each in read_rows(directory / "clapnq_dev_answerable.jsonl"):
        passage = each["passages"][0]
        used = {sentence for answer in each["output"] for sentence in answer.get("selected_sentences") or ()}
        if used.intersection(passage["sentences"]):
            for sentence in passage["sentences"]:
                yield from _row("clapnq", each["input"], passage["title"], sentence, "A" if sentence in used else "B")
    for each in read_rows(directory / "clapnq_dev_unanswerable.jsonl"):
        passage = each["passages"][0]
        sentences = passage["sentences"]
        for sentence in rng.sample(sentences, min(UNANSWERED_SENTENCES, len(sentences))):
            yield from _row("clapnq", each["input"], passage["title"], sentence, "B")


def qed_rows(examples: Sequence[dict[str, Any]], rng: random.Random) -> Iterator[dict[str, Any]]:
    """Yield the sentence of each passage of QED that answers, and others."""
    for each in examples:
        if each["annotation"].get("explanation_type") != "single_sentence":
            continue
        text, answer = each["paragraph_text"], each["annotation"]["selected_sentence"]["start"]
        starts = [*each["sentence_starts"], len(text)]
        spans = list(pairwise(starts))
        others = [span for span in spans if not span[0] <= answer < span[1]]
        if len(others) == len(spans):
            continue
        [answering] = [span for span in spans if span not in others]
        title, question = each["title_text"], each["question_text"]
        yield from _row("qed", question, title, text[slice(*answering)], "D")
        for span in rng.sample(others, min(OTHER_SENTENCES, len(others))):
            yield from _row("qed", question, title, text[slice(*span)], "B")


def _row(collection: str, question: str, title: str, sentence: str, use: str) -> Iterator[dict[str, Any]]:
    """Yield the example, if the sentence is long enough."""
    if len(sentence.split()) >= MIN_WORDS:
        asked = question.strip()
        yield {
            "collection": collection,
            "question": asked[:1].upper() + asked[1:] + ("" if asked.endswith("?") else "?"),
            "context": title,
            "text": plain_text(sentence),
            "before": [],
            "use": use,
            "needs": UNKNOWN_NEEDS,
            "previous_needs": None,
        }


def plain_text(tokenized: str) -> str:
    """Return the text of a sentence that was split into words ("the `` season '' -- seven")."""
    text = tokenized.replace("``", '"').replace("''", '"').replace(" -- ", " – ").replace(" - ", "-")
    text = re.sub(r" ([,.;:!?%)\]])", r"\1", text)
    text = re.sub(r"([(\[$]) ", r"\1", text)
    text = re.sub(r" ('s|n't|'re|'ve|'ll|'d|'m)\b", r"\1", text)
    return re.sub(r"\" ([^\"]*?) \"", r'"\1"', text).strip()


if __name__ == "__main__":
    main()
