"""Planted faults: true sentences of a text, each corrupted in six ways; how many does the shipped model catch?

python eval/verifier/faults.py --corpus some.md --sentences 40
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import corrupt
from build import passages_of, usable

from rag.support import SupportModel


def planted(texts: list[str], count: int, rng: random.Random) -> list[tuple[str, str, str]]:
    """(kind, sentence, evidence): ``count`` true sentences and their corruptions."""
    passages = [p for text in texts for p in passages_of(text, rng)]
    names = [m.group() for p in passages for s in p for m in corrupt.NAME.finditer(s) if m.start() > 0]
    rows: list[tuple[str, str, str]] = []
    for passage in rng.sample(passages, min(count, len(passages))):
        own = [s for s in passage if usable(s)]
        if not own:
            continue
        sentence, evidence = rng.choice(own), " ".join(passage)
        rows.append(("true", sentence, evidence))
        if short := corrupt.shorten(sentence, rng):
            rows.append(("true, shortened", short, evidence))
        lies = {kind: lie(sentence, rng) for kind, lie in corrupt.LIES.items()}
        lies |= {
            "name": corrupt.name(sentence, rng, rng.sample(names, min(9, len(names)))),
            "over-claim": corrupt.overclaim(sentence, rng),
            "detail added": corrupt.detail(sentence, rng),
        }
        rows += [(kind, lie, evidence) for kind, lie in lies.items() if lie]
        rows.append(("wrong chunk", sentence, " ".join(rng.choice([p for p in passages if sentence not in p]))))
    return rows


def main() -> None:
    """Print, as JSON, the share of each kind that is judged full, and the speed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, action="append", required=True)
    parser.add_argument("--model", type=Path, help="folder of another model than the shipped one")
    parser.add_argument("--sentences", type=int, default=40)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    rows = planted([path.read_text() for path in args.corpus], args.sentences, random.Random(args.seed))
    model = SupportModel.load(args.model) if args.model else SupportModel.load()
    model.score([("Warm up.", "The first call warms up.")])
    began = time.process_time()
    scores = model.score([(claim, evidence) for _, claim, evidence in rows])[:, 0]
    seconds = time.process_time() - began
    kinds = dict.fromkeys(kind for kind, _, _ in rows)
    found = {kind: [float(s) for s, (k, _, _) in zip(scores, rows, strict=True) if k == kind] for kind in kinds}
    report = {
        kind: {"n": len(s), "judged_full": round(sum(x >= model.threshold for x in s) / len(s), 3)}
        for kind, s in found.items()
    }
    print(json.dumps(report | {"pairs_per_cpu_second": round(len(rows) / seconds, 1)}, indent=1))


if __name__ == "__main__":
    main()
