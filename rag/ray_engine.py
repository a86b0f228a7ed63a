"""Many questions on a Ray cluster: :func:`answer_many` means what it means in ``rag/pipeline.py``.

Every worker is a process with one opened :class:`rag.pipeline.Answerer`, since opening takes seconds. The questions
stay here and are handed out one by one to workers that stand; what a lost worker had is handed to another. Ray could
restart the worker and repeat its calls by itself, but they would wait for a place, which a cluster that has lost a node
may never have again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rag import ray_cluster
from rag.compose import Step
from rag.embedding import load
from rag.errors import CitebriefError, UsageError
from rag.index import Index
from rag.llm import resolve
from rag.pipeline import Answerer, OnQuestion, Outcome, Question, outcome

if TYPE_CHECKING:
    from rag.config import Settings

LOOK = 0.5
"""Seconds between two looks at whether to stop."""

GRACE = 10.0
"""Seconds that running questions get once they are told to stop."""

PATIENCE = 600.0
"""Seconds without any worker after which the cluster is given up."""

TRIES = 4
"""Workers that may die over one question, or while they start one after the other."""

_log = logging.getLogger(__name__)


def answer_many(
    questions: Iterable[Question],
    settings: Settings,
    *,
    jobs: int,
    budget: float | None = None,
    stop: threading.Event | None = None,
    on_progress: OnQuestion = lambda *_: None,
) -> Iterator[Outcome]:
    """What becomes of each of ``questions``, ``jobs`` of them at a time, in the order in which they are done.

    As :func:`rag.pipeline.answer_many`, but that ``on_progress`` hears of a question only as it is handed out, and that
    what is in flight when ``budget`` is reached may still pass it. A question whose worker dies is asked again (what
    its model had cost by then is spent twice), at the most :data:`TRIES` times; it has one outcome all the same.

    Raises:
        IndexMissing, IndexMismatch, UsageError: before the first question. So is a store in a folder where the cluster
            has several nodes.
        CitebriefError: the cluster cannot be reached, or no worker can be started.
    """
    with ray_cluster.connected(settings):
        if "://" not in settings.store and ray_cluster.nodes() > 1:
            raise UsageError(
                f"--engine ray: the index in {settings.store} is a folder, which the cluster's other nodes do not see: "
                "run `chroma run` and index into --store chroma+http://HOST:PORT"
            )
        workers = min(jobs, ray_cluster.processors())
        pool = _Pool(settings=_for_workers(settings, workers), workers=workers, jobs=jobs)
        try:
            yield from pool.run(questions, budget, stop or threading.Event(), on_progress)
        finally:
            pool.close()


def _for_workers(settings: Settings, workers: int) -> Settings:
    """``settings`` as each worker needs them: found from any folder, the same everywhere, and limits shared out."""
    Index.open(settings.store, load(settings.embedder)).close()  # a missing index is told once, before anything starts
    choice = resolve(settings.llm, settings)
    own: dict[str, Any] = {"llm": f"openai:{choice.name}" if choice.kind == "openai" else choice.kind}
    if choice.path:
        own["llm"] = f"local:{ray_cluster.everywhere(str(choice.path))}"
    if choice.kind == "local":
        own["threads"] = settings.threads or 1  # a worker has one processor
    if "://" not in settings.store:
        own["store"] = ray_cluster.everywhere(settings.store)
    if settings.embedder.startswith((".", "~")):
        own["embedder"] = ray_cluster.everywhere(settings.embedder)
    own |= {name: max(1, limit // workers) for name in ("rpm", "tpm") if (limit := getattr(settings, name, 0))}
    return settings.model_copy(update=own)


class _Worker:
    """What runs in a worker's process. Its methods may overlap in threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._halt = threading.Event()
        self._answerer: Answerer | None = None

    def open(self) -> str:
        """Get ready; what is in the way, or nothing."""
        try:
            self._answerer = Answerer(self._settings)
        except CitebriefError as error:
            return str(error)
        return ""

    def answer(self, question: Question) -> Outcome:
        """Never raises."""
        assert self._answerer is not None
        return outcome(self._answerer, question, self._halt, lambda *_: None)

    def halt(self) -> None:
        """Let what runs give up at its next step."""
        self._halt.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    question: Question
    worker: Any
    since: float


@dataclass(slots=True, kw_only=True)
class _Pool:
    """The workers of one run, and which of them has which question. Keys of ``starting`` and ``running`` are Ray's."""

    settings: Settings
    workers: int
    jobs: int
    ready: list[Any] = field(default_factory=list)
    starting: dict[Any, Any] = field(default_factory=dict)
    running: dict[Any, _Asked] = field(default_factory=dict)
    again: deque[Question] = field(default_factory=deque)
    more: bool = True
    deaths: Counter[str] = field(default_factory=Counter)
    failed_starts: int = 0
    lonely_since: float = field(default_factory=time.monotonic)

    def run(
        self, questions: Iterable[Question], budget: float | None, stop: threading.Event, on_progress: OnQuestion
    ) -> Iterator[Outcome]:
        spent, deadline = 0.0, float("inf")

        def affordable() -> Iterator[Question]:
            for question in questions:
                if budget is not None and spent >= budget:
                    return
                yield question

        source = affordable()
        for _ in range(self.workers):
            self._start()
        while True:
            if stop.is_set() and deadline == float("inf"):
                deadline = time.monotonic() + GRACE
                self._halt()
            self._hand_out(source, on_progress)
            if not (self.running or self.again or self.more) or time.monotonic() > deadline:
                return
            for found in self._harvest():
                if paid := found.brief or found.draft:
                    spent += paid.trace.cost or 0.0
                yield found

    def close(self) -> None:
        """End the workers, and with them what they still do."""
        import ray

        for worker in [*self.ready, *self.starting.values()]:
            ray.kill(worker)

    def _halt(self) -> None:
        self.more = False
        self.again.clear()
        for worker in self.ready:
            worker.halt.remote()

    def _hand_out(self, source: Iterator[Question], on_progress: OnQuestion) -> None:
        """Give every ready worker its share of ``jobs``; questions that lost their worker go first."""
        while len(self.running) < self.jobs and (worker := self._freest()) is not None:
            question = self.again.popleft() if self.again else next(source, None) if self.more else None
            if question is None:
                self.more = False
                return
            on_progress(question, Step(stage="retrieve", message="handed to a worker"))
            asked = _Asked(question=question, worker=worker, since=time.perf_counter())
            self.running[worker.answer.remote(question)] = asked

    def _harvest(self) -> Iterator[Outcome]:
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

        threads = -(-self.jobs // self.workers)
        worker: Any = (
            ray.remote(_Worker)
            .options(num_cpus=1, max_restarts=0, max_concurrency=threads + 1, scheduling_strategy="SPREAD")
            .remote(self.settings)
        )
        self.starting[worker.open.remote()] = worker

    def _started(self, reference: Any) -> None:
        import ray
        from ray.exceptions import RayError

        worker = self.starting.pop(reference)
        try:
            problem = ray.get(reference)
        except RayError as error:
            self.failed_starts += 1
            problem = f"it died while it started: {_line(error)}"
            if self.failed_starts < TRIES:
                self._start()
                return
        if not problem:
            self.failed_starts = 0
            self.ready.append(worker)
            return
        ray.kill(worker)
        if not self.ready and not self.starting:
            raise CitebriefError(f"no Ray worker can answer: {problem}")
        _log.warning("a Ray worker is done without: %s", problem)

    def _finished(self, reference: Any) -> Outcome | None:
        """The outcome under ``reference``; None if its worker died, and the question waits for another."""
        import ray
        from ray.exceptions import RayError, RayTaskError

        asked = self.running.pop(reference)
        try:
            found: Outcome = ray.get(reference)
        except RayTaskError as error:  # not an answer, and would be none the next time
            problem, fault = _line(error), type(error.cause).__name__
        except RayError as error:
            self._lost(asked.worker)
            self.deaths[asked.question.id] += 1
            if self.deaths[asked.question.id] < TRIES:
                self.again.append(asked.question)
                return None
            problem, fault = f"{TRIES} workers died over it; the last: {_line(error)}", type(error).__name__
        else:
            return found
        seconds = round(time.perf_counter() - asked.since, 2)
        return Outcome(question=asked.question, seconds=seconds, error=f"{fault}: {problem}", fault=fault)

    def _lost(self, worker: Any) -> None:
        import ray

        if worker in self.ready:
            self.ready.remove(worker)
            ray.kill(worker)  # one that only cannot be reached would go on spending
            self._start()

    def _freest(self) -> Any:
        """The ready worker with the fewest questions; None if none is ready."""
        load = Counter(asked.worker for asked in self.running.values())
        return min(self.ready, key=lambda worker: load[worker], default=None)


def _line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__).strip()
