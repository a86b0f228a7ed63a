"""Collections from SciFact's train queries and from the questions and claims that were written for this project."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path

from rag.types import Document

from ..verifier.examples import read_rows
from ..verifier.prose import HELD_OUT_DOMAINS, Passage, read_passages, read_units
from .collection import FULL, HELD_OUT, NONE, PART, TRAIN, Collection, Judgement, Query, Spans, split_of

LABELS = {"full": FULL, "part": PART, "no": NONE}
"""Labels by the word for them in ``questions.jsonl``."""


def read_scifact(directory: Path, rationales: Path | None = None) -> Collection:
    """Return SciFact's documents and train queries, from a directory in BEIR's layout. Test queries are not read.

    Args:
        directory: with ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/train.tsv``.
        rationales: file of train claims (``claim``) and the sentences of the abstract that decide them (``evidence``).
            Without a claim's rationale it is not known which part of the abstract is the relevant one.
    """
    documents = [
        Document(id=str(row["_id"]), title=row["title"], text=row["text"], source=str(row["_id"]))
        for row in read_rows(directory / "corpus.jsonl")
        if row["text"].strip()
    ]
    abstracts = {document.id: document.text for document in documents}
    texts = {str(row["_id"]): row["text"] for row in read_rows(directory / "queries.jsonl")}
    evidence: dict[str, list[str]] = {}
    for row in read_rows(rationales) if rationales is not None else []:
        evidence.setdefault(row["claim"], []).append(row["evidence"].strip())
    relevant: dict[str, list[Judgement]] = {}
    with (directory / "qrels" / "train.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if int(row["score"]) > 0:
                query, document = row["query-id"], row["corpus-id"]
                abstract = abstracts.get(document, "")
                found = [(abstract.find(text), text) for text in evidence.get(texts[query], ())]
                spans: list[Spans] = [((start, start + len(text)),) for start, text in found if start >= 0]
                relevant.setdefault(query, []).extend(
                    Judgement(document=document, label=FULL, spans=each) for each in spans or [()]
                )
    queries = [
        Query(id=query, text=texts[query], split=split_of(f"scifact {query}"), judgements=tuple(judgements))
        for query, judgements in relevant.items()
    ]
    return Collection(name="scifact", documents=documents, queries=queries, index="scifact", by_document=True)


def read_questions(data: Path) -> Collection:
    """Return the passages of DATA/prose and the questions of DATA/questions on them.

    A near miss is a query whose own passage has the label :data:`NONE`.
    """
    passages = read_passages(data / "prose")
    queries = []
    for row in read_rows(data / "questions" / "questions.jsonl"):
        passage = passages[row["passage"]]
        judgement = Judgement(
            document=passage.id, label=LABELS[row["answers"]], spans=sentence_spans(passage, row["by"])
        )
        queries.append(
            Query(id=row["id"], text=row["question"], split=_split_of_domain(passage), judgements=(judgement,))
        )
    return Collection(
        name="questions", documents=_documents(passages.values()), queries=queries, index="prose", by_document=False
    )


def read_claims(data: Path) -> Collection:
    """Return the passages of DATA/prose and the true claims on them as queries."""
    passages = read_passages(data / "prose")
    queries = [
        Query(
            id=f"{key}.{number}",
            text=unit.claim.text,
            split=_split_of_domain(passages[key]),
            judgements=(Judgement(document=key, label=FULL, spans=sentence_spans(passages[key], sorted(unit.needs))),),
        )
        for key, units in read_units(data / "prose").items()
        for number, unit in enumerate(units)
        if unit.claim.supported
    ]
    return Collection(
        name="claims", documents=_documents(passages.values()), queries=queries, index="prose", by_document=False
    )


def _documents(passages: Iterable[Passage]) -> list[Document]:
    return [
        Document(id=passage.id, title=passage.title, text=" ".join(passage.sentences), source=passage.id)
        for passage in passages
    ]


def sentence_spans(passage: Passage, numbers: Sequence[int]) -> Spans:
    """Return the places of the sentences ``numbers`` (from 1) in the text of the passage's document."""
    ends = list(accumulate(len(sentence) + 1 for sentence in passage.sentences))
    return tuple(
        (ends[number - 1] - len(passage.sentences[number - 1]) - 1, ends[number - 1] - 1)
        for number in numbers
        if 1 <= number <= len(ends)
    )


def _split_of_domain(passage: Passage) -> str:
    return HELD_OUT if passage.domain in HELD_OUT_DOMAINS else TRAIN
