"""Coverage of evidence: how a budget is filled, what is covered, and the figures of several cases."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rag.eval.metrics.coverage import (
    COVERED,
    MAX_SEARCH_HITS,
    OTHER_DOCUMENT,
    OTHER_PASSAGE,
    CaseCoverage,
    EvidenceCoverage,
    coverage_of,
    coverage_report,
    evidence_tokens,
    fill_budget,
    format_coverage,
)
from rag.eval.runner.coverage_cases import Aspect, AspectPlace, CoverageCase
from rag.types import Chunk, Hit


def chunk(text: str, document_id: str = "a.md") -> Chunk:
    """A chunk at the start of its document."""
    return Chunk(id=text, document_id=document_id, text=text, start=0, end=len(text), title="Tunnel")


HITS = [Hit(chunk=chunk(f"passage number {at}"), rank=at, score=1.0, found_by=()) for at in range(1, 1001)]
TOKENS = evidence_tokens(HITS[0].chunk)


class CountedSearch:
    """A search over the first ``available`` of :data:`HITS` that records the depths it was called with."""

    def __init__(self, available: int) -> None:
        self.available = available
        self.depths: list[int] = []

    def __call__(self, depth: int) -> Sequence[Hit]:
        self.depths.append(depth)
        return HITS[: min(depth, self.available)]


def test_a_budget_is_filled_with_the_best_hits_that_fit() -> None:
    search = CountedSearch(1000)
    assert fill_budget(search, 3 * TOKENS + 1, k=40) == [hit.chunk for hit in HITS[:3]]
    assert search.depths == [40]


def test_the_search_goes_deeper_until_the_budget_is_full() -> None:
    search = CountedSearch(1000)
    tokens = sum(evidence_tokens(hit.chunk) for hit in HITS[:130])
    assert len(fill_budget(search, tokens, k=40)) == 130
    assert search.depths == [40, 80, 160]


@pytest.mark.parametrize(("available", "found"), [(50, 50), (1000, MAX_SEARCH_HITS)])
def test_the_search_ends_with_the_index_or_at_its_limit(available: int, found: int) -> None:
    assert len(fill_budget(CountedSearch(available), 10**9, k=40)) == found


def test_an_aspect_is_covered_or_its_document_is_there_or_nothing_is() -> None:
    aspects = [
        Aspect(text="Water.", places=(AspectPlace(document_id="a.md", anchor="water ran in"),)),
        Aspect(text="Concrete.", places=(AspectPlace(document_id="a.md", anchor="waterproof concrete"),)),
        Aspect(text="Seeds.", places=(AspectPlace(document_id="b.md", anchor="no seeds"),)),
    ]
    found = coverage_of(aspects, [chunk("Then water ran in."), chunk("The end.", "c.md")])
    assert found.statuses == (COVERED, OTHER_PASSAGE, OTHER_DOCUMENT)
    assert found.coverage == pytest.approx(1 / 3)
    assert found.passages == 2
    assert found.tokens == evidence_tokens(chunk("Then water ran in.")) + evidence_tokens(chunk("The end.", "c.md"))


def result(id_: str, collection: str, statuses: tuple[str, ...]) -> CaseCoverage:
    """A result at the budget of 2,000 tokens."""
    place = AspectPlace(document_id="a.md", anchor="b")
    aspects = tuple(Aspect(text=f"Aspect {at}.", places=(place,)) for at in range(len(statuses)))
    return CaseCoverage(
        case=CoverageCase(id=id_, collection=collection, question="Why?", aspects=aspects),
        by_evidence={"2000": EvidenceCoverage(passages=9, tokens=1900, statuses=statuses)},
        ranks=(1, 2, 30, None),
        depth=40,
    )


def test_the_report_gives_the_mean_over_questions_by_collection() -> None:
    results = [
        result("first", "one", (COVERED, COVERED, OTHER_PASSAGE, OTHER_DOCUMENT)),
        result("second", "one", (COVERED,) * 4),
        result("third", "two", (COVERED, COVERED, OTHER_PASSAGE, COVERED)),
    ]
    report = coverage_report(results)
    assert {name: group["evidence"]["2000"]["coverage"] for name, group in report["collections"].items()} == {
        "one": 0.75,
        "two": 0.75,
        "all": 0.75,
    }
    figures = report["collections"]["one"]
    assert (figures["questions"], figures["aspects"]) == (2, 8)
    assert (figures["evidence"]["2000"]["low"], figures["evidence"]["2000"]["high"]) == (0.5, 1.0)
    assert figures["evidence"]["2000"][OTHER_PASSAGE] == 1
    text = format_coverage(report)
    assert "missed at 2000 (other passage; rank 30): Aspect 2." in text
    assert "missed at 2000 (other document; not among 40 hits): Aspect 3." in text
    assert "second" not in text
