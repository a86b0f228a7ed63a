"""Development sets: pairs of domains that training never sees, public tuning sets, evidence that lacks something.

Variants of the prose pairs show what the model does with evidence that does not state a claim: a sentence that the
claim needs is removed, another passage is given, one of two passages is given, or no evidence at all.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from . import counterfactual, prose, public, written
from .examples import Example

REMOVED, OTHER, HALF = "sentence removed", "other passage", "one of two passages"
"""Sets in which the evidence supports no claim."""

EXCHANGED, CHANGED = "values exchanged", "sentence changed"
"""Sets in which each claim is true on one evidence and false on another one (``counterfactual.py``)."""

CLAIM_ALONE = "claim alone"
"""Ends the name of a set without evidence: a model that does better than chance there uses artefacts of the claims."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DevelopmentSet:
    """Examples under the name of their set."""

    name: str
    examples: Sequence[Example]


def development_sets(data: Path, pairs: Path, limit: int = 0, seed: int = 0) -> list[DevelopmentSet]:
    """Return all development sets.

    Args:
        data: directory with ``prose``, ``sections`` and ``support``.
        pairs: the file of written pairs.
        limit: examples of each set, drawn at random; 0 stands for all.
        seed: of that draw.
    """
    passages = prose.read_passages(data / "prose")
    own = prose.development_examples(data / "prose")
    hand_written = written.development_examples(pairs, data / "sections")
    held_out = {key: each for key, each in passages.items() if each.domain in prose.HELD_OUT_DOMAINS}
    units = prose.read_units(data / "prose")
    held_out_pairs = written.development_pairs(pairs, data / "sections")
    joined = prose.joined_examples(data / "prose", passages, held_out=True)
    sets = {
        "prose": own,
        "written": hand_written,
        "joined": joined,
        "wice": public.read_set(data / "support" / "tune_wice.jsonl", 0, random.Random(seed)),
        "scifact": public.read_set(data / "support" / "tune_scifact.jsonl", 0, random.Random(seed)),
        REMOVED: removed_sentences(data / "prose", passages),
        OTHER: other_passages(data / "prose", passages),
        EXCHANGED: list(counterfactual.all_exchanged(held_out, units, held_out_pairs, random.Random(seed))),
        CHANGED: list(counterfactual.all_reversed(held_out, units, random.Random(seed))),
        HALF: one_of_two(joined),
        f"prose, {CLAIM_ALONE}": claims_alone(own),
        f"written, {CLAIM_ALONE}": claims_alone(hand_written),
    }
    rng = random.Random(seed)
    return [
        DevelopmentSet(name=name, examples=rng.sample(examples, limit) if 0 < limit < len(examples) else examples)
        for name, examples in sets.items()
    ]


def removed_sentences(directory: Path, passages: Mapping[str, prose.Passage]) -> list[Example]:
    """Return the true claims of the domains held out, each with its passage without one sentence that it needs."""
    rng = random.Random(0)
    examples = []
    for passage, unit in _held_out_units(directory, passages):
        needed = sorted(number for number in unit.needs if 1 <= number <= len(passage.sentences))
        if needed and len(passage.sentences) > 1:
            without = rng.choice(needed)
            claims = tuple(unit.claims(without))
            examples.append(Example(evidence=passage.text(without), claims=claims, source=passage.domain))
    return examples


def other_passages(directory: Path, passages: Mapping[str, prose.Passage]) -> list[Example]:
    """Return the true claims of the domains held out, each with the most similar other passage of its domain.

    Most similar is the passage with the most words of the claim. Many are other passages of the same document.
    """
    examples = []
    for passage, unit in _held_out_units(directory, passages):
        others = [each for each in passages.values() if each.domain == passage.domain and each is not passage]
        other = prose.most_similar(unit.claim.text, others)
        if other is not None:
            claims = (prose.refuted(unit.claim, OTHER),)
            examples.append(Example(evidence=other.text(), claims=claims, source=passage.domain))
    return examples


def one_of_two(joined: Sequence[Example]) -> list[Example]:
    """Return the true claims that need two passages, each with either passage alone."""
    return [
        replace(example, evidence=passage, claims=(prose.refuted(example.claims[0], HALF),))
        for example in joined
        for passage in example.evidence.split("\n\n")
    ]


def claims_alone(examples: Sequence[Example]) -> list[Example]:
    """Return the examples with empty evidence and their labels as they are."""
    return [replace(example, evidence="") for example in examples]


def _held_out_units(
    directory: Path, passages: Mapping[str, prose.Passage]
) -> Iterable[tuple[prose.Passage, prose.Unit]]:
    for key, units in prose.read_units(directory).items():
        if passages[key].domain in prose.HELD_OUT_DOMAINS:
            yield from ((passages[key], unit) for unit in units if unit.claim.supported)
