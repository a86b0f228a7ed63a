"""Collections from public sets of questions on passages. See README.md for their licences."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from rag.types import Document

from .collection import FULL, Collection, Judgement, Query, split_of

MEDQUAD_DOCUMENTS = 700
MEDQUAD_WORDS = 250
"""Longest answer that is taken: of a longer one most chunks do not answer the question by themselves."""


def read_squad(paths: Sequence[Path], name: str = "squad") -> Collection:
    """Return the contexts and questions of files in SQuAD's format; questions without an answer are left out.

    Articles are held out whole. A context may be a passage or a whole paper.
    """
    documents, queries = [], []
    for path in paths:
        for number, article in enumerate(json.loads(path.read_text(encoding="utf-8"))["data"]):
            title = article.get("title", "").replace("_", " ")
            split = split_of(f"{path.stem} {title or number}")
            for at, paragraph in enumerate(article["paragraphs"]):
                id_ = f"{path.stem}-{number}-{at}"
                documents.append(Document(id=id_, title=title, text=paragraph["context"], source=id_))
                for row in paragraph["qas"]:
                    spans = {
                        (answer["answer_start"], answer["answer_start"] + len(answer["text"]))
                        for answer in row["answers"]
                    }
                    if spans:
                        judgement = Judgement(document=id_, label=FULL, spans=tuple(sorted(spans)[:1]))
                        key = f"{path.stem}-{row['id']}"
                        queries.append(Query(id=key, text=row["question"], split=split, judgements=(judgement,)))
    return Collection(name=name, documents=documents, queries=queries, index=name, by_document=False)


def read_pubmedqa(path: Path) -> Collection:
    """Return the abstracts and questions of ``ori_pqal.json``. A question is its paper's title; none is given."""
    documents, queries = [], []
    for id_, row in json.loads(path.read_text(encoding="utf-8")).items():
        text = " ".join([*row["CONTEXTS"], row["LONG_ANSWER"]])
        documents.append(Document(id=id_, title="", text=text, source=id_))
        judgement = Judgement(document=id_, label=FULL)
        queries.append(Query(id=id_, text=row["QUESTION"], split=split_of(f"pubmedqa {id_}"), judgements=(judgement,)))
    return Collection(name="pubmedqa", documents=documents, queries=queries, index="pubmedqa", by_document=True)


def read_medquad(directory: Path) -> Collection:
    """Return :data:`MEDQUAD_DOCUMENTS` documents of MedQuAD, each the answers on one disease, and their questions.

    The same documents in every run. Documents are held out whole.
    """
    from lxml import etree

    paths = {path.relative_to(directory).as_posix(): path for path in directory.rglob("*.xml")}
    documents: list[Document] = []
    queries: list[Query] = []
    for id_ in sorted(paths, key=lambda id_: hashlib.sha256(id_.encode()).digest()):
        root = etree.parse(str(paths[id_])).getroot()
        pairs = list(_answered(root))
        if not pairs:
            continue
        title = (root.findtext("Focus") or "").strip()
        text = ""
        for number, (question, answer) in enumerate(pairs):
            start = len(text)
            text += f"{answer}\n\n"
            if len(answer.split()) <= MEDQUAD_WORDS:
                judgement = Judgement(document=id_, label=FULL, spans=((start, start + len(answer)),))
                split = split_of(f"medquad {id_}")
                queries.append(Query(id=f"{id_}-{number}", text=question, split=split, judgements=(judgement,)))
        documents.append(Document(id=id_, title=title, text=text, source=id_))
        if len(documents) == MEDQUAD_DOCUMENTS:
            break
    return Collection(name="medquad", documents=documents, queries=queries, index="medquad", by_document=False)


def _answered(root: object) -> Iterator[tuple[str, str]]:
    """Yield the questions of a document that have an answer, and the answer with its white space made plain."""
    for pair in root.iter("QAPair"):  # type: ignore[attr-defined]  # lxml has no types
        question = " ".join((pair.findtext("Question") or "").split())
        answer = " ".join((pair.findtext("Answer") or "").split())
        if question and answer:
            yield question, answer
