"""Examples from ``written_pairs.jsonl``: claims in the style of sections and summaries, each with a false twin.

The file names the evidence by ids of DATA/sections: ``S12.3`` is a sentence of section ``S12``, with all evidence of
the section; ``U7.summary.1`` is a sentence of the summary ``U7``, with the evidence of the section sentences that it
rests on. Two collections are held out for development: :data:`HELD_OUT_COLLECTIONS`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .examples import Example, ExampleClaim, join_passages, read_rows, twins, with_heading

HELD_OUT_COLLECTIONS = frozenset({"Rust RFCs", "minutes and incidents"})
"""Collections that training never sees."""

WRITTEN_PAIRS = Path(__file__).with_name("written_pairs.jsonl")
PAIRS_PER_EXAMPLE = 4

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenPair:
    """A claim and its twin with their evidence; ``style`` is section or summary."""

    id: str
    evidence: str
    claims: tuple[ExampleClaim, ExampleClaim]
    style: str
    collection: str


def read_written(pairs: Path, sections: Path) -> list[WrittenPair]:
    """Read the pairs of the file ``pairs`` with their evidence from ``sections.jsonl`` and ``summaries.jsonl``.

    Raises:
        ValueError: a pair names a section or summary that the directory ``sections`` does not have.
    """
    by_section = {row["id"]: row for row in read_rows(sections / "sections.jsonl")}
    by_summary = {row["id"]: row for row in read_rows(sections / "summaries.jsonl")}
    read = []
    for row in read_rows(pairs):
        key = row["id"].split(".")[0]
        if key in by_section:
            section = by_section[key]
            evidence = section["evidence"]
        elif key in by_summary:
            evidence = _summary_evidence(row["id"], by_summary[key], by_section)
            section = by_section[by_summary[key]["sections"][0]]
        else:
            raise ValueError(f"{pairs}: {row['id']} is neither in sections.jsonl nor in summaries.jsonl of {sections}")
        read.append(
            WrittenPair(
                id=row["id"],
                evidence=evidence_text(evidence),
                claims=twins(row["claim"], row["twin"], ("full", row["kind"])),
                style=row["style"],
                collection=section["collection"],
            )
        )
    return read


def evidence_text(evidence: Sequence[Row]) -> str:
    """Return evidence sentences (``title``, ``heading``, ``text``) as text, each run of one heading below its line."""
    runs: list[tuple[str, list[str]]] = []
    for sentence in evidence:
        heading = f"{sentence['title']} — {sentence['heading']}".strip(" —")
        if not runs or runs[-1][0] != heading:
            runs.append((heading, []))
        runs[-1][1].append(sentence["text"])
    return join_passages(with_heading(heading, " ".join(texts)) for heading, texts in runs)


def _summary_evidence(key: str, summary: Row, sections: Mapping[str, Row]) -> list[Row]:
    """Return the evidence of the section sentences that sentence ``key`` of ``summary`` rests on, each once."""
    _, part, place = key.split(".")
    sentences = [(name, sentence) for name in summary["sections"] for sentence in sections[name]["sentences"]]
    used: dict[tuple[str, int], Row] = {}
    for number in summary[part][int(place)]["from"]:
        if number > len(sentences):
            continue
        name, sentence = sentences[number - 1]
        available = sections[name]["evidence"]
        for note in sentence["notes"]:
            if note <= len(available):
                used.setdefault((name, note), available[note - 1])
    return list(used.values())


def training_pairs(pairs: Path, sections: Path) -> list[WrittenPair]:
    """Return the pairs of the collections that are not held out."""
    return [pair for pair in read_written(pairs, sections) if pair.collection not in HELD_OUT_COLLECTIONS]


def training_examples(pairs: Path, sections: Path) -> list[Example]:
    """Return the pairs of the collections that are not held out, those on one evidence together."""
    by_evidence: defaultdict[str, list[WrittenPair]] = defaultdict(list)
    for pair in training_pairs(pairs, sections):
        by_evidence[pair.evidence].append(pair)
    return [example for group in by_evidence.values() for example in _grouped(group)]


def _grouped(group: Sequence[WrittenPair]) -> Iterator[Example]:
    for at in range(0, len(group), PAIRS_PER_EXAMPLE):
        part = group[at : at + PAIRS_PER_EXAMPLE]
        claims = tuple(claim for pair in part for claim in pair.claims)
        yield Example(evidence=part[0].evidence, claims=claims, source=part[0].collection)


def development_pairs(pairs: Path, sections: Path) -> list[WrittenPair]:
    """Return the pairs of the collections held out."""
    return [pair for pair in read_written(pairs, sections) if pair.collection in HELD_OUT_COLLECTIONS]


def development_examples(pairs: Path, sections: Path) -> list[Example]:
    """Return the pairs of the collections held out, one an example; the source names collection and style."""
    return [
        Example(evidence=pair.evidence, claims=pair.claims, source=f"{pair.collection}, {pair.style}")
        for pair in development_pairs(pairs, sections)
    ]
