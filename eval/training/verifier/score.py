"""Score the development sets: write the logits of every claim, from which figures and thresholds are computed. ::

    python -m eval.training.verifier.score --base BASE --start MERGED --data DATA --out work/scores.jsonl \\
                                           --weights rag/verify/support/weights/difference.safetensors
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rag._internal.length_batches import length_batches
from rag._internal.log_odds import log_odds

from .development import DevelopmentSet, development_sets
from .examples import read_rows
from .packing import Packer, TrainingPack, collate_training, load_tokenizer
from .weights import load_network
from .written import WRITTEN_PAIRS

if TYPE_CHECKING:
    from rag.verify.support.network import SupportNetwork


class ClaimLogits(NamedTuple):
    """Logits of one claim: of support, and for each of its tokens of being unsupported."""

    support: float
    tokens: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredClaim:
    """A claim of a development set with its logits: a row of the file of scores."""

    set: str
    source: str
    kind: str
    supported: bool
    pair: int | None
    """Shared by a claim and its twin within the set."""
    logit: float
    alignment: float = 0.0
    """The logit of the alignment model's P(full)."""
    token_logits: tuple[float, ...] = ()
    token_labels: tuple[int, ...] = ()
    """Empty where the unsupported words are not known."""


def claim_logits(network: SupportNetwork, packs: Sequence[TrainingPack], tokens: int = 6000) -> list[list[ClaimLogits]]:
    """Return the logits of the claims of each pack, in order, from batches of at most ``tokens`` tokens."""
    import torch

    results: list[list[ClaimLogits]] = [[] for _ in packs]
    device = next(network.parameters()).device
    for indices in length_batches([pack.pack.length for pack in packs], tokens, range(len(packs))):
        batch = collate_training([packs[index] for index in indices]).batch
        with torch.inference_mode():
            support, unsupported = network(type(batch)(*(part.to(device) for part in batch)))
        places = zip(support.tolist(), batch.rows.tolist(), batch.starts.tolist(), strict=True)
        by_row = unsupported.tolist()
        for index in indices:
            for claim in packs[index].pack.claims:
                logit, row, start = next(places)
                results[index].append(ClaimLogits(logit, tuple(by_row[row][start + 1 : start + 1 + len(claim)])))
    return results


def score_set(network: SupportNetwork, packer: Packer, development: DevelopmentSet) -> Iterator[ScoredClaim]:
    """Yield the claims of a set with their logits, in order."""
    packs = packer.pack_each(development.examples)
    logits = iter(claim_logits(network, [pack for of_example in packs for pack in of_example]))
    pair = 0
    for example, of_example in zip(development.examples, packs, strict=True):
        found = [each for _ in of_example for each in next(logits)]
        labels = [label for pack in of_example for label in pack.token_labels]
        for place, (claim, scores) in enumerate(zip(example.claims, found, strict=True)):
            follows = place > 0 and example.claims[place - 1].has_twin
            pair += not follows
            yield ScoredClaim(
                set=development.name,
                source=example.source,
                kind=claim.kind,
                supported=claim.supported,
                pair=pair if follows or claim.has_twin else None,
                logit=round(scores.support, 4),
                token_logits=tuple(round(value, 2) for value in scores.tokens) if labels[place] is not None else (),
                token_labels=labels[place] or (),
            )


def alignment_logits(development: DevelopmentSet) -> list[float]:
    """Return the logits of the alignment model for the claims of a set, in order."""
    from rag.verify.support_verifier import LEAST_PROBABILITY, load_alignment_model

    pairs = [
        (claim.text, example.evidence.split("\n\n")) for example in development.examples for claim in example.claims
    ]
    found = load_alignment_model().align(pairs)
    return [round(float(log_odds(each.probability, least=LEAST_PROBABILITY)), 4) for each in found]


def read_scores(path: Path, alignment: float = 0.0) -> list[ScoredClaim]:
    """Read a file of scores; ``alignment`` times the alignment model's logit is added to each logit."""
    return [
        ScoredClaim(
            **{
                **row,
                "logit": row["logit"] + alignment * row["alignment"],
                "token_logits": tuple(row["token_logits"]),
                "token_labels": tuple(row["token_labels"]),
            }
        )
        for row in read_rows(path)
    ]


def arguments() -> argparse.ArgumentParser:
    """Return the command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="directory of the base model")
    parser.add_argument("--weights", type=Path, required=True, help="trained parameters or a packaged difference")
    parser.add_argument("--start", type=Path, help="merged weights that a packaged difference is to")
    parser.add_argument("--data", type=Path, required=True, help="directory with prose, sections and support")
    parser.add_argument("--written", type=Path, default=WRITTEN_PAIRS, help="file of written pairs")
    parser.add_argument("--out", type=Path, required=True, help="file of scores to write")
    parser.add_argument("--limit", type=int, default=0, help="examples of each set; 0 for all")
    parser.add_argument("--max-evidence", type=int, default=384, help="tokens of the evidence")
    parser.add_argument("--max-claim", type=int, default=96, help="tokens of a claim")
    parser.add_argument("--device", default="cpu")
    return parser


def main() -> None:
    """Write the logits of the development sets."""
    options = arguments().parse_args()
    network = load_network(options.base, options.weights, options.device, options.start)
    packer = Packer(
        tokenizer=load_tokenizer(options.base), max_evidence=options.max_evidence, max_claim=options.max_claim
    )
    with options.out.open("w", encoding="utf-8") as out:
        for development in development_sets(options.data, options.written, options.limit):
            count = 0
            aligned = alignment_logits(development)
            for claim, logit in zip(score_set(network, packer, development), aligned, strict=True):
                out.write(json.dumps(asdict(claim) | {"alignment": logit}) + "\n")
                count += 1
            print(f"{development.name}: {count} claims", flush=True)


if __name__ == "__main__":
    main()
