"""One question on its way from retrieval to its brief, step by step, and many of them that overlap."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

from rag.embedding.encoder import count_tokens, encoder, load_embedder
from rag.errors import Interrupted
from rag.llm import MAX_IN_FLIGHT, Budget, ChatClient, ChatModel, ModelChoice, prompts, rates_of, resolve
from rag.progress import OnProgress, Stage, Step
from rag.retrieval.answerability import Answerability, assess
from rag.store.index import Index
from rag.types import Brief, Filter, Hit, Question, Trace
from rag.verify.verifier import default_verifier
from rag.writing.compose import compose, draft, insufficient
from rag.writing.outline import Outline, make_outline
from rag.writing.writers import LargeWriter, SmallWriter, Writer

if TYPE_CHECKING:
    from rag.config import Settings

PROMPTS = {True: ("fuse", "heading", "rewrite"), False: ("section", "summary", "rewrite")}
"""The prompts that a small model and a large one are asked with."""

TOKENS = ("prompt", "cached", "completion", "calls", "replayed")
"""What a trace counts, see :class:`rag.llm.client.ChatClient`."""

VERBATIM = "none: every sentence is a quotation"
"""The trace's verifier where the evidence is set as it stands."""

ASSESSED_HITS = 8
"""Hits whose similarity to the question decides whether the corpus is about it at all."""

TOO_SHORT = 3


class Session:
    """The index and the model, opened once for many questions. Questions may overlap in threads of the caller.

    What overlapping questions want of the encoder is worked on together (``rag/embedding/batching.py``), and a brief is the same
    whatever other questions are asked meanwhile. ``at_once`` and ``budget`` are the model's, see
    :class:`rag.llm.client.ChatClient`. Use it in a ``with`` statement, or close it.
    """

    def __init__(self, settings: Settings, *, at_once: int = MAX_IN_FLIGHT, budget: Budget | None = None) -> None:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # scikit-learn brings it

        self.choice = resolve(settings.llm, settings)
        self._settings = settings
        self._at_once = at_once
        self._budget = budget or Budget(None, rates_of(self.choice, settings))
        self._index = Index.open(settings.store, load_embedder(settings.embedder))
        self._model: ChatClient | None = None
        self._opening = threading.Lock()
        self._stopped = False
        # Small matrices gain nothing by being shared out among threads. The limit is the whole process's, so it is set
        # once for all questions, and not by each of them for itself.
        self._limits = threadpool_limits(1, "blas")

    @property
    def fingerprint(self) -> str:
        """That of the index."""
        return self._index.fingerprint

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stop(self) -> None:
        """Wake every call that waits for the model's server or for its turn: each fails, as do later ones."""
        self._stopped = True
        if self._model is not None:
            self._model.stop()

    def close(self) -> None:
        """Close the index, and the model if one was needed."""
        if self._model is not None:
            self._model.close()
        self._index.close()
        self._limits.restore_original_limits()

    def answer(
        self,
        question: str,
        *,
        where: Filter | None = None,
        k: int | None = None,
        sections: int | None = None,
        on_progress: OnProgress = lambda _: None,
    ) -> Brief:
        """See :func:`rag.pipeline.answer`; ``k`` and ``sections`` take the place of the settings'."""
        job = self._job(question, k, sections, on_progress)
        hits, assessed, planned = job.prepare(where)
        model = None
        if planned.sections and self.choice.kind != "extractive":
            with self._opening:
                self._model = self._model or job.connect(self._at_once, self._budget)
                if self._stopped:
                    self._model.stop()
            model = self._model.with_own_counters(lambda why: on_progress(Step(stage="wait", message=why)))
        return job.write(hits, planned, assessed, model)

    def plan(self, question: Question) -> tuple[list[Hit], Outline]:
        """The evidence for ``question`` and what its brief would be written from; no model is asked. Empty: nothing."""
        hits, _, planned = self._job(question.text, question.k, question.sections).prepare(question.where)
        return hits, planned

    def _job(self, question: str, k: int | None, sections: int | None, tell: OnProgress = lambda _: None) -> _Job:
        own = {name: value for name, value in (("k", k), ("sections", sections)) if value is not None}
        settings = self._settings.model_copy(update=own) if own else self._settings
        return _Job(question=question.strip(), settings=settings, index=self._index, choice=self.choice, tell=tell)


@dataclass(slots=True, kw_only=True)
class _Job:
    """One question on its way; each step notes the seconds it took."""

    question: str
    settings: Settings
    index: Index
    choice: ModelChoice
    tell: OnProgress
    seconds: dict[str, float] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def prepare(self, where: Filter | None) -> tuple[list[Hit], Answerability, Outline]:
        """All that comes before the first word is written; an empty plan where there is too little to write from."""
        hits = self.retrieve(where)
        assessed = self.assess(hits)
        return hits, assessed, self.plan(hits) if assessed.enough else Outline(sections=(), key_points=())

    def retrieve(self, where: Filter | None) -> list[Hit]:
        from rag.retrieval.rerank import rerank

        with self._stage("retrieve", "searching the index"):
            hits = rerank(self.index, self.question, encoder().word_vectors, k=self.settings.k, where=where)
        self.notices += _language_notices(self.question, self.index)
        return hits

    def assess(self, hits: Sequence[Hit]) -> Answerability:
        with self._stage("retrieve", f"{len(hits)} passages; do they answer the question?"):
            texts = [f"{hit.chunk.context}\n{hit.chunk.text}" for hit in hits[:ASSESSED_HITS]]
            vectors = encoder().vectors([self.question, *texts])
            nearest = float((vectors[1:] @ vectors[0]).max()) if texts else 0.0
            return assess(self.question, hits, nearest, encoder().word_vectors)

    def plan(self, hits: Sequence[Hit]) -> Outline:
        with self._stage("plan", "choosing evidence and sharing it out"):
            return make_outline(
                self.question, hits, encoder().vectors, encoder().word_vectors, sections=self.settings.sections
            )

    def connect(self, at_once: int, budget: Budget) -> ChatClient:
        def on_bytes(done: int, total: int) -> None:
            self.tell(Step(stage="load", message="joining the local model (once)", done=done, total=total))

        with self._stage("load", f"model: {self.choice.why}"):
            return ChatClient(self.choice, self.settings, on_bytes, concurrency=at_once, budget=budget)

    def write(self, hits: Sequence[Hit], planned: Outline, assessed: Answerability, model: ChatClient | None) -> Brief:
        verifier = default_verifier() if planned.sections and model is not None else None
        trace = self._trace(verifier.name if verifier else VERBATIM)
        if not planned.sections:
            gaps = assessed.gaps or ("The passages nearest to the question have no sentence that answers it.",)
            return insufficient(self.question, hits, trace, gaps)
        if model is None or verifier is None:
            brief = draft(self.question, hits, planned, trace, assessed.gaps)
            self.tell(Step(stage="write", message="quotes", brief=brief))
            return brief
        started = time.perf_counter()

        def traced(brief: Brief) -> Brief:
            seconds = {**self.seconds, "write": time.perf_counter() - started, "model": model.seconds}
            spent = {name: model.tokens[name] for name in TOKENS}
            return replace(brief, trace=replace(brief.trace, seconds=_rounded(seconds), tokens=spent, cost=model.cost))

        try:
            return traced(
                compose(
                    self.question,
                    hits,
                    planned,
                    writer_for(model, self.question, hits),
                    verifier,
                    trace=trace,
                    gaps=assessed.gaps,
                    overlap=not model.small,  # the local model answers one call at a time
                    on_progress=self.tell,
                )
            )
        except Interrupted as stop:
            stop.draft = traced(stop.draft)
            raise

    def _trace(self, verifier: str) -> Trace:
        used = () if self.choice.kind == "extractive" else PROMPTS[self.choice.kind == "local"]
        return Trace(
            version=version("citebrief"),
            model=self.choice.name,
            parameters={
                "k": self.settings.k,
                "sections": self.settings.sections,
                "temperature": 0,
                "seed": self.settings.seed,
                "threads": self.settings.threads or os.cpu_count() or 1,  # the local model's rounding depends on it
            },
            prompts={name: prompts.load_prompt(name).sha256 for name in used},
            embedder=self.index.embedder.name,
            fingerprint=self.index.fingerprint,
            verifier=verifier,
            seconds=_rounded(self.seconds),
            tokens=dict.fromkeys(TOKENS, 0),
            cost=0.0,
            notices=tuple(self.notices),
        )

    @contextmanager
    def _stage(self, stage: Stage, message: str) -> Iterator[None]:
        self.tell(Step(stage=stage, message=message))
        started = time.perf_counter()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - started


def writer_for(model: ChatModel, question: str, hits: Sequence[Hit]) -> Writer:
    """Who writes with ``model`` from ``hits``: its own prompts, and steps of the size that it can do."""
    first, second, mend = (prompts.load_prompt(name) for name in PROMPTS[model.small])
    if model.small:
        return SmallWriter(model=model, fuse=first, heading=second, mend=mend)
    evidence = {hit.chunk.id: hit.chunk for hit in hits}
    return LargeWriter(model=model, question=question, write=first, sum_up=second, mend=mend, evidence=evidence)


def _language_notices(question: str, store: Index) -> list[str]:
    """Warnings where the question or part of the corpus is in a language that the packaged models do not know."""
    from rag.ingest.language import foreign_language

    notices = []
    if count_tokens(question) > TOO_SHORT and (language := foreign_language(question)):
        notices.append(
            f"The question seems to be in another language than English ({language}): expect poor retrieval."
        )
    if languages := store.catalogue.languages():
        listed = ", ".join(f"{count} in {code}" for code, count in languages.items())
        notices.append(f"Some documents are not in English ({listed}): they are retrieved and checked less well.")
    return notices


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {stage: round(value, 2) for stage, value in seconds.items()}
