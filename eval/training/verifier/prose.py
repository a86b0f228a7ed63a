"""Examples from the claims in free prose: ``pairs.jsonl``, ``passages.jsonl`` and ``joined.jsonl`` of DATA/prose.

Whole domains are held out for development: :data:`HELD_OUT_DOMAINS`.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .examples import Example, ExampleClaim, join_passages, read_rows, twins, with_heading

HELD_OUT_DOMAINS = frozenset({"rust rfc", "earnings-call", "trial report", "minutes", "contracts"})
"""Domains that training never sees."""

PAIRS_PER_EXAMPLE = 4
NEIGHBOUR_SHARE = 0.35
"""Share of the passages that are given once more together with a passage of the same domain."""
OTHER_SHARE = 0.3
"""Share of the passages whose true claims are given beside another passage alone, which does not state them."""
OTHERS_COMPARED = 8
"""Passages of the domain of which the most similar one is taken as that other passage."""
NEIGHBOUR_SENTENCES = 4
"""Sentences that are taken from the other passage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A passage of ``passages.jsonl``; ``domain`` is its source up to the colon."""

    id: str
    domain: str
    title: str
    sentences: tuple[str, ...]

    def text(self, without: int | None = None, limit: int | None = None) -> str:
        """Return the title and the first ``limit`` sentences, but for sentence ``without`` (from 1)."""
        kept = [sentence for number, sentence in enumerate(self.sentences, 1) if number != without]
        return with_heading(self.title, " ".join(kept[:limit]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A claim and, if it has one, its false twin.

    ``needs`` are the sentences of the passage (from 1) without which the claim is no longer supported.
    """

    claim: ExampleClaim
    twin: ExampleClaim | None
    needs: frozenset[int]

    def claims(self, without: int | None = None) -> list[ExampleClaim]:
        """Return the claims as labelled when sentence ``without`` is removed from the passage.

        A claim that needs the sentence turns false, and is given without its twin.
        """
        if without in self.needs and self.claim.supported:
            return [refuted(self.claim, "sentence removed")]
        return [self.claim] if self.twin is None else [self.claim, self.twin]


def read_passages(directory: Path) -> dict[str, Passage]:
    """Read ``passages.jsonl``, by id."""
    return {
        row["id"]: Passage(
            id=row["id"],
            domain=row["source"].split(":")[0],
            title=row["title"] or "",
            sentences=tuple(row["sentences"]),
        )
        for row in read_rows(directory / "passages.jsonl")
    }


def training_passages(directory: Path) -> list[Passage]:
    """Return the passages of the domains that are not held out."""
    return [each for each in read_passages(directory).values() if each.domain not in HELD_OUT_DOMAINS]


def read_units(directory: Path) -> dict[str, list[Unit]]:
    """Read ``pairs.jsonl``, by the passage's id: a true claim is followed by its twin, if it has one."""
    by_passage: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in read_rows(directory / "pairs.jsonl"):
        by_passage[row["passage"]].append(row)
    return {passage: list(_units(rows)) for passage, rows in by_passage.items()}


def _units(rows: Sequence[Mapping[str, Any]]) -> Iterator[Unit]:
    at = 0
    while at < len(rows):
        row = rows[at]
        needs = frozenset(row.get("needs") or ())
        following = rows[at + 1] if at + 1 < len(rows) else None
        if row["label"] == "full" and following is not None and following["label"] != "full":
            claim, twin = twins(row["claim"], following["claim"], (row["kind"], following["kind"]))
            yield Unit(claim=claim, twin=twin, needs=needs)
            at += 2
        else:
            supported = row["label"] == "full"
            claim = ExampleClaim(
                text=row["claim"], supported=supported, unsupported=() if supported else None, kind=row["kind"]
            )
            yield Unit(claim=claim, twin=None, needs=needs)
            at += 1


def training_examples(directory: Path, rng: random.Random) -> list[Example]:
    """Return the examples of one pass over all domains that are not held out.

    Each passage is given whole with all its claims. Some are given again beside a passage of the same domain, and each
    with a sentence that a claim needs is given again without one such sentence. The choices are ``rng``'s.
    """
    passages = read_passages(directory)
    by_domain: defaultdict[str, list[Passage]] = defaultdict(list)
    for passage in passages.values():
        by_domain[passage.domain].append(passage)
    examples: list[Example] = []
    for key, units in read_units(directory).items():
        passage = passages[key]
        if passage.domain not in HELD_OUT_DOMAINS:
            examples += _variants(passage, units, by_domain[passage.domain], rng)
    return [*examples, *joined_examples(directory, passages, held_out=False)]


def _variants(
    passage: Passage, units: Sequence[Unit], same_domain: Sequence[Passage], rng: random.Random
) -> Iterator[Example]:
    units = rng.sample(units, len(units))
    for at in range(0, len(units), PAIRS_PER_EXAMPLE):
        yield _example(passage.domain, passage.text(), units[at : at + PAIRS_PER_EXAMPLE])
    neighbour = rng.choice(same_domain)
    if neighbour is not passage and rng.random() < NEIGHBOUR_SHARE:
        texts = [passage.text(), neighbour.text(limit=NEIGHBOUR_SENTENCES)]
        rng.shuffle(texts)
        yield _example(passage.domain, join_passages(texts), rng.sample(units, min(3, len(units))))
    supported = [unit for unit in units if unit.claim.supported]
    if supported and rng.random() < OTHER_SHARE:
        claims = [refuted(unit.claim, "other passage") for unit in rng.sample(supported, min(3, len(supported)))]
        other = most_similar(
            claims[0].text,
            [each for each in rng.sample(same_domain, min(OTHERS_COMPARED, len(same_domain))) if each is not passage],
        )
        if other is not None:
            yield Example(evidence=other.text(), claims=tuple(claims), source=passage.domain)
    needed = sorted(number for unit in supported for number in unit.needs if 1 <= number <= len(passage.sentences))
    if needed and len(passage.sentences) >= 3:
        without = rng.choice(needed)
        turned = [unit for unit in supported if without in unit.needs][:3]
        kept = [unit for unit in supported if without not in unit.needs][:1]
        yield _example(passage.domain, passage.text(without), [*turned, *kept], without)


def refuted(claim: ExampleClaim, kind: str) -> ExampleClaim:
    """Return ``claim`` without its twin, as one that its evidence does not support."""
    return replace(claim, supported=False, unsupported=None, has_twin=False, kind=kind)


def most_similar(claim: str, passages: Sequence[Passage]) -> Passage | None:
    """Return the passage that has the most words of ``claim``, the first such."""
    claimed = _words([claim])
    return max(passages, key=lambda each: len(claimed & _words([each.title, *each.sentences])), default=None)


def _words(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in re.findall(r"\w{3,}", text.lower())}


def _example(domain: str, evidence: str, units: Sequence[Unit], without: int | None = None) -> Example:
    claims = tuple(claim for unit in units for claim in unit.claims(without))
    return Example(evidence=evidence, claims=claims, source=domain)


def development_examples(directory: Path) -> list[Example]:
    """Return the units of the domains held out, one an example."""
    passages = read_passages(directory)
    return [
        _example(passages[key].domain, passages[key].text(), [unit])
        for key, units in read_units(directory).items()
        if passages[key].domain in HELD_OUT_DOMAINS
        for unit in units
    ]


def joined_examples(directory: Path, passages: Mapping[str, Passage], *, held_out: bool) -> list[Example]:
    """Return the claims of ``joined.jsonl``, each of which needs two passages, with their twins.

    Either those with both passages in domains held out, or those with neither.
    """
    rows = read_rows(directory / "joined.jsonl")
    examples = []
    for row, false in zip(rows[::2], rows[1::2], strict=True):
        if row["passages"] != false["passages"] or row["label"] != "full" or false["label"] == "full":
            raise ValueError(f"{directory / 'joined.jsonl'}: {row['id']} and {false['id']} are no claim and its twin")
        pair = [passages[key] for key in row["passages"]]
        if {passage.domain in HELD_OUT_DOMAINS for passage in pair} == {held_out}:
            evidence = join_passages(passage.text() for passage in pair)
            claims = twins(row["claim"], false["claim"], (row["kind"], false["kind"]))
            examples.append(Example(evidence=evidence, claims=claims, source=pair[0].domain))
    return examples
