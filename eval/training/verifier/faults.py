"""Corrupt true sentences of briefs in several ways and count the corruptions that the verifier accepts.

python -m eval.training.verifier.faults briefs/*.json --sentences 40
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

from rag.render.json import read_brief
from rag.types import Brief, Chunk, Sentence
from rag.verify import default_verifier
from rag.verify.support.evidence import Passage

from . import corrupt

FaultRow = tuple[str, str, tuple[Chunk, ...]]
"""(kind, sentence, evidence)"""


def planted(briefs: list[Brief], count: int, rng: random.Random) -> list[FaultRow]:
    """Return ``count`` distinct sentences of ``briefs`` and their corruptions.

    The kind "wrong chunk" is the true sentence with another passage of its own brief, which is closer to it than a
    passage on another subject would be.
    """
    own: dict[str, tuple[Sentence, Brief]] = {s.text: (s, brief) for brief in briefs for s in brief.sentences()}
    merged = [text for text, (s, _) in own.items() if len(s.quotes) > 1]
    names = [m.group() for text in own for m in corrupt.NAME_PATTERN.finditer(text) if m.start() > 0]
    rows: list[FaultRow] = []
    for text, (sentence, brief) in rng.sample(sorted(own.items()), min(count, len(own))):
        chunks = {chunk.id: chunk for chunk in brief.cited()}
        evidence = tuple(chunks[cited] for cited in sentence.citations)
        rows.append(("true", text, evidence))
        corrupted = {kind: change(text, rng) for kind, change in corrupt.CORRUPTIONS.items()}
        corrupted |= {
            "date": corrupt.date(text, rng),
            "name": corrupt.name(text, rng, rng.sample(names, min(9, len(names)))),
            "over-claim": corrupt.overclaim(text, rng),
            "detail added": corrupt.detail(text, rng),
        }
        rows += [(kind, false, evidence) for kind, false in corrupted.items() if false]
        others = [
            c for c in chunks.values() if c not in evidence and not any(q.text in c.text for q in sentence.quotes)
        ]
        rows += [("wrong chunk", text, (rng.choice(others),))] if others else []
    for text in merged:
        sentence, brief = own[text]
        chunks = {chunk.id: chunk for chunk in brief.cited()}
        rows.append(("true, merged", text, tuple(chunks[cited] for cited in sentence.citations)))
    return rows


def _passage(chunk: Chunk) -> Passage:
    return Passage(chunk.text, " — ".join(part for part in (chunk.title, *chunk.heading_path) if part))


def main() -> None:
    """Print as JSON how many of each kind the verifier and the model alone reject, and the speed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("briefs", type=Path, nargs="+", metavar="BRIEF.json")
    parser.add_argument("--sentences", type=int, default=40)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    rows = planted([read_brief(path) for path in args.briefs], args.sentences, random.Random(args.seed))
    verifier = default_verifier("gating")
    verifier.verify([("Warm up.", rows[0][2])])
    started = time.perf_counter()
    verdicts = verifier.verify([(sentence, evidence) for _, sentence, evidence in rows])
    seconds = time.perf_counter() - started
    cases = [(sentence, [_passage(chunk) for chunk in evidence]) for _, sentence, evidence in rows]
    alone = verifier.model.judge(cases)
    report = {}
    for kind in dict.fromkeys(kind for kind, _, _ in rows):
        places = [i for i, row in enumerate(rows) if row[0] == kind]
        report[kind] = {
            "n": len(places),
            "rejected": sum(verdicts[i].support != "full" for i in places),
            "rejected_by_model_alone": sum(alone[i].probability < verifier.threshold for i in places),
        }
    passed = [
        (kind, s) for (kind, s, _), v in zip(rows, verdicts, strict=True) if v.support == "full" and "true" not in kind
    ]
    print(
        json.dumps(
            {"kinds": report, "pairs_per_second": round(len(rows) / seconds, 1), "let_through": passed}, indent=1
        )
    )


if __name__ == "__main__":
    main()
