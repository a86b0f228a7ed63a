"""The main job, as prose: :func:`index` a folder, :func:`answer` a question. Read this file after ``rag/types.py``.

::

    documents → chunks → Chroma + BM25          index()
    question → hits → plan → written → verified → brief    answer(), and answer_many() of them at a time
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rag._internal import events
from rag._internal.concurrency import run_concurrently
from rag.embedding.encoder import Embedder, encoder, load_embedder
from rag.errors import Interrupted, UsageError
from rag.llm import MAX_IN_FLIGHT, Budget, ModelChoice, resolve
from rag.progress import OnProgress, Step
from rag.store.index import Index, IndexReport, directory_of
from rag.types import Brief, Chunk, Filter, Hit, Question, Status, slug
from rag.writing.session import Session

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from rag.config import Settings

CALLS = 3
"""Calls to a remote model that a question of many has under way on average, out of the eight or so that it takes."""

HOPELESS = ("BudgetSpent", "ModelLost")
"""Faults after which no other question would fare better."""


def index(
    paths: Sequence[str],
    settings: Settings,
    *,
    prune: bool = False,
    embedder: Embedder | None = None,
    on_progress: OnProgress = lambda _: None,
) -> IndexReport:
    """Make the index mirror ``paths`` (files, folders, globs, URLs); documents from elsewhere stay unless ``prune``.

    ``embedder`` takes the place of the settings' (``rag/batch/ray/embedding.py`` has one that works on a cluster).

    Raises:
        UsageError: a path does not exist.
        IndexBusy, IndexMismatch: see :class:`rag.store.index.Index`.
    """
    from rag.ingest import extract, find

    store = Index(settings.store, embedder or load_embedder(settings.embedder))

    def on_file(path: str, stored: int) -> None:
        on_progress(Step(stage="read", message=f"{path} ({stored} chunks so far)"))

    try:
        return store.update(find(paths), extract, _roots(paths), prune=prune, on_file=on_file)
    finally:
        store.close()


def search(query: str, settings: Settings, *, k: int, where: Filter | None = None) -> list[Hit]:
    """The ``k`` best passages for ``query``, best first."""
    from rag.retrieval.rerank import rerank

    with _opened(settings) as store:
        return rerank(store, query, encoder().word_vectors, k=k, where=where)


def show(chunk_id: str, settings: Settings, *, around: int = 600) -> tuple[Chunk, str, str]:
    """The passage ``chunk_id`` and up to ``around`` characters of its document before and after it.

    Raises:
        UsageError: no passage of the index has this id.
    """
    with _opened(settings) as store:
        chunk = store.catalogue.chunk(chunk_id)
        document = store.catalogue.document(chunk.document_id) if chunk else None
        if chunk is None or document is None:
            raise UsageError(f"no passage {chunk_id} in {settings.store}: `citebrief search` prints ids")
        return chunk, document.text[max(0, chunk.start - around) : chunk.start], document.text[chunk.end :][:around]


def identity(settings: Settings) -> tuple[ModelChoice, str]:
    """The model that would be used, and the fingerprint of the index: with the settings, what decides a brief.

    Raises:
        IndexMissing, IndexMismatch, UsageError: one of them cannot be used.
    """
    choice = resolve(settings.llm, settings)
    with _opened(settings) as store:
        return choice, store.fingerprint


def drafts_directory(settings: Settings) -> Path:
    """Where the draft of an interrupted answer is kept."""
    return directory_of(settings.store) / "drafts"


def draft_name(brief: Brief) -> str:
    """The file name, without suffix, of an interrupted answer: question and time, so that none replaces another."""
    return f"{slug(brief.question)}-{time.strftime('%Y%m%d-%H%M%S')}"


def answer(
    question: str, settings: Settings, *, where: Filter | None = None, on_progress: OnProgress = lambda _: None
) -> Brief:
    """The brief that answers ``question`` from the index, or that says that the corpus does not answer it.

    Raises:
        Interrupted: stopped while writing; carries the verified draft.
        IndexMissing, IndexMismatch, ModelError, UsageError: before anything was written.
    """
    with Session(settings) as session:
        return session.answer(question, where=where, on_progress=on_progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionResult:
    """What became of a question, after ``seconds``: its ``brief``, or the ``error``, in a line, why there is none.

    ``fault`` is the class of what went wrong. ``draft`` is what stood by then, every sentence verified, if anything.
    ``stopped``: it was given up because the caller wanted no more, which is nobody's fault.
    """

    question: Question
    seconds: float
    brief: Brief | None = None
    draft: Brief | None = None
    error: str = ""
    fault: str = ""
    stopped: bool = False

    @property
    def status(self) -> Status | Literal["failed", "open"]:
        """The brief's; without one, ``failed``, or ``open`` for a question that can still be asked."""
        return self.brief.status if self.brief else "open" if self.stopped else "failed"


OnQuestion = Callable[[Question, Step], None]


def answer_many(
    questions: Iterable[Question],
    settings: Settings,
    *,
    jobs: int,
    budget: Budget | None = None,
    stop: threading.Event | None = None,
    on_progress: OnQuestion = lambda *_: None,
) -> Generator[QuestionResult]:
    """What becomes of each of ``questions``, ``jobs`` of them at a time, in the order in which they are done.

    Lazy: a question is taken when its turn comes, so any number can go through. One that fails is an outcome with its
    error and never stops the others. No further question is taken once ``stop`` is set, or after a fault that is
    :data:`HOPELESS`: ``purse``, which holds the budget, is empty, or the model is lost. What runs when ``stop`` is set
    gives up at its next step, or is left behind (:data:`rag._internal.concurrency.GRACE`). ``on_progress`` is called from many
    threads.

    Raises:
        IndexMissing, IndexMismatch, UsageError: before the first question.
    """
    hopeless, halted = False, threading.Event()

    def worth_asking() -> Iterator[Question]:
        for question in questions:
            if hopeless:
                return
            yield question

    def halt() -> None:
        halted.set()
        session.stop()

    with (
        Session(settings, at_once=max(MAX_IN_FLIGHT, CALLS * jobs), budget=budget) as session,
        closing(
            run_concurrently(
                lambda question: answer_safely(session, question, halted, on_progress),
                worth_asking(),
                jobs=jobs,
                stop=stop or halted,
                halt=halt,
            )
        ) as outcomes,
    ):
        for found in outcomes:
            hopeless = hopeless or found.fault in HOPELESS
            yield found


def answer_safely(
    session: Session, question: Question, halt: threading.Event, on_progress: OnQuestion
) -> QuestionResult:
    """What ``answerer`` makes of ``question``, whatever happens; it gives up at its next step once ``halt`` is set."""
    started = time.perf_counter()

    def tell(step: Step) -> None:
        if halt.is_set():
            raise KeyboardInterrupt
        on_progress(question, step)

    def after(**what: Any) -> QuestionResult:
        return QuestionResult(question=question, seconds=round(time.perf_counter() - started, 2), **what)

    try:
        with events.about(question.id):
            return after(
                brief=session.answer(
                    question.text, where=question.where, k=question.k, sections=question.sections, on_progress=tell
                )
            )
    except (Exception, KeyboardInterrupt) as error:
        cause = error.__cause__ if isinstance(error, Interrupted) and error.__cause__ else error
        stopped = isinstance(cause, KeyboardInterrupt) or halt.is_set()  # then a call that waited was woken
        return after(
            draft=error.draft if isinstance(error, Interrupted) else None,
            error="stopped" if stopped else " ".join(f"{type(error).__name__}: {error}".split()),
            fault="" if stopped else type(cause).__name__,
            stopped=stopped,
        )


def chain(settings: Settings) -> Runnable[str, Brief]:
    """The pipeline as a LangChain ``Runnable``: invoke it with a question, it gives a :class:`rag.types.Brief`."""
    from langchain_core.runnables import RunnableLambda

    return RunnableLambda(lambda question: answer(question, settings), name="citebrief")


@contextmanager
def _opened(settings: Settings) -> Iterator[Index]:
    store = Index.open(settings.store, load_embedder(settings.embedder))
    try:
        yield store
    finally:
        store.close()


def _roots(paths: Sequence[str]) -> list[str]:
    """``paths`` as :mod:`rag.ingest` names roots: resolved, but for URLs and globs."""
    from rag.ingest import root_of

    return [root_of(path) for path in paths]
