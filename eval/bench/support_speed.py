"""Measure the packaged verifier: pairs per second with new and with shared passages, seconds to load and to import.

    python -m eval.bench.support_speed DOCUMENT… [--pairs 64] [--sentences 8] [--rounds 3]

A passage has about 150 words, a claim is a sentence of another passage.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import time

from rag.ingest import Source, extract, find
from rag.text import split_sentences
from rag.verify import Verifier, default_verifier

WORDS = 150


def main() -> None:
    """Print the medians over the rounds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", nargs="+")
    parser.add_argument("--pairs", type=int, default=64)
    parser.add_argument("--sentences", type=int, default=8, help="sentences for each shared passage")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    sources = [item for item in find(args.documents) if isinstance(item, Source)]
    words = [word for source in sources for document in extract(source)[0] for word in document.text.split()]
    passages = [" ".join(words[at : at + WORDS]) for at in range(0, len(words) - WORDS, WORDS)]
    claims = [text[a:b] for text in passages for a, b in split_sentences(text) if 60 < b - a < 250]
    started = time.perf_counter()
    verifier = default_verifier()
    load_seconds = time.perf_counter() - started
    verifier.verify([("Warm up.", ["The first call warms up."])])
    rng = random.Random(7)
    new_seconds, shared_seconds = [], []
    for _ in range(args.rounds):
        chosen = rng.sample(passages, args.pairs + args.pairs // args.sentences)
        sentences = rng.sample(claims, args.pairs)
        new_seconds.append(_time_judging(verifier, list(zip(sentences, chosen, strict=False))))
        few = chosen[args.pairs :]  # not those that were judged, since judgements are kept
        shared = [(claim, few[at // args.sentences]) for at, claim in enumerate(sentences[: len(few) * args.sentences])]
        shared_seconds.append(_time_judging(verifier, shared) * args.pairs / len(shared))
    report = {
        "pairs": args.pairs,
        "rounds": args.rounds,
        "precision": verifier.model.precision,
        "pairs_per_second_new": round(args.pairs / statistics.median(new_seconds), 1),
        "pairs_per_second_shared": round(args.pairs / statistics.median(shared_seconds), 1),
        "seconds_to_load": round(load_seconds, 2),
        "seconds_to_import": round(_import_seconds(), 2),
    }
    print(json.dumps(report, indent=1))


def _time_judging(verifier: Verifier, pairs: list[tuple[str, str]]) -> float:
    started = time.perf_counter()
    verifier.verify([(claim, [passage]) for claim, passage in pairs])
    return time.perf_counter() - started


def _import_seconds() -> float:
    """Return the seconds that a new process takes to import the verifiers, less those of an empty process."""
    seconds = []
    for code in ("pass", "import rag.verify"):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        seconds.append(time.perf_counter() - started)
    return seconds[1] - seconds[0]


if __name__ == "__main__":
    main()
