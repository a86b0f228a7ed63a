"""What runs in each worker process: one open :class:`rag.writing.session.Session`, since opening takes seconds."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from rag.batch.parallel import QuestionResult, answer_safely, calls_in_flight
from rag.batch.ray.budget import BudgetClient
from rag.errors import CitebriefError, UsageError
from rag.llm import ResponseCache
from rag.progress import Step
from rag.types import Question
from rag.writing.session import Session

if TYPE_CHECKING:
    from rag.config import Settings
    from rag.llm import Rates


class Worker:
    """Answers questions, up to ``jobs`` at a time, in threads.

    ``actor`` is the handle of the run's budget actor. ``rates`` and ``embedder_rates`` are the prices of the chat model
    and of a remote embedder.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        actor: Any,
        rates: Rates | None,
        jobs: int,
        embedder_rates: Rates | None = None,
    ) -> None:
        self._settings = settings
        self._actor = actor
        self._budget = BudgetClient(actor, name, rates)
        self._embedder_rates = embedder_rates
        self._calls = calls_in_flight(jobs)
        self._halt = threading.Event()
        self._session: Session | None = None

    def open(self) -> str:
        """Open the session. Returns why that failed, or an empty string.

        A response cache that this node cannot use is no failure: the worker then runs without one.
        """
        settings, problem = self._settings, ""
        if settings.replies and settings.llm != "extractive":
            try:
                ResponseCache(settings.replies).close()
            except UsageError as error:
                settings, problem = settings.model_copy(update={"replies": None}), f"{error}; "
        try:
            self._session = Session(
                settings, at_once=self._calls, budget=self._budget, embedder_rates=self._embedder_rates
            )
        except CitebriefError as error:  # for example because there is no API key, which cached replies do not need
            return f"{problem}{error}"
        if problem:
            self._actor.report.remote("", f"{problem}a worker runs without a response cache")
        return ""

    def answer(self, question: Question) -> QuestionResult:
        """Answer ``question``; return an error as a result."""

        def report_wait(question: Question, step: Step) -> None:
            if step.stage == "wait":
                self._actor.report.remote(question.id, step.message)

        assert self._session is not None
        return answer_safely(self._session, question, self._halt, report_wait)

    def halt(self) -> None:
        """Stop running questions at their next step, and wake those that wait."""
        self._halt.set()
        if self._session is not None:
            self._session.stop()
