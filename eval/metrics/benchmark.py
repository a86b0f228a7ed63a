"""Read a retrieval benchmark in the layout of BEIR (Thakur et al., NeurIPS 2021).

The directory has ``corpus.jsonl`` (``_id``, ``title``, ``text``), ``queries.jsonl`` (``_id``, ``text``) and
``qrels/SPLIT.tsv`` (``query-id``, ``corpus-id``, ``score``, with a header).
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import UsageError
from rag.ingest import EXTRACTOR_VERSION
from rag.types import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """The queries of one split of a benchmark, and the place of its documents.

    Attributes:
        queries: the text of each query that has a relevant document, by id, in the order of the judgements.
        judgements: for each of these queries the relevance of the judged documents, by id.
    """

    directory: Path
    split: str
    queries: Mapping[str, str]
    judgements: Mapping[str, Mapping[str, int]]

    def documents(self) -> list[Document]:
        """Read the documents. One without a text has its title as the text; one without both is left out.

        Raises:
            UsageError: the corpus is malformed, or two documents have one id.
        """
        documents: dict[str, Document] = {}
        with _layout_errors(self.directory):
            for row in _rows(self.directory / "corpus.jsonl"):
                id_, title = str(row["_id"]), row.get("title") or ""
                if id_ in documents:
                    raise ValueError(f"corpus.jsonl has two documents with the id {id_}")
                if text := row["text"] if row["text"].strip() else title:
                    documents[id_] = Document(id=id_, title=title, text=text, source=id_)
        return list(documents.values())

    def corpus_digest(self) -> str:
        """Return SHA-256 in hex over the corpus and the version of the extractor, which change the index."""
        with _layout_errors(self.directory), (self.directory / "corpus.jsonl").open("rb") as file:
            corpus = hashlib.file_digest(file, "sha256").hexdigest()
        return hashlib.sha256(f"{EXTRACTOR_VERSION}\0{corpus}".encode()).hexdigest()

    def sample_queries(self, limit: int | None, seed: int) -> dict[str, str]:
        """Return ``limit`` queries drawn at random with ``seed``; all of them without a limit. The order stays."""
        if limit is None or limit >= len(self.queries):
            return dict(self.queries)
        drawn = set(random.Random(seed).sample(sorted(self.queries), limit))
        return {id_: text for id_, text in self.queries.items() if id_ in drawn}


def read_benchmark(directory: Path, split: str = "test") -> Benchmark:
    """Read the queries and judgements of ``split``.

    Raises:
        UsageError: the directory does not have the layout of BEIR, or not this split.
    """
    path = directory / "qrels" / f"{split}.tsv"
    splits = sorted(found.stem for found in path.parent.glob("*.tsv"))
    if splits and split not in splits:
        raise UsageError(f"{directory}: no split {split}; there is {', '.join(splits)}")
    judgements: dict[str, dict[str, int]] = {}
    with _layout_errors(directory):
        texts = {str(row["_id"]): str(row["text"]) for row in _rows(directory / "queries.jsonl")}
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                judgements.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
        judgements = {query: judged for query, judged in judgements.items() if max(judged.values()) > 0}
        if unknown := [query for query in judgements if query not in texts]:
            raise ValueError(f"queries.jsonl lacks query {unknown[0]} of qrels/{split}.tsv")
        if not judgements:
            raise ValueError(f"qrels/{split}.tsv judges no document relevant")
    return Benchmark(
        directory=directory, split=split, queries={id_: texts[id_] for id_ in judgements}, judgements=judgements
    )


@contextmanager
def _layout_errors(directory: Path) -> Iterator[None]:
    """Say of an error in reading a benchmark's files that the directory is not one."""
    try:
        yield
    except KeyError as error:
        raise UsageError(f"{directory}: not a benchmark in BEIR's layout: a row lacks {error}") from None
    except (OSError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(f"{directory}: not a benchmark in BEIR's layout: {error}") from None


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise ValueError(f"{path.name}, line {number}: {error}") from None
