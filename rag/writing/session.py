"""A session opens the index and the model once and answers questions with them, one step after another."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rag.embedding import load_embedder
from rag.llm import (
    MAX_IN_FLIGHT,
    Budget,
    ChatClient,
    open_remote_embedder,
    rates_of,
    resolve,
    resolve_embedder,
)
from rag.progress import OnProgress, Step
from rag.store import Index
from rag.types import Brief, Filter, Hit, Question
from rag.writing.outline import Outline
from rag.writing.question_run import QuestionRun

if TYPE_CHECKING:
    from rag.config import Settings
    from rag.llm import Rates


class Session:
    """Holds the index and the model open for many questions, which may be answered in several threads at once.

    Encoder calls of concurrent questions are batched (``rag/embedding/batching.py``). A brief does not depend on the
    questions that are answered at the same time. Use the session in a ``with`` statement, or close it.

    Args:
        settings: the settings for all questions.
        at_once: the largest number of requests to the model in flight.
        budget: the budget for all requests; None sets no limit.
        embedder_rates: the prices of a remote embedder; by default those of the price table.

    Raises:
        IndexMissing, IndexMismatch, UsageError: the index or the model cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        at_once: int = MAX_IN_FLIGHT,
        budget: Budget | None = None,
        embedder_rates: Rates | None = None,
    ) -> None:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # scikit-learn installs it

        self.choice = resolve(settings.llm, settings)
        self._settings = settings
        self._at_once = at_once
        self._budget = budget or Budget(None, rates_of(self.choice, settings))
        self._embedder_choice = resolve_embedder(settings)
        self._remote_embedder = open_remote_embedder(settings, budget=self._budget, rates=embedder_rates)
        self._index = Index.open(settings.store, self._remote_embedder or load_embedder(settings.embedder))
        self._announced = False
        self._model: ChatClient | None = None
        self._opening = threading.Lock()
        self._stopped = False
        # The verifier's matrices are too small to gain from several threads. The limit holds for the whole process, so
        # the session sets it once, and not each question.
        self._limits = threadpool_limits(1, "blas")

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the index."""
        return self._index.fingerprint

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stop(self) -> None:
        """Fail every call that waits for the model's server or for its turn, and all later calls."""
        self._stopped = True
        if self._remote_embedder is not None:
            self._remote_embedder.stop()
        if self._model is not None:
            self._model.stop()

    def close(self) -> None:
        """Close the index and the embedder, and the model if it was opened."""
        if self._model is not None:
            self._model.close()
        if self._remote_embedder is not None:
            self._remote_embedder.close()
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
        """Answer ``question`` as :func:`rag.pipeline.answer` does; ``k`` and ``sections`` override the settings."""
        self._announce_embedder(on_progress)
        run = self._run(question, k, sections, on_progress)
        hits, answerability, outline = run.prepare(where)
        model = None
        if outline.sections and self.choice.kind != "extractive":
            with self._opening:
                self._model = self._model or run.connect(self._at_once, self._budget)
                if self._stopped:
                    self._model.stop()
            model = self._model.with_own_counters(lambda why: on_progress(Step(stage="wait", message=why)))
        return run.write(hits, outline, answerability, model)

    def outline(self, question: Question) -> tuple[list[Hit], Outline]:
        """Return the hits and the outline for ``question`` without calling the model.

        The outline is empty where the hits do not answer the question.
        """
        hits, _, outline = self._run(question.text, question.k, question.sections).prepare(question.where)
        return hits, outline

    def _announce_embedder(self, on_progress: OnProgress) -> None:
        """Report once that questions leave this machine, if they do."""
        with self._opening:
            first, self._announced = not self._announced, True
        if first and self._embedder_choice is not None and self._embedder_choice.leaves:
            message = f"embedder: {self._embedder_choice.why('the question leaves')}"
            on_progress(Step(stage="load", message=message))

    def _run(
        self, question: str, k: int | None, sections: int | None, on_progress: OnProgress = lambda _: None
    ) -> QuestionRun:
        own = {name: value for name, value in (("k", k), ("sections", sections)) if value is not None}
        return QuestionRun(
            question=question.strip(),
            settings=self._settings.model_copy(update=own) if own else self._settings,
            index=self._index,
            choice=self.choice,
            remote_embedder=self._remote_embedder,
            on_progress=on_progress,
        )
