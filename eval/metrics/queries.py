"""Measure what a query's wording costs: the rank of a passage that answers it, by kind of query and mode of retrieval.

The suite ``eval/cases/queries.jsonl`` has 60 queries over three collections, ten of each kind, each with the anchors of
the passages that answer it, which were found by reading. Where a query has a ``clean`` wording, both are measured:
their difference is the loss through typing errors, other spellings, other notations or other marks.

The collections are ``corpus``, the folder ``corpus/``; ``mueller``, the two volumes of the Mueller report as Markdown;
and ``govuk``, the folder ``source/manual`` of github.com/alphagov/govuk-developer-docs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from rag.retrieval import reword_query
from rag.store import Index
from rag.types import Chunk

from ..runner.cases import NonEmptyText, SuiteRow, read_suite
from ..runner.coverage_cases import AspectPlace
from .known_items import first_rank
from .retrieval import modes as retrieval_modes

Kind = Literal["long", "vague", "misspelt", "spelling", "numbers", "marks"]
Half = Literal["tune", "report"]

SEARCHED_CHUNKS = 50
"""Chunks retrieved for each query; an answer below them counts as not found."""

OnSearched = Callable[[str, int, int], None]
"""Called with a mode and how many of how many queries were searched."""


class QueryCase(SuiteRow):
    """A query over the collection ``collection``, its ``question``, and the places that answer it.

    ``kind`` says what is difficult about it; ``clean`` is the same question without the difficulty.
    """

    collection: NonEmptyText
    kind: Kind
    clean: NonEmptyText | None = None
    places: tuple[AspectPlace, ...] = Field(min_length=1)

    def is_answered_by(self, chunk: Chunk) -> bool:
        """Whether ``chunk`` is one of the places: it has the words of the anchor and is of its document."""
        return any(place.is_in(chunk.document_id, chunk.text) for place in self.places)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRanks:
    """The rank of the first answering passage by mode, for the query and for its clean wording; None if not found."""

    case: QueryCase
    half: Half
    ranks: Mapping[str, int | None]
    clean: Mapping[str, int | None] | None


def read_query_cases(path: str | Path) -> list[QueryCase]:
    """Read a suite of queries. Raises as :func:`rag.eval.runner.cases.read_suite`."""
    return read_suite(path, QueryCase)


def halves(cases: Iterable[QueryCase]) -> dict[str, Half]:
    """Return the half of each case, by id: the cases of a kind alternate, so that each half has as many of a kind."""
    seen: defaultdict[str, int] = defaultdict(int)
    found: dict[str, Half] = {}
    for case in cases:
        found[case.id] = "report" if seen[case.kind] % 2 else "tune"
        seen[case.kind] += 1
    return found


def measure_queries(
    cases: Sequence[QueryCase],
    indexes: Mapping[str, Index],
    modes: Sequence[str],
    *,
    half: str | None = None,
    as_written: bool = False,
    on_searched: OnSearched = lambda *_: None,
) -> list[QueryRanks]:
    """Search the collections of ``indexes`` for the ``cases`` over them, all or those of one ``half``.

    Queries are reworded first, as the product does it, unless they are to be searched ``as_written``.
    """
    half_of = halves(cases)
    chosen = [case for case in cases if case.collection in indexes and half in (None, half_of[case.id])]

    def wording(index: Index, query: str) -> str:
        return query if as_written else reword_query(index, query)

    ranks: dict[str, dict[str, int | None]] = {case.id: {} for case in chosen}
    clean: dict[str, dict[str, int | None]] = {case.id: {} for case in chosen if case.clean is not None}
    for mode in modes:
        search = retrieval_modes(SEARCHED_CHUNKS)[mode]
        for done, case in enumerate(chosen, 1):
            index = indexes[case.collection]
            ranks[case.id][mode] = first_rank(search(index, wording(index, case.question)), case.is_answered_by)
            if case.clean is not None:
                clean[case.id][mode] = first_rank(search(index, wording(index, case.clean)), case.is_answered_by)
            on_searched(mode, done, len(chosen))
    return [
        QueryRanks(case=case, half=half_of[case.id], ranks=ranks[case.id], clean=clean.get(case.id)) for case in chosen
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How well ``n`` queries found an answering passage: shares within the first 1, 5 and 10, and mean 1 ÷ rank."""

    n: int
    success_1: float
    success_5: float
    success_10: float
    mrr: float


def summarize_ranks(ranks: Sequence[int | None]) -> Found:
    """Return the measures of ``ranks``, which are at least one; a query without a rank counts as 0."""

    def share(limit: int) -> float:
        return sum(rank is not None and rank <= limit for rank in ranks) / len(ranks)

    return Found(
        n=len(ranks),
        success_1=share(1),
        success_5=share(5),
        success_10=share(10),
        mrr=sum(1 / rank for rank in ranks if rank is not None) / len(ranks),
    )


def summarize_queries(measured: Sequence[QueryRanks]) -> dict[str, dict[str, dict[str, Found]]]:
    """Return kind → wording ("query", "clean") → mode → measures; the kind "all" has the queries of every kind.

    "query" is over all queries of a kind. "clean" is over those that have a clean wording, and "noisy" over the same
    ones as they are written, so that "noisy" and "clean" compare.
    """
    summary: dict[str, dict[str, dict[str, Found]]] = {}
    for kind in (*dict.fromkeys(row.case.kind for row in measured), "all"):
        rows = [row for row in measured if kind in (row.case.kind, "all")]
        pairs = [(row.ranks, row.clean) for row in rows if row.clean is not None]
        summary[kind] = {"query": _by_mode([row.ranks for row in rows])}
        if pairs:
            summary[kind] |= {"noisy": _by_mode([a for a, _ in pairs]), "clean": _by_mode([b for _, b in pairs])}
    return summary


def queries_json(measured: Sequence[QueryRanks]) -> dict[str, Any]:
    """Return the summary and the rank of every query as ``citebrief eval queries --json`` prints them."""
    summary = {
        kind: {wording: {mode: asdict(found) for mode, found in modes.items()} for wording, modes in wordings.items()}
        for kind, wordings in summarize_queries(measured).items()
    }
    ranks = [
        {"id": row.case.id, "half": row.half, "ranks": dict(row.ranks), "clean": row.clean and dict(row.clean)}
        for row in measured
    ]
    return {"summary": summary, "queries": ranks}


def format_queries(measured: Sequence[QueryRanks]) -> str:
    """Format the summary as a table for a terminal: S@k is the share of queries answered within the first k."""
    lines = [f"{'kind':10}{'wording':9}{'n':>3}  {'mode':14}{'S@1':>6}{'S@5':>6}{'S@10':>6}{'MRR':>7}"]
    for kind, wordings in summarize_queries(measured).items():
        for wording, modes in wordings.items():
            if wording == "noisy" and modes == wordings["query"]:
                continue
            lines += [
                f"{kind:10}{wording:9}{found.n:>3}  {mode:14}"
                f"{found.success_1:>6.2f}{found.success_5:>6.2f}{found.success_10:>6.2f}{found.mrr:>7.3f}"
                for mode, found in modes.items()
            ]
    return "\n".join(lines)


def _by_mode(rows: Sequence[Mapping[str, int | None]]) -> dict[str, Found]:
    return {mode: summarize_ranks([row[mode] for row in rows]) for mode in (rows[0] if rows else ())}
