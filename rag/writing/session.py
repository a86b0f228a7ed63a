"""A session opens the index and the model once and answers questions with them, one step after another."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rag.embedding import load_embedder
from rag.errors import Interrupted
from rag.llm import (
    MAX_IN_FLIGHT,
    Budget,
    ChatClient,
    ModelBudget,
    open_remote_embedder,
    rates_of,
    resolve,
    resolve_embedder,
)
from rag.progress import OnProgress, Step
from rag.retrieval import Answerability
from rag.store import Index
from rag.types import Brief, Filter, Hit, Question
from rag.verify import VerifierChoice, connect_verifier, verifier_of_writer
from rag.writing.brief_models import BriefModels
from rag.writing.large_writer import LargeWriter
from rag.writing.outline import Outline
from rag.writing.question_run import QuestionRun

if TYPE_CHECKING:
    from rag.config import Settings
    from rag.llm import ChatModel, Rates


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
        self.verifier = verifier_of_writer(self.choice, settings)
        self._settings = settings
        self._at_once = at_once
        self._budget = budget or Budget(None, rates_of(self.choice, settings))
        self._embedder_choice = resolve_embedder(settings)
        self._remote_embedder = open_remote_embedder(settings, budget=self._budget, rates=embedder_rates)
        self._index = Index.open(settings.store, self._remote_embedder or load_embedder(settings.embedder))
        self._announced = False
        self._model: ChatClient | None = None
        self._verifier_model: ChatClient | None = None
        self._opening = threading.Lock()
        self._stopped = False
        # The matrices of retrieval and outline are too small to gain from several threads of numpy's library (torch has
        # its own). The limit holds for the whole process, so the session sets it once, and not each question.
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
        for model in (self._model, self._verifier_model):
            if model is not None:
                model.stop()

    def close(self) -> None:
        """Close the index and the embedder, and the models that were opened."""
        for model in (self._model, self._verifier_model):
            if model is not None:
                model.close()
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
        if not outline.sections or self.verifier is None:
            return run.write(hits, outline, answerability, None, where)
        try:
            models = self._connect(self.verifier, run)
            if not models.writer.small:
                hits, answerability, outline = run.add_aspects(hits, models.writer, where)
            return run.write(hits, outline, answerability, models, where)
        except KeyboardInterrupt as error:
            draft = run.quoted(hits, outline, answerability)
            raise Interrupted("before the model wrote a part: stopped", draft=draft, doing="draft") from error

    def assess(self, question: Question) -> tuple[list[Hit], Answerability]:
        """Return the hits for ``question`` and whether they answer it, without calling the model."""
        return self._run(question.text, question.k, question.sections).find_evidence(question.where)

    def outline(self, question: Question) -> tuple[list[Hit], Outline]:
        """Return the hits and the outline for ``question`` without calling the model.

        The outline is empty where the hits do not answer the question.
        """
        hits, _, outline = self._run(question.text, question.k, question.sections).prepare(question.where)
        return hits, outline

    def outline_and_writer(self, question: Question, model: ChatModel) -> tuple[Outline, LargeWriter]:
        """Return the outline for ``question`` and the writer for a large ``model``, without calling it."""
        run = self._run(question.text, question.k, question.sections)
        hits, answerability, outline = run.prepare(question.where)
        return outline, run.large_writer(model, hits, answerability.scores, question.where)

    def _connect(self, verifier: VerifierChoice, run: QuestionRun) -> BriefModels:
        """Return the writer's model and the verifier with counters for one question; open them if they are not."""
        own = verifier.model if verifier.model and not verifier.shares_model_with(self.choice) else None

        def on_wait(why: str) -> None:
            run.on_progress(Step(stage="wait", message=why))

        with self._opening:
            # Before the first call, so that a model that cannot be loaded costs nothing.
            if verifier.kind == "hf":
                connect_verifier(verifier)
            elif verifier.uses_packaged_model:
                run.load_packaged_verifier()
            self._model = self._model or run.connect(self.choice, self._at_once, self._budget)
            if own is not None and self._verifier_model is None:
                budget = ModelBudget(self._budget, rates_of(own, self._settings), model=own.name)
                self._verifier_model = run.connect(own, self._at_once, budget)
            if self._stopped:
                self.stop()
        writer = self._model.with_own_counters(on_wait)
        judge = self._verifier_model.with_own_counters(on_wait) if own and self._verifier_model else writer
        return BriefModels(
            writer=writer, verifier_model=judge, verifier=connect_verifier(verifier, judge, settings=self._settings)
        )

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
            verifier=self.verifier,
            remote_embedder=self._remote_embedder,
            on_progress=on_progress,
        )
