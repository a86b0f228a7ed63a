"""Score the candidates of the queries held out: write the logits, from which figures and the weight are computed. ::

    python -m eval.training.reranker.score --base BASE --weights work/run/weights.safetensors --mined work/reranker \\
                                           --out work/scores.jsonl
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rag.retrieval.reranker.network import RerankNetwork, pair_logits
from rag.retrieval.reranker.pairs import PairFormat

from ..verifier.examples import read_rows
from .collection import HELD_OUT
from .mined import MinedQuery, mined_names, read_mined
from .tokens import CollectionTokens, Tokeniser
from .weights import load_network

POOL = 30
"""Candidates of a query that are scored, as many as the product reranks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredQuery:
    """A query held out with the logits of its candidates and of its labelled passages: a row of the file of scores.

    Attributes:
        query: with the candidates that were scored.
        units: of each candidate the id that ``query.relevant`` speaks of: its document's or its own.
        logits: of each candidate.
        labelled: logits of the labelled passages, by id.
    """

    query: MinedQuery
    units: tuple[str, ...]
    logits: tuple[float, ...]
    labelled: dict[str, float]


def score_queries(
    network: RerankNetwork,
    form: PairFormat,
    queries: Sequence[MinedQuery],
    tokens: CollectionTokens,
    documents: dict[str, str],
) -> Iterator[ScoredQuery]:
    """Yield ``queries`` with the logits of the first :data:`POOL` candidates.

    Args:
        network: ready for inference.
        form: of the pairs.
        queries: of one collection.
        tokens: the collection's.
        documents: the document of each passage, by id.
    """
    import torch

    for query in queries:
        candidates = query.candidates[:POOL]
        passages = list(dict.fromkeys([*candidates, *query.labels]))
        with torch.inference_mode():
            found = pair_logits(network, form, [tokens.pair(query, id_) for id_ in passages], 6000).tolist()
        logits = {id_: round(value, 4) for id_, value in zip(passages, found, strict=True)}
        yield ScoredQuery(
            query=replace(query, candidates=candidates, scores=query.scores[:POOL]),
            units=tuple(documents[id_] if query.by_document else id_ for id_ in candidates),
            logits=tuple(logits[id_] for id_ in candidates),
            labelled={id_: logits[id_] for id_ in query.labels},
        )


def read_rerank_scores(path: Path) -> list[ScoredQuery]:
    """Read a file of scores."""
    return [
        ScoredQuery(
            query=MinedQuery(**row["query"]),
            units=tuple(row["units"]),
            logits=tuple(row["logits"]),
            labelled=row["labelled"],
        )
        for row in read_rows(path)
    ]


def main() -> None:
    """Write the logits of the queries held out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="directory of the base model")
    parser.add_argument("--weights", type=Path, required=True, help="trained parameters or a difference")
    parser.add_argument("--mined", type=Path, required=True, help="directory that prepare has written")
    parser.add_argument("--out", type=Path, required=True, help="file of scores to write")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="collections to score; all by default")
    parser.add_argument("--queries", type=int, default=160, help="queries of each collection; 0 for all")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    network = load_network(options.base, options.weights, options.device)
    tokeniser = Tokeniser(options.base, options.mined)
    with options.out.open("w", encoding="utf-8") as out:
        for name in options.only or mined_names(options.mined):
            mined = read_mined(options.mined, name)
            queries = [query for query in mined.queries if query.split == HELD_OUT]
            if 0 < options.queries < len(queries):
                queries = random.Random(0).sample(queries, options.queries)
            documents = {id_: passage.document for id_, passage in mined.passages.items()}
            for scored in score_queries(network, tokeniser.form, queries, tokeniser.tokens(mined), documents):
                out.write(json.dumps(asdict(scored)) + "\n")
            print(f"{name}: {len(queries)} queries", flush=True)


if __name__ == "__main__":
    main()
