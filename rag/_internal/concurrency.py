"""Run a function on many items, or several calls, concurrently in daemon threads.

The executors of ``concurrent.futures`` are not used, because the interpreter waits at exit until all their threads have
ended, and a thread that waits for a model's reply may take minutes. Daemon threads can be abandoned.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextvars import Context, copy_context
from functools import partial
from itertools import islice
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

GRACE = 10.0
"""Seconds that running work has to end once it is told to stop. A call to a small model takes less."""

POLL = 0.1
"""Seconds between two checks whether to stop."""


def run_concurrently(
    function: Callable[[ItemT], ResultT],
    items: Iterable[ItemT],
    *,
    jobs: int,
    stop: threading.Event,
    halt: Callable[[], None],
    grace: float = GRACE,
) -> Generator[ResultT]:
    """Yield ``function(item)`` for each of ``items``, ``jobs`` at a time, in order of completion.

    Items are taken in the caller's thread, one for each idle thread, and are not kept after their result. The function
    runs with the caller's context variables.

    Args:
        stop: once it is set, no further items are taken and ``halt`` is called.
        halt: makes running calls of the function end early. Also called if the generator is closed while calls run.
        grace: seconds after which calls that have not ended are abandoned.

    Raises:
        Exception: the first error of the function or of ``items``; it ends the iteration.
    """
    tasks: queue.SimpleQueue[tuple[Context, ItemT] | None] = queue.SimpleQueue()
    done: queue.SimpleQueue[Future[ResultT]] = queue.SimpleQueue()

    def work() -> None:
        while task := tasks.get():
            context, item = task
            future: Future[ResultT] = Future()
            _resolve(future, partial(context.run, function, item))
            done.put(future)

    threads = [threading.Thread(target=work, daemon=True, name=f"concurrent-{n}") for n in range(jobs)]
    for thread in threads:
        thread.start()
    source, running, deadline = iter(items), 0, 0.0
    try:
        while True:
            for item in () if stop.is_set() else islice(source, jobs - running):
                tasks.put((copy_context(), item))
                running += 1
            if not running:
                return
            if stop.is_set():
                if not deadline:
                    halt()
                    deadline = time.monotonic() + grace
                if time.monotonic() > deadline:
                    return
            try:
                future = done.get(timeout=POLL)
            except queue.Empty:
                continue
            running -= 1
            yield future.result()
    finally:
        if running:
            halt()
        for _ in threads:
            tasks.put(None)
        deadline = deadline or time.monotonic() + grace
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def start_all(
    calls: Iterable[Callable[[], ResultT]], *, isolated: type[Exception] | tuple[type[Exception], ...] = ()
) -> list[Callable[[], ResultT]]:
    """Start each of ``calls`` in a thread of its own and return functions that wait for the results, in order.

    Such a function raises what its call raised. While its call runs, it also raises an error of another call, so that
    nobody waits for the reply of a server that is known to have failed. Calls run with the caller's context variables;
    those whose result is never taken are abandoned.

    Args:
        isolated: classes of errors that affect their own call only.
    """
    futures: list[Future[ResultT]] = []
    for number, call in enumerate(calls):
        futures.append(Future())
        run = partial(copy_context().run, _resolve, futures[-1], call)
        threading.Thread(target=run, daemon=True, name=f"call-{number}").start()

    def result(own: Future[ResultT]) -> ResultT:
        running = set(futures)
        while not own.done():
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for other in ended - {own}:
                if (error := other.exception()) is not None and not isinstance(error, isolated):
                    raise error
        return own.result()

    return [partial(result, future) for future in futures]


def _resolve(future: Future[ResultT], call: Callable[[], ResultT]) -> None:
    """Set the result or the error of ``call``, which is raised where the result is taken."""
    try:
        future.set_result(call())
    except BaseException as error:
        future.set_exception(error)
