"""The workers of one run on a Ray cluster: starts them, hands questions out, and replaces workers that die.

Questions stay in this process and are handed out one by one to workers that are ready. Those of a dead worker are
handed to another. Ray can restart an actor and repeat its calls by itself, but these would wait for a free processor,
which a cluster that has lost a node may never have again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from rag._internal.concurrency import GRACE
from rag.batch.parallel import FATAL_FAULTS, OnQuestion, QuestionResult, calls_in_flight
from rag.batch.ray import cluster
from rag.batch.ray.budget import SharedBudget
from rag.batch.ray.worker import Worker
from rag.errors import CitebriefError, ModelLost
from rag.llm import Budget
from rag.progress import Step
from rag.types import Question

if TYPE_CHECKING:
    from rag.config import Settings
    from rag.llm import Rates

POLL_SECONDS = 0.5
"""Interval at which the pool checks whether to stop, and collects payments and messages."""

NO_WORKER_SECONDS = 600.0
"""Time without any ready worker after which the run fails."""

MAX_DEATHS = 4
"""Workers that may die over one question, or one after the other while they start."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Assignment:
    """A question that a worker is answering; ``started`` is in seconds of ``time.perf_counter``."""

    question: Question
    worker: Any
    started: float

    def seconds(self) -> float:
        return round(time.perf_counter() - self.started, 2)


@dataclass(slots=True, kw_only=True)
class WorkerPool:
    """The workers and the question that each of them has.

    ``names`` are the workers' names by actor handle; the keys of ``starting`` and ``running`` are Ray object
    references. ``repeated`` are questions that wait for another worker, ``more`` tells whether the caller may have
    further questions, and ``deaths`` counts dead workers by question id.
    """

    settings: Settings
    workers: int
    jobs: int
    budget: Budget
    on_progress: OnQuestion
    embedder_rates: Rates | None = None
    names: dict[Any, str] = field(default_factory=dict)
    ready: list[Any] = field(default_factory=list)
    starting: dict[Any, Any] = field(default_factory=dict)
    running: dict[Any, _Assignment] = field(default_factory=dict)
    repeated: deque[Question] = field(default_factory=deque)
    more: bool = True
    closing: bool = False
    deaths: Counter[str] = field(default_factory=Counter)
    failed_starts: int = 0
    last_ready: float = field(default_factory=time.monotonic)
    shared_budget: SharedBudget = field(init=False)

    def __post_init__(self) -> None:
        self.shared_budget = SharedBudget(self.budget, calls=self.workers * calls_in_flight(self._jobs_per_worker))

    @property
    def _jobs_per_worker(self) -> int:
        return -(-self.jobs // self.workers)

    def answer(self, questions: Iterable[Question], stop: threading.Event) -> Iterator[QuestionResult]:
        """Yield the results of ``questions`` in the order in which they end; see ``rag/batch/ray/engine.py``."""
        source, deadline = iter(questions), float("inf")
        for _ in range(self.workers):
            self._start_worker()
        while True:
            if stop.is_set() and deadline == float("inf"):
                deadline = time.monotonic() + GRACE
                self._stop_taking_questions()
                for worker in self.ready:
                    worker.halt.remote()
            self._hand_out(source)
            if not (self.running or self.repeated or self.more) or time.monotonic() > deadline:
                return
            for result in self._finished_results():
                if result.fault in FATAL_FAULTS:
                    self._stop_taking_questions()
                yield result
            self._collect()

    def close(self) -> None:
        """Kill the workers with what they still do, and record what they paid."""
        import ray

        for worker in self.names:
            ray.kill(worker)
        with suppress(ModelLost):
            for name in self.names.values():
                self.shared_budget.write_off(name)
            self.shared_budget.collect()
        self.shared_budget.close()

    def _stop_taking_questions(self) -> None:
        self.closing, self.more = True, False
        self.repeated.clear()

    def _collect(self) -> None:
        """Record payments, and pass on the messages about running questions."""
        questions = {assignment.question.id: assignment.question for assignment in self.running.values()}
        for question_id, message in self.shared_budget.collect():
            if not question_id:
                _log.warning("Ray: %s", message)
            elif question := questions.get(question_id):
                self.on_progress(question, Step(stage="wait", message=message))

    def _hand_out(self, source: Iterator[Question]) -> None:
        """Give questions to free workers: first those to repeat, alone on a worker if they may have killed one."""
        while len(self.running) < self.jobs:
            alone = bool(self.repeated) and self.deaths[self.repeated[0].id] > 0
            if (worker := self._free_worker(alone=alone)) is None:
                return
            question = self.repeated.popleft() if self.repeated else next(source, None) if self.more else None
            if question is None:
                self.more = False
                return
            self.on_progress(question, Step(stage="retrieve", message="handed to a worker"))
            assignment = _Assignment(question=question, worker=worker, started=time.perf_counter())
            self.running[worker.answer.remote(question)] = assignment

    def _finished_results(self) -> Iterator[QuestionResult]:
        """Yield the results that are ready after a short wait; update the lists of workers."""
        import ray

        done, _ = ray.wait([*self.running, *self.starting], num_returns=1, timeout=POLL_SECONDS)
        for reference in done:
            if reference in self.starting:
                self._on_started(reference)
            elif (result := self._result(reference)) is not None:
                yield result
        if self.ready:
            self.last_ready = time.monotonic()
        elif time.monotonic() - self.last_ready > NO_WORKER_SECONDS:
            raise CitebriefError(
                f"the Ray cluster had no free processor for {NO_WORKER_SECONDS:.0f} seconds: "
                "`ray status` shows what uses them"
            )

    def _start_worker(self) -> None:
        import ray

        name, jobs = uuid4().hex, self._jobs_per_worker
        worker: Any = (
            ray.remote(Worker)
            .options(num_cpus=1, max_restarts=0, max_concurrency=jobs + 1, scheduling_strategy="SPREAD")
            .remote(name, self.settings, self.shared_budget.actor, self.budget.rates, jobs, self.embedder_rates)
        )
        self.names[worker] = name
        self.starting[worker.open.remote()] = worker

    def _on_started(self, reference: Any) -> None:
        """Add the worker that has started, or discard it if it failed to."""
        import ray
        from ray.exceptions import RayError

        worker = self.starting.pop(reference)
        try:
            problem = ray.get(reference)
        except RayError as error:
            self._discard(worker)
            self.failed_starts += 1
            problem = f"it died while it started: {cluster.reason(error)}"
            if self.failed_starts < MAX_DEATHS:
                self._start_worker()
                return
        if not problem:
            self.failed_starts = 0
            self.ready.append(worker)
            return
        self._discard(worker)
        if not self.ready and not self.starting:
            raise CitebriefError(f"no Ray worker can answer: {problem}")
        _log.warning("going on with one Ray worker less: %s", problem)

    def _result(self, reference: Any) -> QuestionResult | None:
        """Get the result under ``reference``; None if the worker died or lost the model, and another is to answer."""
        import ray
        from ray.exceptions import RayError, RayTaskError

        assignment = self.running.pop(reference)
        question = assignment.question
        try:
            result: QuestionResult = ray.get(reference)
        except RayTaskError as error:  # raised by the worker's code, which would raise it again
            problem, fault = cluster.reason(error), type(error.cause).__name__
        except RayError as error:
            self._on_worker_death(assignment.worker)
            if self.closing:
                return QuestionResult(question=question, seconds=assignment.seconds(), error="stopped", stopped=True)
            self.deaths[question.id] += 1
            if self.deaths[question.id] < MAX_DEATHS:
                self.repeated.append(question)
                return None
            fault = type(error).__name__
            problem = f"{fault}: {MAX_DEATHS} workers died over it; the last: {cluster.reason(error)}"
        else:
            lost = result.fault == ModelLost.__name__ and not self.closing
            if lost and self._retire(assignment.worker, result.error):
                self.repeated.append(question)
                return None
            return result
        return QuestionResult(question=question, seconds=assignment.seconds(), error=problem, fault=fault)

    def _retire(self, worker: Any, why: str) -> bool:
        """Give ``worker``, which has lost the model, no further question. Returns False if it is the last one."""
        if not any(other != worker for other in self.ready):
            return False
        if worker in self.ready:
            self.ready.remove(worker)  # it is not killed, since its other questions have yet to fail
            _log.warning("going on with one Ray worker less: %s", why)
        return True

    def _on_worker_death(self, worker: Any) -> None:
        replace = worker in self.ready and not self.closing
        if worker in self.ready:
            self.ready.remove(worker)
        self._discard(worker)
        if replace:
            self._start_worker()

    def _discard(self, worker: Any) -> None:
        """Kill ``worker`` and write its reservations off: one that is only unreachable would go on spending."""
        import ray

        if name := self.names.pop(worker, None):
            ray.kill(worker)
            self.shared_budget.write_off(name)

    def _free_worker(self, *, alone: bool) -> Any:
        """Return the ready worker with the fewest questions that can take another, or (``alone``) that has none.

        Returns None if there is no such worker. A worker whose question may have killed another gets no second one.
        """
        load = Counter(assignment.worker for assignment in self.running.values())
        for assignment in self.running.values():
            if self.deaths[assignment.question.id]:
                load[assignment.worker] = self.jobs
        limit = 1 if alone else self._jobs_per_worker
        return min((worker for worker in self.ready if load[worker] < limit), key=lambda w: load[w], default=None)
