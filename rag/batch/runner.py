"""Runs a batch: answers many questions into a run directory, so that no finished work is lost.

``rag/batch/run_directory.py`` describes the directory. ``eval run`` is a batch too, followed by scoring.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal, Protocol

from rag._internal import events
from rag.batch.parallel import OnQuestion, QuestionResult, answer_many
from rag.batch.run_directory import RESPONSE_CACHE, RunDirectory
from rag.errors import CitebriefError
from rag.llm import (
    Budget,
    ModelBudget,
    ModelChoice,
    load_prompt,
    missing_price,
    rates_of,
    resolve,
    resolve_embedder,
)
from rag.render.wording import count
from rag.types import Question
from rag.verify import verifier_of_writer

if TYPE_CHECKING:
    from rag.config import Settings
    from rag.progress import Step

REMOTE_JOBS = 4
"""Default number of questions at a time with a remote model."""

MANIFEST_SETTINGS = ("k", "evidence_tokens", "sections", "seed", "embedder")
"""The settings that decide what a brief says."""

MANIFEST_LIBRARIES = ("torch", "sentence-transformers", "chromadb")
"""The libraries whose version can change what is retrieved and verified."""

EndReason = Literal["done", "stopped", "budget", "lost"]
"""Why a run ended: all questions attempted, stopped by the user, budget spent, or the model's server lost."""

OnRow = Callable[[str, int, int], None]
"""Called with a question's status, the number of questions that are finished, and the number of all questions."""


class AnswerMany(Protocol):
    """The signature of :func:`rag.batch.parallel.answer_many`, which ``rag/batch/ray`` implements too."""

    def __call__(
        self,
        questions: Iterable[Question],
        settings: Settings,
        *,
        jobs: int,
        budget: Budget | None = None,
        stop: threading.Event | None = None,
        on_progress: OnQuestion = ...,
    ) -> Generator[QuestionResult]:
        """See :func:`rag.batch.parallel.answer_many`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSummary:
    """The totals of a batch. Counts are over all its questions, but for ``attempted``, which counts those of this run.

    ``cost`` is the cost in US dollars of all calls of all runs, None if the price is unknown. Calls whose reply a kill
    lost are included, and calls that were never answered are included at the most they can cost. ``seconds`` are this
    run's. ``faults`` counts failures by class.
    """

    ended: EndReason
    questions: int
    attempted: int
    answered: int
    insufficient_evidence: int
    failed: int
    open: int
    tokens: dict[str, int]
    cost: float | None
    seconds: float
    faults: dict[str, int]
    out: str

    def as_json(self) -> str:
        """Format the fields as one JSON object, with ``attempted`` under the key ``asked``."""
        names = {"attempted": "asked"}
        fields = {names.get(name, name): getattr(self, name) for name in self.__slots__}
        return json.dumps(fields, ensure_ascii=False)

    def as_text(self) -> str:
        """Format the totals as three lines of text."""
        counts = [f"{self.answered:,} answered", f"{self.insufficient_evidence:,} not answered by the corpus"]
        if self.failed:
            kinds = ", ".join(f"{times:,} {fault}" for fault, times in self.faults.items())
            counts.append(f"{self.failed:,} failed ({kinds})")
        if self.open:
            counts.append(f"{self.open:,} still open")
        cost = "cost unknown: the model is not in the price table" if self.cost is None else f"${self.cost:.4f} in all"
        return (
            f"{count(self.questions, 'question')}: {', '.join(counts)}\n"
            f"{self.attempted:,} asked in this run, in {self.seconds:,.1f} s; {cost}\n"
            f"briefs and results.jsonl: {self.out}"
        )


def build_manifest(settings: Settings, choice: ModelChoice, fingerprint: str) -> dict[str, Any]:
    """Collect what decides the briefs, except for the questions themselves."""
    from rag.writing.question_run import prompt_names

    verifier = verifier_of_writer(choice, settings)
    # Runs of versions that knew no other verifier have no such field, and can be resumed if this one has none either.
    other = {} if verifier is None or verifier.kind == "support" else {"verifier": verifier.spec}
    return {
        "version": version("citebrief"),
        "model": choice.name,
        "settings": {name: getattr(settings, name) for name in MANIFEST_SETTINGS},
        "prompts": {name: load_prompt(name).sha256 for name in prompt_names(choice, verifier)},
        **other,
        "index": fingerprint,
        "libraries": {name: version(name) for name in MANIFEST_LIBRARIES},
    }


def default_jobs(choice: ModelChoice) -> int:
    """Return the default number of questions at a time: one without a remote model, as more are no faster here."""
    return REMOTE_JOBS if choice.kind == "openai" else 1


def open_budget(
    budget_usd: float | None, choice: ModelChoice, settings: Settings, directory: RunDirectory, *, new: bool = False
) -> Budget:
    """Open the budget of the locked run ``directory``, which records each payment.

    ``new`` ignores the payments that the directory has already.

    Raises:
        UsageError: there is a budget and the price of the model, of the verifier's or of a remote embedder is unknown,
            or the file of prices is invalid.
    """
    embedder = resolve_embedder(settings)
    if budget_usd is not None and embedder is not None and embedder.rates is None:
        raise missing_price(embedder.model)
    spent = 0.0 if new else directory.total_paid()
    budget = Budget(
        budget_usd, rates_of(choice, settings), spent=spent, model=choice.name, on_paid=directory.record_payment
    )
    verifier = verifier_of_writer(choice, settings)
    if verifier is not None and verifier.model is not None:  # raises its error before the first question
        ModelBudget(budget, rates_of(verifier.model, settings), model=verifier.model.name)
    return budget


def run_batch(
    questions: Sequence[Question],
    settings: Settings,
    directory: RunDirectory,
    *,
    jobs: int,
    budget: Budget | None = None,
    stop: threading.Event | None = None,
    answer: AnswerMany = answer_many,
    on_row: OnRow = lambda *_: None,
    on_wait: Callable[[str], None] = lambda _: None,
) -> BatchSummary:
    """Answer those of ``questions`` that have no brief in ``directory``, which has to be locked and started.

    The model's replies are cached, in the directory unless the settings name another place, so that none is paid for
    twice. :func:`open_budget` opens the ``budget``. Once ``stop`` is set, the batch ends after the running questions
    have stopped. ``on_wait`` is called from many threads with the reason why the model makes all questions wait.

    Raises:
        CitebriefError: the directory cannot be written, or no question can be asked. Finished briefs are kept.
    """
    started, total, attempted = time.perf_counter(), len(questions), 0
    unanswered = directory.unanswered(questions)
    settings = settings.model_copy(update={"replies": settings.replies or directory.path / RESPONSE_CACHE})
    with _write_errors():
        directory.render_missing_formats()
        directory.write_results(questions)
    events.log_event("batch started", questions=total, missing=len(unanswered), jobs=jobs)
    on_row("kept", total - len(unanswered), total)
    running: set[str] = set()

    def on_progress(question: Question, step: Step) -> None:
        if question.id not in running:
            running.add(question.id)
            events.log_event("question started", question=question.id)
        if step.stage == "wait":
            on_wait(step.message)

    faults: Counter[str] = Counter()
    try:
        results = answer(iter(unanswered), settings, jobs=jobs, budget=budget, stop=stop, on_progress=on_progress)
        with closing(results):
            for result in results:
                with _write_errors():
                    row = directory.save(result)
                attempted += 1
                faults[row.fault] += 1
                running.discard(row.id)
                events.log_event(
                    "question ended", question=row.id, status=row.status, fault=row.fault or None, seconds=row.seconds
                )
                on_row(row.status, total - len(unanswered) + attempted, total)
    except BaseException:
        with suppress(CitebriefError, OSError):  # the row of each finished question is in the file already
            directory.write_results(questions, _not_attempted("stopped"))
        raise
    ended: EndReason = "done"
    if stop is not None and stop.is_set():
        ended = "stopped"
    elif faults["BudgetSpent"]:
        ended = "budget"
    elif attempted < len(unanswered):
        ended = "lost"
    with _write_errors():
        directory.write_results(questions, _not_attempted(ended))
    priced = (budget is None or budget.rates is not None) and _verifier_is_priced(settings)
    cost = directory.total_paid() if priced else None
    seconds = round(time.perf_counter() - started, 2)
    summary = _summarize(directory, questions, ended=ended, attempted=attempted, cost=cost, seconds=seconds)
    events.log_event(
        "batch ended", ended=summary.ended, answered=summary.answered, failed=summary.failed, cost=summary.cost
    )
    return summary


def _verifier_is_priced(settings: Settings) -> bool:
    """Return whether the price of the verifier's chat model is known; also if it has none."""
    verifier = verifier_of_writer(resolve(settings.llm, settings), settings)
    return verifier is None or verifier.model is None or rates_of(verifier.model, settings) is not None


def _not_attempted(ended: EndReason) -> dict[str, str]:
    """Return the fields of the row of a question that was not attempted before the run ended."""
    if ended == "budget":
        return {"status": "failed", "fault": "BudgetSpent", "error": "not asked: the budget is spent"}
    return {"status": "open", "error": "not asked: the model was lost" if ended == "lost" else "not asked: stopped"}


def _summarize(
    directory: RunDirectory,
    questions: Sequence[Question],
    *,
    ended: EndReason,
    attempted: int,
    cost: float | None,
    seconds: float,
) -> BatchSummary:
    rows = [directory.rows[question.id] for question in questions]
    counts = Counter(row.status for row in rows)
    tokens: Counter[str] = Counter()
    for row in rows:
        tokens.update(row.tokens)
    faults = Counter(row.fault for row in rows if row.status == "failed")
    return BatchSummary(
        ended=ended,
        questions=len(rows),
        attempted=attempted,
        answered=counts["answered"],
        insufficient_evidence=counts["insufficient_evidence"],
        failed=counts["failed"],
        open=counts["open"],
        tokens=dict(tokens),
        cost=None if cost is None else round(cost, 6),
        seconds=seconds,
        faults=dict(faults.most_common()),
        out=str(directory.path),
    )


@contextmanager
def _write_errors() -> Iterator[None]:
    """Add to an error of writing that finished briefs are kept, and what to do."""
    try:
        yield
    except (CitebriefError, OSError) as error:
        cause = (
            error if isinstance(error, CitebriefError) else f"cannot write: {(error.strerror or str(error)).lower()}"
        )
        raise CitebriefError(
            f"{cause}; finished briefs are kept: fix this, then run it again (citebrief batch: with --resume)"
        ) from error
