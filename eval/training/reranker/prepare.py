"""Mine candidates for the queries of all collections, once. ::

    python -m eval.training.reranker.prepare --data DATA --scifact SCIFACT \\
        --rationales DATA/support/train_scifact.jsonl --squad xquad.en.json --covidqa covidqa.json \\
        --pubmedqa ori_pqal.json --medquad MEDQUAD --out work/reranker

Each collection is embedded with the packaged encoder and searched as the product searches. A collection that is
complete in ``--out`` is not made again, so that the same command goes on after a stop.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from . import own, public
from .collection import HELD_OUT, TRAIN, Collection
from .mined import mined_names, write_mined
from .mining import mine


def limited(collection: Collection, queries: int) -> Collection:
    """Return ``collection`` with at most ``queries`` queries of each split, the same ones in every run."""
    order = sorted(collection.queries, key=lambda query: hashlib.sha256(query.id.encode()).digest())
    kept = [
        query for split in (TRAIN, HELD_OUT) for query in [query for query in order if query.split == split][:queries]
    ]
    return replace(collection, queries=kept)


def readers(options: argparse.Namespace) -> dict[str, Callable[[], Collection]]:
    """Return a function for each collection whose place is given, by name."""
    found: dict[str, Callable[[], Collection]] = {}
    if options.data is not None:
        found["questions"] = lambda: own.read_questions(options.data)
        found["claims"] = lambda: own.read_claims(options.data)
    if options.scifact is not None:
        found["scifact"] = lambda: own.read_scifact(options.scifact, options.rationales)
    if options.squad:
        found["squad"] = lambda: public.read_squad(options.squad)
    if options.covidqa is not None:
        found["covidqa"] = lambda: public.read_squad([options.covidqa], "covidqa")
    if options.pubmedqa is not None:
        found["pubmedqa"] = lambda: public.read_pubmedqa(options.pubmedqa)
    if options.medquad is not None:
        found["medquad"] = lambda: public.read_medquad(options.medquad)
    return found


def arguments() -> argparse.ArgumentParser:
    """Return the command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="directory with prose and questions")
    parser.add_argument("--scifact", type=Path, help="directory in BEIR's layout with qrels/train.tsv")
    parser.add_argument("--rationales", type=Path, help="SciFact's train claims with the sentences that decide them")
    parser.add_argument("--squad", type=Path, nargs="*", default=[], help="files in SQuAD's format")
    parser.add_argument("--covidqa", type=Path, help="COVID-QA, in SQuAD's format")
    parser.add_argument("--pubmedqa", type=Path, help="ori_pqal.json of PubMedQA")
    parser.add_argument("--medquad", type=Path, help="directory of MedQuAD")
    parser.add_argument("--out", type=Path, required=True, help="directory to write to")
    parser.add_argument("--queries", type=int, default=4000, help="queries of each collection and split at the most")
    return parser


def main() -> None:
    """Write the mined collections."""
    options = arguments().parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, read in readers(options).items():
        if name in mined_names(options.out):
            print(f"{name}: complete", flush=True)
            continue
        mined = mine(limited(read(), options.queries), options.out / "indexes")
        write_mined(options.out, mined)
        kept = sum(query.split == TRAIN for query in mined.queries)
        held_out = len(mined.queries) - kept
        print(f"{name}: {kept} queries to train on, {held_out} held out, {len(mined.passages)} chunks", flush=True)


if __name__ == "__main__":
    main()
