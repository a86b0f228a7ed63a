"""Many questions on a Ray cluster: :func:`answer_many` means what it means in ``rag/pipeline.py``.

Every worker is a process with one opened :class:`rag.writing.session.Answerer`, since opening takes seconds. The questions
stay here and are handed out one by one to workers that stand; what a lost worker had is handed to another. Ray could
restart the worker and repeat its calls by itself, but they would wait for a place, which a cluster that has lost a node
may never have again.

The budget is one for all workers (``rag/batch/ray/budget.py``). Requests and tokens a minute are shared out: each worker keeps
its part, and one that it leaves unused is lost. All together stay below the limit, unless a worker dies: the one in its
place starts an empty minute, so that what the dead one had sent in its last comes on top. Each worker has a breaker of
its own: one that has lost the model gets no more questions, and the run ends when the last has lost it. Replies are
kept in a folder of the node that asked, of the same path on each; nodes that share the folder share them, and one that
cannot have it works without.

Briefs are those of ``rag/pipeline.py``, but for the local model's: a worker has one processor, so the model one thread,
and its rounding, so now and then a word, depends on how many it has. The same ``CITEBRIEF_THREADS`` gives the same.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from rag._internal.concurrency import GRACE
from rag.batch.ray import cluster
from rag.batch.ray.budget import BudgetClient, SharedBudget
from rag.embedding.encoder import load_embedder
from rag.errors import CitebriefError, ModelLost, UsageError
from rag.llm import MAX_IN_FLIGHT, Budget, ResponseCache, rates_of, resolve
from rag.pipeline import CALLS, HOPELESS, OnQuestion, QuestionResult, answer_safely
from rag.progress import Step
from rag.store.index import Index
from rag.types import Question
from rag.writing.session import Session

if TYPE_CHECKING:
    from rag.config import Settings
    from rag.llm import Rates

LOOK = 0.5
"""Seconds between two looks at whether to stop, and at what was paid."""

PATIENCE = 600.0
"""Seconds without any worker after which the cluster is given up."""

TRIES = 4
"""Workers that may die over one question, or while they start one after the other."""

ROOM = 20_000
"""Tokens a minute that a worker's part of ``tpm`` has at least, so that the largest call fits; fewer workers if not."""

_log = logging.getLogger(__name__)


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

    As :func:`rag.pipeline.answer_many`, but that ``on_progress`` hears of a question only as it is handed out and when
    the model keeps it waiting, and that ``purse`` hears of what is paid up to :data:`LOOK` later, and of a call under
    way when it ends. After a kill -9 of the caller its note lacks both, the calls of that half second and those that
    were under way, and a run that goes on from it can pass the budget by as much; within a run nothing can. A question
    whose worker dies is asked again, at the most :data:`TRIES` times (what was set aside for it by then is spent), and
    so is one whose worker has lost the model while others have it; it has one outcome all the same.

    Raises:
        IndexMissing, IndexMismatch, UsageError: before the first question. So is a store in a folder where the cluster
            has several nodes.
        CitebriefError: the cluster cannot be reached, or no worker can be started.
    """
    with cluster.connected(settings):
        if "://" not in settings.store and cluster.nodes() > 1:
            raise UsageError(
                f"--engine ray: the index in {settings.store} is a folder, which the cluster's other nodes do not see: "
                "run `chroma run` and index into --store chroma+http://HOST:PORT"
            )
        workers = workers_for(jobs, settings)
        own = _for_workers(settings, workers)
        budget = budget or Budget(None, rates_of(resolve(settings.llm, settings), settings))
        pool = _Pool(settings=own, workers=workers, jobs=jobs, budget=budget, on_progress=on_progress)
        try:
            yield from pool.run(questions, stop or threading.Event())
        finally:
            pool.close()


def workers_for(jobs: int, settings: Settings) -> int:
    """Workers for ``jobs`` questions at a time: no more than processors, and than the limits can be shared among."""
    workers = min(jobs, cluster.processors())
    if settings.rpm:
        workers = min(workers, settings.rpm)
    if settings.tpm:
        workers = min(workers, settings.tpm // ROOM)
    return max(1, workers)


def _for_workers(settings: Settings, workers: int) -> Settings:
    """``settings`` as each worker needs them: found from any folder, the same everywhere, and limits shared out."""
    Index.open(
        settings.store, load_embedder(settings.embedder)
    ).close()  # a missing index is told once, before anything starts
    choice = resolve(settings.llm, settings)
    own: dict[str, Any] = {"llm": f"openai:{choice.name}" if choice.kind == "openai" else choice.kind}
    if choice.path:
        own["llm"] = f"local:{cluster.everywhere(str(choice.path))}"
    if choice.kind == "local":
        own["threads"] = settings.threads or 1  # a worker has one processor
    if "://" not in settings.store:
        own["store"] = cluster.everywhere(settings.store)
    if settings.embedder.startswith((".", "~")):
        own["embedder"] = cluster.everywhere(settings.embedder)
    for name in ("replies", "cache"):
        if directory := getattr(settings, name):
            own[name] = Path(cluster.everywhere(str(directory)))
    own["prices"] = None  # the purse brings them
    own |= {name: limit // workers for name in ("rpm", "tpm") if (limit := getattr(settings, name))}
    return settings.model_copy(update=own)


class _Worker:
    """What runs in a worker's process. Its methods may overlap in threads."""

    def __init__(self, name: str, settings: Settings, actor: Any, rates_of: Rates | None, jobs: int) -> None:
        self._settings = settings
        self._keeper = actor
        self._budget = SharedBudget(actor, name, rates_of)
        self._at_once = max(MAX_IN_FLIGHT, CALLS * jobs)
        self._halt = threading.Event()
        self._answerer: Session | None = None

    def open(self) -> str:
        """Get ready; what is in the way, or nothing. A folder of replies that this node cannot have is not."""
        settings, without = self._settings, ""
        if settings.replies and settings.llm != "extractive":
            try:
                ResponseCache(settings.replies).close()
            except UsageError as error:
                settings, without = settings.model_copy(update={"replies": None}), f"{error}; "
        try:
            self._answerer = Session(settings, at_once=self._at_once, budget=self._budget)
        except CitebriefError as error:  # perhaps for want of a key, which kept replies do without
            return f"{without}{error}"
        if without:
            self._keeper.say.remote("", f"{without}a worker keeps no replies")
        return ""

    def answer(self, question: Question) -> QuestionResult:
        """Never raises."""

        def tell(question: Question, step: Step) -> None:
            if step.stage == "wait":
                self._keeper.say.remote(question.id, step.message)

        assert self._answerer is not None
        return answer_safely(self._answerer, question, self._halt, tell)

    def halt(self) -> None:
        """Let what runs give up at its next step, and what waits at once."""
        self._halt.set()
        if self._answerer is not None:
            self._answerer.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Assignment:
    question: Question
    worker: Any
    since: float


@dataclass(slots=True, kw_only=True)
class _Pool:
    """The workers of one run, and which of them has which question. Keys of ``starting`` and ``running`` are Ray's."""

    settings: Settings
    workers: int
    jobs: int
    budget: Budget
    on_progress: OnQuestion
    names: dict[Any, str] = field(default_factory=dict)
    ready: list[Any] = field(default_factory=list)
    starting: dict[Any, Any] = field(default_factory=dict)
    running: dict[Any, _Assignment] = field(default_factory=dict)
    again: deque[Question] = field(default_factory=deque)
    more: bool = True
    closing: bool = False
    deaths: Counter[str] = field(default_factory=Counter)
    failed_starts: int = 0
    lonely_since: float = field(default_factory=time.monotonic)
    client: BudgetClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = BudgetClient(self.budget, calls=self.workers * max(MAX_IN_FLIGHT, CALLS * self._share))

    @property
    def _share(self) -> int:
        """Questions that a worker has at a time at the most."""
        return -(-self.jobs // self.workers)

    def run(self, questions: Iterable[Question], stop: threading.Event) -> Iterator[QuestionResult]:
        source, deadline = iter(questions), float("inf")
        for _ in range(self.workers):
            self._start()
        while True:
            if stop.is_set() and deadline == float("inf"):
                deadline = time.monotonic() + GRACE
                self._ask_no_more()
                for worker in self.ready:
                    worker.halt.remote()
            self._hand_out(source)
            if not (self.running or self.again or self.more) or time.monotonic() > deadline:
                return
            for found in self._harvest():
                if found.fault in HOPELESS:
                    self._ask_no_more()
                yield found
            self._listen()

    def close(self) -> None:
        """End the workers, and with them what they still do; note what they paid."""
        import ray

        for worker in self.names:
            ray.kill(worker)
        with suppress(ModelLost):
            for name in self.names.values():
                self.client.write_off(name)
            self.client.heard()
        self.client.close()

    def _ask_no_more(self) -> None:
        self.closing, self.more = True, False
        self.again.clear()

    def _listen(self) -> None:
        """Note what was paid, and pass on what the workers say of the questions that they have."""
        asked = {one.question.id: one.question for one in self.running.values()}
        for id_, message in self.client.heard():
            if not id_:
                _log.warning("Ray: %s", message)
            elif question := asked.get(id_):
                self.on_progress(question, Step(stage="wait", message=message))

    def _hand_out(self, source: Iterator[Question]) -> None:
        """Give every ready worker its share. What is asked again goes first; if a worker died of it, perhaps, alone."""
        while len(self.running) < self.jobs:
            alone = bool(self.again) and self.deaths[self.again[0].id] > 0
            if (worker := self._free(alone=alone)) is None:
                return
            question = self.again.popleft() if self.again else next(source, None) if self.more else None
            if question is None:
                self.more = False
                return
            self.on_progress(question, Step(stage="retrieve", message="handed to a worker"))
            asked = _Assignment(question=question, worker=worker, since=time.perf_counter())
            self.running[worker.answer.remote(question)] = asked

    def _harvest(self) -> Iterator[QuestionResult]:
        """What is done by now, after a short wait; workers that have come up or gone are noted."""
        import ray

        done, _ = ray.wait([*self.running, *self.starting], num_returns=1, timeout=LOOK)
        for reference in done:
            if reference in self.starting:
                self._started(reference)
            elif (found := self._finished(reference)) is not None:
                yield found
        if self.ready:
            self.lonely_since = time.monotonic()
        elif time.monotonic() - self.lonely_since > PATIENCE:
            raise CitebriefError(
                f"the Ray cluster had no free processor for {PATIENCE:.0f} seconds: `ray status` shows who has them"
            )

    def _start(self) -> None:
        import ray

        name = uuid4().hex
        worker: Any = (
            ray.remote(_Worker)
            .options(num_cpus=1, max_restarts=0, max_concurrency=self._share + 1, scheduling_strategy="SPREAD")
            .remote(name, self.settings, self.client.actor, self.budget.rates, self._share)
        )
        self.names[worker] = name
        self.starting[worker.open.remote()] = worker

    def _started(self, reference: Any) -> None:
        import ray
        from ray.exceptions import RayError

        worker = self.starting.pop(reference)
        try:
            problem = ray.get(reference)
        except RayError as error:
            self._bury(worker)
            self.failed_starts += 1
            problem = f"it died while it started: {cluster.reason(error)}"
            if self.failed_starts < TRIES:
                self._start()
                return
        if not problem:
            self.failed_starts = 0
            self.ready.append(worker)
            return
        self._bury(worker)
        if not self.ready and not self.starting:
            raise CitebriefError(f"no Ray worker can answer: {problem}")
        _log.warning("a Ray worker is done without: %s", problem)

    def _finished(self, reference: Any) -> QuestionResult | None:
        """The outcome under ``reference``; None if its worker died or lost the model, and it waits for another."""
        import ray
        from ray.exceptions import RayError, RayTaskError

        asked = self.running.pop(reference)
        try:
            found: QuestionResult = ray.get(reference)
        except RayTaskError as error:  # not an answer, and would be none the next time
            problem, fault = cluster.reason(error), type(error.cause).__name__
        except RayError as error:
            self._lost(asked.worker)
            if self.closing:
                return QuestionResult(question=asked.question, seconds=_since(asked), error="stopped", stopped=True)
            self.deaths[asked.question.id] += 1
            if self.deaths[asked.question.id] < TRIES:
                self.again.append(asked.question)
                return None
            fault = type(error).__name__
            problem = f"{fault}: {TRIES} workers died over it; the last: {cluster.reason(error)}"
        else:
            if found.fault == ModelLost.__name__ and not self.closing and self._set_aside(asked.worker, found.error):
                self.again.append(asked.question)
                return None
            return found
        return QuestionResult(question=asked.question, seconds=_since(asked), error=problem, fault=fault)

    def _set_aside(self, worker: Any, why: str) -> bool:
        """Give ``worker``, which has lost the model, no further question; False if no other is left to ask."""
        if not any(other != worker for other in self.ready):
            return False
        if worker in self.ready:
            self.ready.remove(worker)  # it ends with the run, for its other questions are still to fail
            _log.warning("a Ray worker is done without: %s", why)
        return True

    def _lost(self, worker: Any) -> None:
        replace = worker in self.ready and not self.closing
        if worker in self.ready:
            self.ready.remove(worker)
        self._bury(worker)
        if replace:
            self._start()

    def _bury(self, worker: Any) -> None:
        """See to it that ``worker`` is dead: one that only cannot be reached would go on spending."""
        import ray

        if name := self.names.pop(worker, None):
            ray.kill(worker)
            self.client.write_off(name)

    def _free(self, *, alone: bool) -> Any:
        """The ready worker with the fewest questions that can take one more, or one ``alone``; None if none can."""
        load_embedder = Counter(asked.worker for asked in self.running.values())
        for asked in self.running.values():
            if self.deaths[asked.question.id]:
                load_embedder[asked.worker] = self.jobs  # it has one to itself
        limit = 1 if alone else self._share
        return min(
            (worker for worker in self.ready if load_embedder[worker] < limit),
            key=lambda w: load_embedder[w],
            default=None,
        )


def _since(asked: _Assignment) -> float:
    return round(time.perf_counter() - asked.since, 2)
