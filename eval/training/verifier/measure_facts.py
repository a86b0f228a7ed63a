"""Measure how often each rule of :mod:`rag.verify.facts` is right where it finds a fact missing.

A finding is right where the claim is not fully supported by its passage. Whole kinds of text are held out: every second
one, by number of claims, is for tuning, the others for the report. ::

    python -m eval.training.verifier.measure_facts DATA/prose --pairs DATA/support/train_summedits.jsonl
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.text import find_dates, find_numbers
from rag.verify.facts import findings, missing

MIN_PRECISION = 0.95
"""Share of findings that have to be right for a rule to refuse a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledClaim:
    """A claim, its evidence and whether the evidence fully supports it; ``kind`` is the kind of text."""

    text: str
    title: str
    evidence: str
    full: bool
    kind: str


def read_prose(directory: Path) -> list[LabelledClaim]:
    """Read the claims of ``pairs.jsonl`` with their passages from ``passages.jsonl``."""
    passages = {row["id"]: row for row in _rows(directory / "passages.jsonl")}
    return [
        LabelledClaim(
            text=row["claim"],
            title=passages[row["passage"]]["title"],
            evidence=" ".join(passages[row["passage"]]["sentences"]),
            full=row["label"] == "full",
            kind=passages[row["passage"]]["source"].split(":")[0],
        )
        for row in _rows(directory / "pairs.jsonl")
    ]


def read_pairs(path: Path) -> list[LabelledClaim]:
    """Read pairs of a claim and its evidence; the file's name is their kind."""
    return [
        LabelledClaim(
            text=row["claim"], title="", evidence=row["evidence"], full=row["label"] == "full", kind=path.stem
        )
        for row in _rows(path)
    ]


def split_by_kind(claims: Sequence[LabelledClaim]) -> tuple[list[LabelledClaim], list[LabelledClaim]]:
    """Return the claims for tuning and those held out: every second kind of text, the kinds ordered by size."""
    sizes = Counter(claim.kind for claim in claims)
    tuning = set(sorted(sizes, key=lambda kind: (-sizes[kind], kind))[::2])
    return [each for each in claims if each.kind in tuning], [each for each in claims if each.kind not in tuning]


def fired_rules(claim: LabelledClaim) -> set[str]:
    """Return the rules that find a fact of ``claim`` missing; those of :func:`missing` are called "literal …"."""
    rules: set[str] = {each.rule for each in findings(claim.text, [claim.evidence], [claim.title])}
    for words in missing(claim.text, [claim.evidence, claim.title]):
        sort = "date" if any(find_dates(words)) else "number" if any(find_numbers(words)) else "name"
        rules.add(f"literal {sort}")
    return rules


def rule_table(claims: Sequence[LabelledClaim]) -> str:
    """Return a table with, for each rule, where it fires, how often rightly, and the share of false claims found."""
    fired: Mapping[str, Counter[bool]] = defaultdict(Counter)
    kinds: Mapping[str, Counter[str]] = defaultdict(Counter)
    for claim in claims:
        for rule in fired_rules(claim):
            fired[rule][claim.full] += 1
            if claim.full:
                kinds[rule][claim.kind] += 1
    false = sum(not claim.full for claim in claims)
    lines = [f"{'rule':15}{'fires':>7}{'right':>7}{'precision':>11}{'recall':>8}  wrong in"]
    for rule in sorted(fired):
        right, total = fired[rule][False], fired[rule].total()
        verdict = "veto" if right >= MIN_PRECISION * total else ""
        wrong = ", ".join(f"{kind} {count}" for kind, count in kinds[rule].most_common(5))
        lines.append(f"{rule:15}{total:7}{right:7}{right / total:11.3f}{right / max(1, false):8.4f}  {verdict} {wrong}")
    return "\n".join(lines)


def _rows(path: Path) -> Iterable[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def main() -> None:
    """Print the tables of both halves, and of each file of further pairs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("prose", type=Path, help="directory with passages.jsonl and pairs.jsonl")
    parser.add_argument("--pairs", type=Path, action="append", default=[], help="JSON Lines of claim, evidence, label")
    arguments = parser.parse_args()
    tuning, held_out = split_by_kind(read_prose(arguments.prose))
    parts = [("tuning", tuning), ("held out", held_out), *((path.stem, read_pairs(path)) for path in arguments.pairs)]
    for name, claims in parts:
        full = sum(claim.full for claim in claims)
        print(f"\n{name}: {len(claims)} claims, {full} full\n{rule_table(claims)}")


if __name__ == "__main__":
    main()
