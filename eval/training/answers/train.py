"""Train the answer score: the upper layers of the verifier (version 3), with a new reading of its head. ::

    python -m eval.training.answers.train --data DATA --start MERGED --units units.jsonl --out work/answers

``MERGED`` is the merged file of the common weights in the user's cache. Its lower layers stay as they are, so that
what they make of a pack is computed once. ``--out`` gets ``weights.safetensors``, the trained parameters.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from pathlib import Path

from ..parameters import save_parameters
from ..verifier.losses import LossWeights
from ..verifier.packing import TrainingPack, batches
from ..verifier.schedule import Schedule
from ..verifier.trainer import Trainer
from .examples import Packs, read_passages_of, read_question_data, read_units
from .measure import question_figures, score_questions, score_units, unit_figures


def arguments() -> argparse.ArgumentParser:
    """Return the command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="directory with prose and questions")
    parser.add_argument("--start", type=Path, required=True, help="merged common weights")
    parser.add_argument("--out", type=Path, required=True, help="directory of the run")
    parser.add_argument("--from-difference", type=Path, help="difference.safetensors of an earlier model to start from")
    parser.add_argument("--units", type=Path, help="JSONL of labelled units: see README.md")
    parser.add_argument("--passages", type=Path, help="JSONL of labelled passages: see README.md")
    parser.add_argument("--unit-passes", type=float, default=1, help="passes over the labelled units")
    parser.add_argument("--passage-passes", type=float, default=1, help="passes over the labelled passages")
    parser.add_argument("--question-passes", type=float, default=1, help="passes over the questions of DATA")
    parser.add_argument("--freeze", type=int, default=6, help="lowest layers that stay as in the verifier")
    parser.add_argument("--batch-tokens", type=int, default=3200, help="tokens of a batch, padding included")
    parser.add_argument("--rate", type=float, default=5e-5, help="highest learning rate")
    parser.add_argument("--ranking", type=float, default=0.5, help="weight of the ranking loss of near misses")
    parser.add_argument("--everything", action="store_true", help="train on the domains held out, too")
    parser.add_argument("--seed", type=int, default=1)
    return parser


def main() -> None:
    """Train, print the losses, and at the end the figures on the domains held out."""
    import torch

    from .network import load_merged_network

    options = arguments().parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    network, tokenizer = load_merged_network(options.start, options.from_difference)
    trainer = Trainer(network.float(), LossWeights(ranking=options.ranking), options.freeze, "cpu")
    data = read_question_data(options.data)
    known = data if options.everything else data.split(held_out=False)
    units = read_units(options.data, options.units)
    passages = read_passages_of(options.passages) if options.passages else []
    make = Packs(tokenizer)
    rng = random.Random(options.seed)
    trained_units = [each for each in units if options.everything or not each.held_out]
    trained_passages = [each for each in passages if options.everything or not each.held_out]
    sources = [
        (make.units(trained_units), options.unit_passes),
        (make.retrieved(trained_passages, options.seed), options.passage_passes),
        ([*make.training(known, options.seed), *make.sentences(known, options.seed)], options.question_passes),
    ]
    rounds = max(1, math.ceil(max(passes for _, passes in sources)))
    total = int(sum(passes * sum(pack.pack.length for pack in packs) for packs, passes in sources))

    def one_round() -> list[TrainingPack]:
        """Return the packs of a round, drawn anew: of each source the share that adds up to its passes."""
        return [pack for packs, passes in sources for pack in rng.sample(packs, round(passes / rounds * len(packs)))]

    schedule = Schedule(rate=options.rate, warmup=15, decay=0.3)
    seen = step = 0
    started = time.process_time()
    waiting: list[list[TrainingPack]] = []
    while seen < total:
        if not waiting:
            if step:
                save_parameters(trainer.parameters(), options.out / "weights.safetensors")
            packs = one_round()
            order = batches([pack.pack.length for pack in packs], options.batch_tokens, rng)
            waiting = [[packs[number] for number in numbers] for numbers in order]
        batch = waiting.pop()
        found = trainer.step(batch, schedule.learning_rate(step, seen / total), recurring=True)
        seen += sum(pack.pack.length for pack in batch)
        step += 1
        if step % 10 == 0:
            parts = "  ".join(f"{name} {value:.3f}" for name, value in sorted(found.items()))
            print(f"step {step}  {seen / total:.1%}  {time.process_time() - started:.0f} s  {parts}", flush=True)
    save_parameters(trainer.parameters(), options.out / "weights.safetensors")
    unseen = [each for each in units if each.held_out]
    print(unit_figures(unseen, score_units(network.eval(), tokenizer, unseen)), flush=True)
    held_out = data.split(held_out=True)
    print(question_figures(held_out, score_questions(network.eval(), tokenizer, held_out)), flush=True)


if __name__ == "__main__":
    main()
