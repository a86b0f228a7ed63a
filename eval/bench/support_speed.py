"""Measure the support model's pairs per second, with a new passage for each pair and with shared passages.

    python -m eval.bench.support_speed DOCUMENT… [--pairs 120] [--sentences 8] [--rounds 3]

The ratio is the time of the support model ÷ the time of the encoder alone on the same texts in the same run.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable

from rag.embedding import count_tokens, load_encoder
from rag.ingest import Source, chunk_document, extract, find
from rag.text import split_sentences
from rag.verify.support.model import SupportModel


def main() -> None:
    """Print the medians over the rounds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", nargs="+")
    parser.add_argument("--pairs", type=int, default=120)
    parser.add_argument("--sentences", type=int, default=8, help="sentences for each shared passage")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    sources = [item for item in find(args.documents) if isinstance(item, Source)]
    documents = [document for source in sources for document in extract(source)[0]]
    passages = [part.text for document in documents for part in chunk_document(document, count_tokens=count_tokens)]
    passages = [text for text in passages if 100 <= len(text.split()) <= 140]
    claims = [text[a:b] for text in passages for a, b in split_sentences(text) if 60 < b - a < 250]
    rng = random.Random(7)
    rounds = []
    for _ in range(args.rounds):
        chosen = rng.sample(passages, args.pairs)
        sentences = rng.sample(claims, args.pairs)
        few = chosen[: args.pairs // args.sentences]
        shared = [(claim, few[i // args.sentences]) for i, claim in enumerate(sentences[: len(few) * args.sentences])]
        new = list(zip(sentences, chosen, strict=True))
        rounds.append((_time_judging(new), _time_judging(shared), _time_encoding([*sentences, *chosen])))
    new_seconds, shared_seconds, encoder_seconds = (statistics.median(column) for column in zip(*rounds, strict=True))
    report = {
        "pairs": args.pairs,
        "words": round(statistics.mean(len(text.split()) for text in passages)),
        "rounds": args.rounds,
        "pairs_per_second_new": round(args.pairs / new_seconds, 1),
        "pairs_per_second_shared": round(args.pairs // args.sentences * args.sentences / shared_seconds, 1),
        "ratio_to_encoder": round(new_seconds / encoder_seconds, 3),
    }
    print(json.dumps(report, indent=1))


def _time_judging(pairs: list[tuple[str, str]]) -> float:
    model = SupportModel.load()  # a new one, with an empty cache
    model.score([("Warm up.", "The first call warms up.")])
    return _time(lambda: model.score(pairs))


def _time_encoding(texts: list[str]) -> float:
    return _time(lambda: load_encoder().model.encode(texts, batch_size=32, show_progress_bar=False))


def _time(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
