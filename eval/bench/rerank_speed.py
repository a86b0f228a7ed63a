"""Measure the reranker's network: seconds to rerank a pool of passages, and tokens a second in training.

    python -m eval.bench.rerank_speed [--base BASE --layers N] [--pool 40] [--tokens 180] [--rounds 3]

The time does not depend on the weights, so the base model with a new head is measured. Wall-clock seconds are those of
a machine without other load; seconds of the processor over all threads are printed beside them.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rag.embedding import minilm_directory
from rag.retrieval.reranker.model import RERANK_BATCH_TOKENS
from rag.retrieval.reranker.network import RerankNetwork, pair_logits
from rag.retrieval.reranker.pairs import PairFormat, TokenPair, load_pair_tokenizer

from ..training.reranker.trainer import RerankTrainer
from ..training.reranker.weights import new_network

QUESTION_TOKENS = 16
FIRST_WORD_ID = 2000
"""Token ids from here to :data:`LAST_WORD_ID` are of whole words in both bases."""
LAST_WORD_ID = 20_000


def random_pairs(count: int, tokens: int, rng: random.Random) -> list[TokenPair]:
    """Return pairs with passages of about ``tokens`` tokens and one question."""
    question = [rng.randrange(FIRST_WORD_ID, LAST_WORD_ID) for _ in range(QUESTION_TOKENS)]
    lengths = [round(tokens * rng.uniform(0.7, 1.3)) for _ in range(count)]
    return [(question, [rng.randrange(FIRST_WORD_ID, LAST_WORD_ID) for _ in range(length)]) for length in lengths]


def main() -> None:
    """Print the medians over the rounds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, help="directory of a base model, the packaged encoder by default")
    parser.add_argument("--layers", type=int, help="layers of the base that are kept; all by default")
    parser.add_argument("--pool", type=int, default=40, help="passages of a question")
    parser.add_argument("--tokens", type=int, default=180, help="tokens of a passage")
    parser.add_argument("--groups", type=int, default=4, help="questions of a training step, with 8 passages each")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    import torch

    base = args.base or minilm_directory()
    form = PairFormat.of(load_pair_tokenizer(base))
    rng = random.Random(7)
    pool = random_pairs(args.pool, args.tokens, rng)
    report: dict[str, object] = {
        "pool": args.pool,
        "tokens": sum(map(form.length, pool)),
        "threads": torch.get_num_threads(),
    }
    for precision in ("bf16", "fp32"):
        network = new_network(base, args.layers).eval()
        network = network.bfloat16() if precision == "bf16" else network
        report[f"rerank_seconds_{precision}"] = _seconds(partial(_rerank, network, form, pool), args.rounds)
    groups = [random_pairs(8, args.tokens, rng) for _ in range(args.groups)]
    trainer = RerankTrainer(
        new_network(base, args.layers), form, frozen=0, relevance_weight=0.3, forward_tokens=3000, device="cpu"
    )
    seconds = _seconds(lambda: trainer.step(groups, [1.0] * len(groups), 1e-5), args.rounds)
    tokens = sum(form.length(pair) for group in groups for pair in group)
    report["training_tokens_a_second"] = {name: round(tokens / value) for name, value in seconds.items()}
    print(json.dumps(report, indent=1))


def _rerank(network: RerankNetwork, form: PairFormat, pool: Sequence[TokenPair]) -> object:
    import torch

    with torch.inference_mode():
        return pair_logits(network, form, pool, RERANK_BATCH_TOKENS).tolist()


def _seconds(call: Callable[[], object], rounds: int) -> dict[str, float]:
    """Return the median seconds of ``call`` after a first one: on the clock, and of the processor over all threads."""
    wall, processor = [], []
    call()
    for _ in range(rounds):
        started, used = time.perf_counter(), time.process_time()
        call()
        wall.append(time.perf_counter() - started)
        processor.append(time.process_time() - used)
    return {"wall": round(statistics.median(wall), 3), "processor": round(statistics.median(processor), 3)}


if __name__ == "__main__":
    main()
