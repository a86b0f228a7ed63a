"""Answers many questions on a Ray cluster, with the results of :func:`rag.batch.parallel.answer_many`.

All workers share one budget (``rag/batch/ray/budget.py``). Requests and tokens a minute are divided among them: the
part that a worker leaves unused is lost, and their sum stays below the limit, except that the replacement of a dead
worker starts with an empty minute. Each worker has a circuit breaker of its own: a worker that has lost the model gets
no more questions, and the run ends when the last one has lost it. The response cache is a directory on the node that
asks, with the same path on each; nodes that share the directory share the replies, and one that cannot create it runs
without.

Briefs are those of one process, except with the local model: a worker has one processor, so the model runs in one
thread, and its rounding, hence now and then a word, depends on the number of threads. The same ``CITEBRIEF_THREADS``
gives the same briefs.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.batch.parallel import OnQuestion, QuestionResult
from rag.batch.ray import cluster
from rag.batch.ray.pool import WorkerPool
from rag.errors import UsageError
from rag.llm import Budget, open_embedder, rates_of, resolve, resolve_embedder
from rag.store import Index
from rag.types import Question

if TYPE_CHECKING:
    from rag.config import Settings

MIN_WORKER_TPM = 20_000
"""Tokens a minute that each worker's part of ``tpm`` has at least, so that the largest call fits."""


def answer_many_on_ray(
    questions: Iterable[Question],
    settings: Settings,
    *,
    jobs: int,
    budget: Budget | None = None,
    stop: threading.Event | None = None,
    on_progress: OnQuestion = lambda *_: None,
) -> Generator[QuestionResult]:
    """Answer ``questions`` as :func:`rag.batch.parallel.answer_many` does, on a Ray cluster.

    ``on_progress`` is called only when a question is handed to a worker and while the model makes it wait. ``budget``
    receives payments up to :data:`rag.batch.ray.pool.POLL_SECONDS` late, and a call's only when the call ends. Within a
    run the budget holds all the same; but if the caller is killed with SIGKILL, its record lacks those payments, and a
    resumed run can exceed the budget by as much.

    A question whose worker dies is repeated, until :data:`rag.batch.ray.pool.MAX_DEATHS` workers have died over it
    (what was reserved for it counts as spent), and so is one whose worker has lost the model while another has not.
    Each question has one result all the same.

    Raises:
        IndexMissing, IndexMismatch, UsageError: before the first question, also if the store is a directory and the
            cluster has several nodes.
        CitebriefError: the cluster cannot be reached, or no worker can be started.
    """
    with cluster.connected(settings):
        if "://" not in settings.store and cluster.node_count() > 1:
            raise UsageError(
                f"--engine ray: the index in {settings.store} is a folder, which the cluster's other nodes do not see: "
                "run `chroma run` and index into --store chroma+http://HOST:PORT"
            )
        workers = worker_count(jobs, settings)
        budget = budget or Budget(None, rates_of(resolve(settings.llm, settings), settings))
        embedder = resolve_embedder(settings)
        pool = WorkerPool(
            settings=worker_settings(settings, workers),
            embedder_rates=embedder.rates if embedder else None,
            workers=workers,
            jobs=jobs,
            budget=budget,
            on_progress=on_progress,
        )
        try:
            yield from pool.answer(questions, stop or threading.Event())
        finally:
            pool.close()


def worker_count(jobs: int, settings: Settings) -> int:
    """Compute the number of workers for ``jobs`` questions at a time, from the processors and the rate limits."""
    workers = min(jobs, cluster.processor_count())
    if settings.rpm:
        workers = min(workers, settings.rpm)
    if settings.tpm:
        workers = min(workers, settings.tpm // MIN_WORKER_TPM)
    return max(1, workers)


def worker_settings(settings: Settings, workers: int) -> Settings:
    """Derive each worker's settings: absolute paths, the model resolved here, and its part of the rate limits.

    Raises:
        IndexMissing, IndexMismatch, UsageError: the index or the model cannot be used.
    """
    # Opened once here, so that a missing index is reported before any worker starts.
    Index.open(settings.store, open_embedder(settings)).close()
    choice = resolve(settings.llm, settings)
    own: dict[str, Any] = {"llm": f"openai:{choice.name}" if choice.kind == "openai" else choice.kind}
    if choice.path:
        own["llm"] = f"local:{cluster.absolute(str(choice.path))}"
    if choice.kind == "local":
        own["threads"] = settings.threads or 1  # a worker has one processor
    if "://" not in settings.store:
        own["store"] = cluster.absolute(settings.store)
    if settings.embedder.startswith((".", "~")):
        own["embedder"] = cluster.absolute(settings.embedder)
    for name in ("replies", "cache"):
        if directory := getattr(settings, name):
            own[name] = Path(cluster.absolute(str(directory)))
    own["prices"] = None  # the workers get the prices themselves
    own |= {name: limit // workers for name in ("rpm", "tpm") if (limit := getattr(settings, name))}
    return settings.model_copy(update=own)
