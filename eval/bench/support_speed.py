"""Pairs a second of the verifier, where every passage is new and where a passage serves several sentences.

The ratio is ours ÷ the bare encoder on the same texts in the same run: what judging costs beside encoding.

python eval/bench/support_speed.py DOCUMENT… [--pairs 120] [--sentences 8] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable

from rag.embedding.encoder import count_tokens, encoder
from rag.ingest import Source, extract, find
from rag.ingest.chunking import chunk
from rag.text import split_sentences
from rag.verify.support.model import SupportModel


def main() -> None:
    """Print medians over the rounds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", nargs="+")
    parser.add_argument("--pairs", type=int, default=120)
    parser.add_argument("--sentences", type=int, default=8, help="sentences that a shared passage serves")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    sources = [item for item in find(args.documents) if isinstance(item, Source)]
    documents = [document for source in sources for document in extract(source)[0]]
    passages = [part.text for document in documents for part in chunk(document, count_tokens=count_tokens)]
    passages = [text for text in passages if 100 <= len(text.split()) <= 140]
    claims = [text[a:b] for text in passages for a, b in split_sentences(text) if 60 < b - a < 250]
    rng = random.Random(7)
    rounds = []
    for _ in range(args.rounds):
        chosen = rng.sample(passages, args.pairs)
        said = rng.sample(claims, args.pairs)
        few = chosen[: args.pairs // args.sentences]
        shared = [(claim, few[i // args.sentences]) for i, claim in enumerate(said[: len(few) * args.sentences])]
        rounds.append((_judged(list(zip(said, chosen, strict=True))), _judged(shared), _encoded([*said, *chosen])))
    new, served, bare = (statistics.median(column) for column in zip(*rounds, strict=True))
    report = {
        "pairs": args.pairs,
        "words": round(statistics.mean(len(text.split()) for text in passages)),
        "rounds": args.rounds,
        "pairs_per_second_new": round(args.pairs / new, 1),
        "pairs_per_second_shared": round(args.pairs // args.sentences * args.sentences / served, 1),
        "ratio_to_encoder": round(new / bare, 3),
    }
    print(json.dumps(report, indent=1))


def _judged(pairs: list[tuple[str, str]]) -> float:
    model = SupportModel.load()  # knows no text yet
    model.score([("Warm up.", "The first call warms up.")])
    return _timed(lambda: model.score(pairs))


def _encoded(texts: list[str]) -> float:
    return _timed(lambda: encoder().model.encode(texts, batch_size=32, show_progress_bar=False))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
