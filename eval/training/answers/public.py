"""Print examples of public data sets in the form of ``units.py`` and of ``passages.py``. ::

    python -m eval.training.answers.public --clapnq CLAPNQ/annotated_data/dev --qed QED/qed-dev.jsonlines >> units.jsonl
    python -m eval.training.answers.public --squad dev-v2.0.json >> passages.jsonl

CLAPnq (Rosenthal et al., TACL 2025, Apache-2.0) has passages of Wikipedia with the sentences that a long answer to a
question of Natural Questions rests on, and passages without an answer. QED (Lamm et al., TACL 2021, CC BY-SA 3.0 text)
has the one sentence of a passage that answers such a question. What a sentence needs to be understood is not labelled.

SQuAD 2.0 (Rajpurkar et al., ACL 2018, CC BY-SA 4.0) has paragraphs of Wikipedia with questions, half of which only look
as if the paragraph answered them.
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

ANSWERED, IMPOSSIBLE, FOREIGN = 5, 4, 2
"""Questions of a paragraph of SQuAD that are taken: those that it answers, those that nothing does, and those that
another paragraph of the article answers, one of the nearest :data:`NEIGHBOURS` before or after it."""

NEIGHBOURS = 6

ANSWERING, OTHERS = 1200, 1500
"""Examples of each kind that are kept of all: the labelled units are nearer to what the product reads."""


def main() -> None:
    """Print the examples, one a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clapnq", type=Path, help="directory of clapnq_dev_*.jsonl, with --qed")
    parser.add_argument("--qed", type=Path, help="qed-dev.jsonlines, with --clapnq")
    parser.add_argument("--squad", type=Path, help="a file of SQuAD 2.0; nothing else is printed")
    options = parser.parse_args()
    rng = random.Random(1)
    if options.squad:
        for row in squad_rows(options.squad, seed=1):
            print(json.dumps(row, ensure_ascii=False))
        return
    if not options.clapnq or not options.qed:
        parser.error("name --squad, or --clapnq and --qed")
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


def squad_rows(path: Path, seed: int) -> Iterator[dict[str, Any]]:
    """Yield the paragraphs of a file of SQuAD 2.0, each with questions and the label of each: f for full, n for no."""
    rng = random.Random(seed)

    def sample(questions: Sequence[str], count: int, label: str) -> list[tuple[str, str]]:
        return [(question, label) for question in rng.sample(questions, min(count, len(questions)))]

    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        paragraphs = article["paragraphs"]
        answered, impossible = (
            [
                [each["question"] for each in paragraph["qas"] if each["is_impossible"] == wanted]
                for paragraph in paragraphs
            ]
            for wanted in (False, True)
        )
        for at, paragraph in enumerate(paragraphs):
            near = range(max(0, at - NEIGHBOURS), min(len(paragraphs), at + NEIGHBOURS + 1))
            elsewhere = [question for other in near if other != at for question in answered[other]]
            labelled = [*sample(answered[at], ANSWERED, "f"), *sample(impossible[at], IMPOSSIBLE, "n")]
            labelled += sample(elsewhere, FOREIGN, "n")
            yield {
                "collection": "squad",
                "question": "",
                "asked": [question for question, _ in labelled],
                "text": f"{article['title'].replace('_', ' ')}\n{paragraph['context']}",
                "labels": "".join(label for _, label in labelled),
            }


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
