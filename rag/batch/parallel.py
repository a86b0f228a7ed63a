"""Answers many questions at a time, in threads that share one session."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rag._internal import events
from rag._internal.concurrency import run_concurrently
from rag.errors import Interrupted
from rag.llm import MAX_IN_FLIGHT, Budget
from rag.progress import Step
from rag.types import Brief, Question, Status

if TYPE_CHECKING:
    from rag.config import Settings
    from rag.writing.session import Session

CALLS_PER_QUESTION = 3
"""Calls to a remote model that one of many questions has in flight on average; a question makes about eight in all."""

FATAL_FAULTS = ("BudgetSpent", "ModelLost")
"""Errors after which every other question would fail too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionResult:
    """The result of one question after ``seconds``: its ``brief``, or the ``error`` in one line.

    ``fault`` is the name of the error's class. ``draft`` is the verified brief as far as it was written before the
    error, if any. ``stopped`` is set where the caller stopped the question: it did not fail and can be asked again.
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
        """The brief's status; without a brief, ``open`` if the question was stopped, else ``failed``."""
        return self.brief.status if self.brief else "open" if self.stopped else "failed"


OnQuestion = Callable[[Question, Step], None]
"""Called with a question and the step that it has reached."""


def answer_many(
    questions: Iterable[Question],
    settings: Settings,
    *,
    jobs: int,
    budget: Budget | None = None,
    stop: threading.Event | None = None,
    on_progress: OnQuestion = lambda *_: None,
) -> Generator[QuestionResult]:
    """Answer ``questions``, ``jobs`` of them at a time, and yield each result as soon as it is there.

    ``questions`` is read lazily, one question for each free thread, so it may be of any length. A question that fails
    yields a result with its error; the others continue. No further question is started once ``stop`` is set, nor after
    an error of :data:`FATAL_FAULTS` (the ``budget`` is spent, or the model's server is lost). Questions that run when
    ``stop`` is set end at their next step; those that take longer than :data:`rag._internal.concurrency.GRACE` are
    abandoned. ``on_progress`` is called from many threads.

    Raises:
        IndexMissing, IndexMismatch, UsageError: before the first question.
    """
    from rag.writing.session import Session

    fatal, halted = False, threading.Event()

    def until_fatal() -> Iterator[Question]:
        for question in questions:
            if fatal:
                return
            yield question

    def halt() -> None:
        halted.set()
        session.stop()

    with (
        Session(settings, at_once=calls_in_flight(jobs), budget=budget) as session,
        closing(
            run_concurrently(
                lambda question: answer_safely(session, question, halted, on_progress),
                until_fatal(),
                jobs=jobs,
                stop=stop or halted,
                halt=halt,
            )
        ) as results,
    ):
        for result in results:
            fatal = fatal or result.fault in FATAL_FAULTS
            yield result


def calls_in_flight(jobs: int) -> int:
    """Return how many calls to the model may be in flight where ``jobs`` questions are answered at a time."""
    return max(MAX_IN_FLIGHT, CALLS_PER_QUESTION * jobs)


def answer_safely(
    session: Session, question: Question, halt: threading.Event, on_progress: OnQuestion
) -> QuestionResult:
    """Answer ``question``; return an error as a result. Once ``halt`` is set, the question stops at its next step."""
    started = time.perf_counter()

    def on_step(step: Step) -> None:
        if halt.is_set():
            raise KeyboardInterrupt
        on_progress(question, step)

    def result(**fields: Any) -> QuestionResult:
        return QuestionResult(question=question, seconds=round(time.perf_counter() - started, 2), **fields)

    try:
        with events.question_scope(question.id):
            return result(
                brief=session.answer(
                    question.text, where=question.where, k=question.k, sections=question.sections, on_progress=on_step
                )
            )
    except (Exception, KeyboardInterrupt) as error:
        cause = error.__cause__ if isinstance(error, Interrupted) and error.__cause__ else error
        stopped = isinstance(cause, KeyboardInterrupt) or halt.is_set()  # halting also fails calls that were waiting
        return result(
            draft=error.draft if isinstance(error, Interrupted) else None,
            error="stopped" if stopped else " ".join(f"{type(error).__name__}: {error}".split()),
            fault="" if stopped else type(cause).__name__,
            stopped=stopped,
        )
