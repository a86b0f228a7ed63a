"""citebrief by its command line: ``citebrief index``, ``citebrief ask``; the search is timed in this process."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .interface import Answer, Options, Passage, core_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rag.config import Settings
    from rag.store import Index

INSUFFICIENT_EVIDENCE = 3
"""Exit status of ``citebrief ask`` where the documents do not answer."""


class CitebriefCommand:
    """citebrief with the writer ``llm``, a spec such as ``local`` or ``extractive``.

    With ``local`` it runs its own server of the packaged model, with the same parameters as the shared one.
    """

    packages = ("citebrief", "chromadb", "sentence-transformers", "xllamacpp")

    def __init__(self, llm: str) -> None:
        self._llm = llm
        self._open = cache(self._open_index)

    def index(self, folder: Path, store: Path) -> int:
        """Run ``citebrief index``."""
        _run("index", str(folder), "--store", str(store), "--quiet")
        return self._open(store).catalogue.count()[1]

    def search(self, store: Path, question: str) -> list[Passage]:
        """Return the hits of a search, as many as an answer uses."""
        from rag.retrieval import search_index

        hits = search_index(self._open(store), question, k=self._settings(store).k)
        return [Passage(document=hit.chunk.document_id, text=hit.chunk.text) for hit in hits]

    def answer(self, store: Path, question: str) -> Answer:
        """Run ``citebrief ask``; then ask the outline which passages the writer was sent, outside the time."""
        before = core_seconds()
        printed = _run("ask", question, "--store", str(store), "--llm", self._llm, "--format", "json", "--quiet")
        used = core_seconds() - before
        return answer_of_brief(json.loads(printed), self._sent(store, question), core_seconds=used)

    def _sent(self, store: Path, question: str) -> list[Passage]:
        from rag.types import Question
        from rag.writing.session import Session

        with Session(self._settings(store)) as session:
            _, outline = session.outline(Question(id="question", text=question))
        chunks = {each.chunk.id: each.chunk for section in outline.sections for each in section.evidence}
        return [Passage(document=chunk.document_id, text=chunk.text) for chunk in chunks.values()]

    def _settings(self, store: Path) -> Settings:
        from rag.config import load_settings

        return load_settings({"store": str(store), "llm": self._llm})

    def _open_index(self, store: Path) -> Index:
        from rag.llm import open_embedder
        from rag.store import Index

        return Index.open(str(store), open_embedder(self._settings(store)))


def answer_of_brief(brief: Mapping[str, Any], sent: list[Passage], *, core_seconds: float | None = None) -> Answer:
    """Return the sentences of a brief's JSON and their passages.

    The cited passages come first, in the order of the source list; then those of ``sent`` that are not cited.
    """
    sources = {row["chunk_id"]: n for n, row in enumerate(brief["sources"], 1)}
    cited = [Passage(document=row["document_id"], text=row["text"]) for row in brief["sources"]]
    parts = [brief["summary"], *(section["sentences"] for section in brief["sections"]), brief["conclusion"]]
    sentences = tuple(
        (row["text"], tuple(sources[each] for each in row["citations"])) for part in parts for row in part
    )
    return Answer(
        text="\n".join(text + "".join(f"[{n}]" for n in numbers) for text, numbers in sentences),
        passages=(*cited, *(passage for passage in sent if passage not in cited)),
        sentences=sentences,
        declined=brief["status"] != "answered",
        core_seconds=core_seconds,
    )


def _run(*arguments: str) -> str:
    command = Path(sys.executable).with_name("citebrief")
    done = subprocess.run([command, *arguments], check=False, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    if done.returncode not in (0, INSUFFICIENT_EVIDENCE):
        raise RuntimeError(f"citebrief {arguments[0]} exited {done.returncode}")
    return done.stdout


def create(options: Options) -> CitebriefCommand:
    """Return the system that writes with the packaged model."""
    return CitebriefCommand("local")
