"""Examples from the public sets of DATA/support: claim, evidence and label a line."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from .examples import Example, ExampleClaim, read_rows

CLAIMS_PER_EXAMPLE = 8

ENTAILMENT_MIXTURE: Mapping[str, int] = {
    "nli_condaqa": 1400, "nli_tenp_edit": 2500, "nli_feverous_text_dev": 600, "nli_fm2": 700,
    "nli_fever_symmetric": 500, "nli_contractnli": 300, "nli_evidence_inference": 400, "nli_coref_gap": 250,
    "nli_wice_train_partial": 150, "nli_propsegment_dev": 250, "train_summedits": 1600, "train_factcg": 150,
    "train_begin": 400, "train_fever": 400, "train_scifact": 300, "train_snli": 800, "nli_mnli_dev": 1500,
    "nli_pubmedqa": 200, "nli_ambient": 300, "nli_negation_nli": 300, "nli_tenp_paragraph_val": 300,
    "nli_cad_snli": 600, "nli_entailment_tree": 200, "nli_q2_wow": 200,
}  # fmt: skip
"""Claims of each set in one pass over general entailment."""


def parse_mixture(items: list[str]) -> dict[str, int]:
    """Return ``NAME:COUNT`` items as a mapping; a name without a count stands for the whole set (0).

    Raises:
        ValueError: a count is no whole number.
    """
    mixture = {}
    for item in items:
        name, _, count = item.partition(":")
        if count and not count.isdecimal():
            raise ValueError(f"{item}: the count after the colon must be a whole number")
        mixture[name] = int(count or 0)
    return mixture


def mixed_examples(directory: Path, mixture: Mapping[str, int], rng: random.Random) -> list[Example]:
    """Return examples of the sets that ``mixture`` names, in its order."""
    return [example for name, count in mixture.items() for example in read_set(directory / f"{name}.jsonl", count, rng)]


def read_set(path: Path, count: int, rng: random.Random) -> list[Example]:
    """Return examples with at least ``count`` claims of a set in the order of ``rng``; 0 stands for all of them.

    Claims on one evidence are given together, :data:`CLAIMS_PER_EXAMPLE` an example at the most.
    """
    rows = read_rows(path)
    rng.shuffle(rows)
    by_evidence: defaultdict[str, list[ExampleClaim]] = defaultdict(list)
    for row in rows:
        supported = row["label"] == "full"
        by_evidence[row["evidence"]].append(
            ExampleClaim(text=row["claim"], supported=supported, kind=row.get("relation", ""))
        )
    examples = []
    taken = 0
    for evidence, claims in by_evidence.items():
        for at in range(0, len(claims), CLAIMS_PER_EXAMPLE):
            part = tuple(claims[at : at + CLAIMS_PER_EXAMPLE])
            examples.append(Example(evidence=evidence, claims=part, source=path.stem))
            taken += len(part)
        if count and taken >= count:
            break
    return examples
