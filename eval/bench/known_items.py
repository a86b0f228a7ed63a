"""Compare hybrid search with and without the reranker on known items of public collections.

    python -m eval.bench.known_items eval/cases/known_items.jsonl NAME=STORE… [--ranks FILE]

Each STORE is an index of the collection NAME, made by ``citebrief index``; collections without one are left out.
Searches as ``citebrief search`` does. Prints one JSON object a collection, and one of all of them. ``cpu_ms`` is
processor time a query, the mean over all of them, after a first one that is not counted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ..metrics.known_items import CUTOFF, KnownItemCase, compare_ranks, first_rank, read_known_items
from .measuring import measured, print_row

MODES = {"hybrid": False, "hybrid+rerank": True}


def main() -> None:
    """Print the figures of each collection and of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite")
    parser.add_argument("stores", nargs="+", metavar="NAME=STORE")
    parser.add_argument("--ranks", type=Path, help="a JSONL file to write, with the ranks of each question")
    args = parser.parse_args()
    cases = read_known_items(args.suite)
    rows: list[dict[str, object]] = []
    ranks: dict[str, list[int | None]] = {mode: [] for mode in MODES}
    for name, _, store in (each.partition("=") for each in args.stores):
        chosen = [case for case in cases if case.collection == name]
        found, milliseconds = _search(store, chosen)
        for place, case in enumerate(chosen):
            rows.append({"id": case.id, **{mode: found[mode][place] for mode in MODES}})
        for mode in MODES:
            ranks[mode] += found[mode]
        _print(name, found, milliseconds)
    _print("all", ranks, {})
    if args.ranks:
        args.ranks.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _search(store: str, cases: Sequence[KnownItemCase]) -> tuple[dict[str, list[int | None]], dict[str, float]]:
    """Return the ranks of the answers to ``cases`` by mode, and the milliseconds of a query."""
    from rag.embedding import load_embedder
    from rag.retrieval import search_index
    from rag.store import Index

    index = Index.open(store, load_embedder("minilm"))
    ranks: dict[str, list[int | None]] = {}
    milliseconds: dict[str, float] = {}
    for mode, rerank in MODES.items():
        search_index(index, "Loads the models.", k=CUTOFF, rerank=rerank)
        ranks[mode], spent = [], 0.0
        for case in cases:
            with measured() as seconds:
                hits = search_index(index, case.question, k=CUTOFF, rerank=rerank)
            spent += seconds["cpu"]
            ranks[mode].append(first_rank((hit.chunk for hit in hits), case.is_answered_by))
        milliseconds[mode] = 1e3 * spent / len(cases)
    index.close()
    return ranks, milliseconds


def _print(name: str, ranks: dict[str, list[int | None]], milliseconds: dict[str, float]) -> None:
    figures = compare_ranks(ranks["hybrid"], ranks["hybrid+rerank"])
    print_row(
        collection=name,
        n=len(ranks["hybrid"]),
        **{measure: asdict(each) for measure, each in figures.items()},
        cpu_ms=milliseconds,
    )


if __name__ == "__main__":
    main()
