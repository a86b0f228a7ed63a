"""Labels by hand, given without knowing the system: a shuffled sheet of sentences, and the count of its labels.

    python -m eval.bench.peers.blind --results build/peers/results.jsonl --per-system 20 --out build/peers/sheet.jsonl

A row of the sheet has an ``id``, the question, the sentence, whether it is ``cited``, and the passages: those that it
cites or, where it cites none, all that the writer was sent. A person writes a JSONL file of labels, with ``id``,
``support`` (``full``, ``partial`` or ``none``: do these passages state the sentence?) and ``answers`` (``yes``,
``context`` or ``no``: does it answer the question?). The id is a digest that tells nothing of the system.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from ...runner.coverage_cases import read_coverage_cases
from .answers import answers_of, parsed_brief

SUPPORTS = ("full", "partial", "none")
ANSWERS = ("yes", "context", "no")


class BlindLabel(BaseModel):
    """A person's label of one sentence of the sheet."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    support: Literal["full", "partial", "none"]
    answers: Literal["yes", "context", "no"]


def read_labels(path: Path) -> list[BlindLabel]:
    """Read the labels of a JSONL file.

    Raises:
        ValueError: a line is no label, or an id has two labels. The message names the line or the id.
    """
    labels: dict[str, BlindLabel] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            label = BlindLabel.model_validate_json(line)
        except ValueError as error:
            raise ValueError(f"{path}:{number}: not a label: {error}") from error
        if label.id in labels:
            raise ValueError(f"{path}:{number}: {label.id} is labelled twice")
        labels[label.id] = label
    return list(labels.values())


def sentences_of(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the distinct sentences of every answer of a run, with their system, question and cited passages."""
    found: dict[str, dict[str, Any]] = {}
    for (system, case_id), answer in answers_of(rows).items():
        brief = parsed_brief(answer)
        for claim in brief.claims:
            cited = [brief.sources[each] for each in claim.citations if each in brief.sources]
            id_ = hashlib.sha256(f"{system}\0{case_id}\0{claim.text}".encode()).hexdigest()[:10]
            found[id_] = {
                "id": id_,
                "system": system,
                "case": case_id,
                "sentence": claim.text,
                "cited": bool(cited),
                "passages": [
                    f"{source.chunk.document_id}: {source.chunk.text}"
                    for source in cited or brief.sources.values()
                    if source.chunk
                ],
            }
    return list(found.values())


def draw_sheet(
    rows: Sequence[Mapping[str, Any]], questions: Mapping[str, str], per_system: int, seed: int = 7
) -> list[dict[str, Any]]:
    """Draw at most ``per_system`` sentences of each system and return them shuffled, without the system.

    Args:
        rows: the rows of a run.
        questions: the question of each case.
        per_system: sentences of each system.
        seed: of the draw and the order.
    """
    draw = random.Random(seed)
    sentences = sentences_of(rows)
    chosen: list[dict[str, Any]] = []
    for system in sorted({each["system"] for each in sentences}):
        own = [each for each in sentences if each["system"] == system]
        chosen += draw.sample(own, min(per_system, len(own)))
    draw.shuffle(chosen)
    return [
        {
            "id": each["id"],
            "question": questions[each["case"]],
            "sentence": each["sentence"],
            "cited": each["cited"],
            "passages": each["passages"],
        }
        for each in chosen
    ]


def tally_labels(rows: Sequence[Mapping[str, Any]], labels: Sequence[BlindLabel]) -> list[dict[str, Any]]:
    """Count the labels of each system.

    Raises:
        ValueError: a label's id is not of a sentence of the run.
    """
    sentences = {each["id"]: each for each in sentences_of(rows)}
    if unknown := [label.id for label in labels if label.id not in sentences]:
        raise ValueError(f"{unknown[0]}: no sentence of the run has this id; are the labels of another run?")
    counts = []
    for system in dict.fromkeys(each["system"] for each in sentences.values()):
        own = [label for label in labels if sentences[label.id]["system"] == system]
        cited = [label for label in own if sentences[label.id]["cited"]]
        if own:
            support = {f"support {each}": sum(label.support == each for label in own) for each in SUPPORTS}
            answers = {f"answers {each}": sum(label.answers == each for label in own) for each in ANSWERS}
            counts.append(
                {
                    "system": system,
                    "labelled": len(own),
                    **support,
                    **answers,
                    "cited": len(cited),
                    "cited, full and answers": sum(
                        label.support == "full" and label.answers == "yes" for label in cited
                    ),
                }
            )
    return counts


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default="eval/cases/coverage.jsonl")
    parser.add_argument("--results", type=Path, default=Path("build/peers/results.jsonl"))
    parser.add_argument("--per-system", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("build/peers/sheet.jsonl"))
    args = parser.parse_args()
    rows = [json.loads(line) for line in args.results.read_text(encoding="utf-8").splitlines()]
    questions = {case.id: case.question for case in read_coverage_cases(args.suite)}
    sheet = draw_sheet(rows, questions, args.per_system)
    args.out.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in sheet), encoding="utf-8")
    print(f"{len(sheet)} sentences: {args.out}")


if __name__ == "__main__":
    main()
