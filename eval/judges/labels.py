"""A person's verdicts on a random sample of a run's sentences: what shows how far a judge is off."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from rag.errors import UsageError
from rag.types import Support

from ..runner.score import ScoredBrief, SentenceScore

FILE = "labels.jsonl"
ANSWERS: dict[str, Support] = {"f": "full", "p": "partial", "n": "none"}


class Label(BaseModel):
    """What a person said of a sentence. ``id`` is its brief's."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: str
    text: str
    support: Support


def read_labels(path: Path) -> list[Label]:
    """The labels of a JSONL file; none if there is no file.

    Raises:
        UsageError: a row is no label; names the line.
    """
    if not path.is_file():
        return []
    labels = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            labels += [Label.model_validate_json(line)] if line.strip() else []
        except ValidationError as error:
            raise UsageError(f"{path}, line {number}: {error.errors(include_url=False)[0]['msg']}") from None
    return labels


def sample(scored: Sequence[ScoredBrief], n: int, seed: int = 7) -> list[tuple[ScoredBrief, SentenceScore]]:
    """``n`` different sentences of ``scored``, drawn evenly from all; the same ones for the same seed.

    A sentence that stands in a brief's summary and in its body is asked about once.
    """
    every = list({(brief.id, row.text): (brief, row) for brief in scored for row in brief.rows}.values())
    return random.Random(seed).sample(every, min(n, len(every)))


def walk(
    drawn: Sequence[tuple[ScoredBrief, SentenceScore]],
    path: Path,
    ask: Callable[[str], str],
    tell: Callable[[str], None],
) -> Iterator[Label]:
    """Ask a person about each of ``drawn`` that ``path`` has no label of yet, and append each answer at once.

    ``ask`` shows a prompt and returns what was typed: f, p, n, or q to stop and go on another day.
    The judge's own verdict is not shown, so that it leads nobody.
    """
    known = {(label.id, label.text) for label in read_labels(path)}
    for place, (brief, row) in enumerate(drawn, 1):
        if (brief.id, row.text) in known:
            continue
        tell(f"\n{place} of {len(drawn)}: {brief.question}\n")
        for cited in row.citations:
            tell(f"[{cited}] {brief.passages.get(cited, 'no such passage')}\n")
        tell(f"SENTENCE: {row.text}\n")
        while (said := ask("stated by these passages? f(ull), p(artly), n(ot), q(uit): ").strip().lower()) != "q":
            if said in ANSWERS:
                break
            tell("type f, p, n or q")
        if said == "q":
            return
        label = Label(id=brief.id, text=row.text, support=ANSWERS[said])
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(label.model_dump(), ensure_ascii=False) + "\n")
        yield label
