"""Coverage of a brief's evidence: the share of the aspects of a good answer that a passage of the evidence states.

Recall of aspects at a budget of tokens, as aspect recall of diversified search (Zhai, Cohen & Lafferty, "Beyond
independent relevance", SIGIR 2003): a brief cannot say what its writer was not shown. The mean is over questions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from rag.embedding import count_tokens
from rag.retrieval import search_index
from rag.types import Chunk, Hit, Question

from ..runner.coverage_cases import Aspect, AspectPlace, CoverageCase
from .intervals import bootstrap_mean

if TYPE_CHECKING:
    from rag.store import Index
    from rag.writing.session import Session

DEFAULT_BUDGETS = (2_000, 4_000, 12_000)
"""Budgets in tokens: what a small model reads, what a section's prompt holds, what a large model chooses from."""

MAX_SEARCH_HITS = 500
"""Maximum hits of one search, the limit of the setting ``k``."""

OUTLINE = "outline"
"""The name of the passages of the outline that is made without a model, whatever their length."""

COVERED, OTHER_PASSAGE, OTHER_DOCUMENT = "covered", "other passage", "other document"
"""What the evidence has of an aspect: a passage that states it; only other passages of its documents; none of these."""

Search = Callable[[int], Sequence[Hit]]
"""Returns the given number of hits for one question, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceCoverage:
    """What one choice of evidence covers: its ``passages`` and ``tokens``, and the status of each aspect."""

    passages: int
    tokens: int
    statuses: tuple[str, ...]

    @property
    def coverage(self) -> float:
        """The share of the aspects that are covered, 0 to 1."""
        return self.statuses.count(COVERED) / len(self.statuses)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseCoverage:
    """The coverage of one case, by budget (and :data:`OUTLINE`).

    ``ranks`` has, for each aspect, the rank of the first hit that states it in the longest ranking, of ``depth`` hits,
    or None.
    """

    case: CoverageCase
    by_evidence: dict[str, EvidenceCoverage]
    ranks: tuple[int | None, ...]
    depth: int


def measure_case(
    case: CoverageCase, index: Index, session: Session | None, budgets: Sequence[int], *, k: int
) -> CaseCoverage:
    """Measure the coverage of ``case`` at each of ``budgets``, and of the outline's passages if ``session`` is given.

    Args:
        case: the case.
        index: the index of the case's collection.
        session: makes the outline, without a model.
        budgets: numbers of tokens.
        k: hits that a search of the product returns.
    """
    rankings: list[Sequence[Hit]] = []

    @cache
    def search(depth: int) -> Sequence[Hit]:
        rankings.append(search_index(index, case.question, k=depth))
        return rankings[-1]

    by_evidence = {str(budget): coverage_of(case.aspects, fill_budget(search, budget, k=k)) for budget in budgets}
    if session is not None:
        _, outline = session.outline(Question(id=case.id, text=case.question))
        outlined = {each.chunk.id: each.chunk for section in outline.sections for each in section.evidence}
        by_evidence[OUTLINE] = coverage_of(case.aspects, list(outlined.values()))
    longest = max(rankings, key=len, default=())
    ranks = tuple(
        next((hit.rank for hit in longest if aspect.is_stated_in(hit.chunk.document_id, hit.chunk.text)), None)
        for aspect in case.aspects
    )
    return CaseCoverage(case=case, by_evidence=by_evidence, ranks=ranks, depth=len(longest))


def fill_budget(search: Search, budget: int, *, k: int) -> list[Chunk]:
    """Return the best hits that together have at most ``budget`` tokens.

    Where ``k`` hits leave room, the search is repeated with twice as many.
    """
    while True:
        hits = search(k)
        chosen: list[Chunk] = []
        tokens = 0
        for hit in hits:
            tokens += evidence_tokens(hit.chunk)
            if tokens > budget:
                return chosen
            chosen.append(hit.chunk)
        if len(hits) < k or k >= MAX_SEARCH_HITS:
            return chosen
        k = min(2 * k, MAX_SEARCH_HITS)


@lru_cache(maxsize=4_096)
def evidence_tokens(chunk: Chunk) -> int:
    """Count the encoder's tokens of ``chunk`` as a prompt shows it, with alias, title and headings."""
    return count_tokens(f"E10 [{chunk.context}]\n{chunk.text}")


def coverage_of(aspects: Sequence[Aspect], chunks: Sequence[Chunk]) -> EvidenceCoverage:
    """Return what ``chunks`` cover of ``aspects``."""
    return EvidenceCoverage(
        passages=len(chunks),
        tokens=sum(map(evidence_tokens, chunks)),
        statuses=tuple(_status(aspect, chunks) for aspect in aspects),
    )


def _status(aspect: Aspect, chunks: Sequence[Chunk]) -> str:
    if any(aspect.is_stated_in(chunk.document_id, chunk.text) for chunk in chunks):
        return COVERED
    documents = {place.document_id for place in aspect.places}
    return OTHER_PASSAGE if any(chunk.document_id in documents for chunk in chunks) else OTHER_DOCUMENT


def places_not_indexed(places: Iterable[tuple[str, AspectPlace]], index: Index) -> list[str]:
    """Return the places, each with its case's id, whose words the indexed documents do not have.

    Each is ``case id: document id: anchor``.
    """

    @lru_cache(maxsize=8)
    def text(document_id: str) -> str:
        document = index.catalogue.document(document_id)
        return document.text if document else ""

    return [
        f"{case_id}: {place.document_id}: {place.anchor}"
        for case_id, place in places
        if not place.is_in(place.document_id, text(place.document_id))
    ]


def coverage_report(results: Sequence[CaseCoverage]) -> dict[str, Any]:
    """Return the figures by collection and evidence, and the status of each aspect of each case."""
    names = list(dict.fromkeys(result.case.collection for result in results))
    groups = {name: [result for result in results if result.case.collection == name] for name in names}
    if len(names) > 1:
        groups["all"] = list(results)
    return {
        "collections": {name: _figures(group) for name, group in groups.items()},
        "cases": [_case_row(result) for result in results],
    }


def _figures(results: Sequence[CaseCoverage]) -> dict[str, Any]:
    evidence = {}
    for name in results[0].by_evidence:
        measured = [result.by_evidence[name] for result in results]
        interval = bootstrap_mean([each.coverage for each in measured])
        statuses = [status for each in measured for status in each.statuses]
        evidence[name] = {
            "coverage": round(interval.mean, 3) if interval else None,
            "low": round(interval.low, 3) if interval and interval.low is not None else None,
            "high": round(interval.high, 3) if interval and interval.high is not None else None,
            "passages": round(sum(each.passages for each in measured) / len(measured), 1),
            "tokens": round(sum(each.tokens for each in measured) / len(measured)),
            **{status: statuses.count(status) for status in (COVERED, OTHER_PASSAGE, OTHER_DOCUMENT)},
        }
    return {
        "questions": len(results),
        "aspects": sum(len(result.case.aspects) for result in results),
        "evidence": evidence,
    }


def _case_row(result: CaseCoverage) -> dict[str, Any]:
    return {
        "id": result.case.id,
        "collection": result.case.collection,
        "question": result.case.question,
        "depth": result.depth,
        "evidence": {
            name: {"coverage": round(each.coverage, 3), "passages": each.passages, "tokens": each.tokens}
            for name, each in result.by_evidence.items()
        },
        "aspects": [
            {
                "text": aspect.text,
                "rank": result.ranks[at],
                **{name: each.statuses[at] for name, each in result.by_evidence.items()},
            }
            for at, aspect in enumerate(result.case.aspects)
        ],
    }


def format_coverage(report: dict[str, Any]) -> str:
    """Format the result of :func:`coverage_report` for a terminal: a table, then what the largest budget misses."""
    lines = [f"{'collection':14} {'tokens':>7}  coverage (95 %)       passages  missed: other passage, other document"]
    for name, figures in report["collections"].items():
        for evidence, row in figures["evidence"].items():
            interval = "" if row["low"] is None else f" ({row['low']:.2f} to {row['high']:.2f})"
            lines.append(
                f"{name:14} {evidence:>7}  {row['coverage']:.3f}{interval:17}  {row['passages']:8}"
                f"  {row[OTHER_PASSAGE]:8} {row[OTHER_DOCUMENT]:15}"
            )
        lines.append(f"{'':14} {figures['questions']} questions, {figures['aspects']} aspects")
    for case in report["cases"]:
        largest = max((name for name in case["evidence"] if name != OUTLINE), key=int)
        missed = [aspect for aspect in case["aspects"] if aspect[largest] != COVERED]
        if missed:
            lines.append(f"\n{case['id']}: {case['question']}")
        for aspect in missed:
            rank = f"rank {aspect['rank']}" if aspect["rank"] else f"not among {case['depth']} hits"
            lines.append(f"  missed at {largest} ({aspect[largest]}; {rank}): {aspect['text']}")
    return "\n".join(lines)
