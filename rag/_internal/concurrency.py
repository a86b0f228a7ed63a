"""Doing several things at a time, in threads: one thing to many items, or a few calls that wait for somebody else.

Not an executor of ``concurrent.futures``: its threads hold up the end of the program until the last of them is done,
and one that waits for a model's reply may wait for minutes. These can be left behind.
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

Item = TypeVar("Item")
Result = TypeVar("Result")

GRACE = 10.0
"""Seconds that running work gets once it is told to stop: a small model's call takes less, a dead line never ends."""

POLL = 0.1
"""Seconds between two looks at whether to stop."""


def run_concurrently(
    do: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    jobs: int,
    stop: threading.Event,
    halt: Callable[[], None],
    grace: float = GRACE,
) -> Generator[Result]:
    """``do`` of each of ``items``, ``jobs`` at a time, in the order in which they are done.

    Items are taken in the caller's thread, one for each thread that is free, and held no longer than they are worked
    on. Once ``stop`` is set none is taken; ``halt`` is then called, as it is when the caller loses interest, and should
    make ``do`` end early; what has not ended ``grace`` seconds later is left behind. An error of ``do`` or of ``items``
    is raised here and ends all. ``do`` sees the caller's context variables.
    """
    tasks: queue.SimpleQueue[tuple[Context, Item] | None] = queue.SimpleQueue()
    done: queue.SimpleQueue[Future[Result]] = queue.SimpleQueue()

    def work() -> None:
        while task := tasks.get():
            context, item = task
            box: Future[Result] = Future()
            _fill(box, partial(context.run, do, item))
            done.put(box)

    threads = [threading.Thread(target=work, daemon=True, name=f"overlap-{n}") for n in range(jobs)]
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
                box = done.get(timeout=POLL)
            except queue.Empty:
                continue
            running -= 1
            yield box.result()
    finally:
        if running:
            halt()
        for _ in threads:
            tasks.put(None)
        deadline = deadline or time.monotonic() + grace
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def start_all(
    calls: Iterable[Callable[[], Result]], *, alone: type[Exception] | tuple[type[Exception], ...] = ()
) -> list[Callable[[], Result]]:
    """Begin each of ``calls`` in a thread of its own. What comes back, in their order, waits for a call's result.

    It raises what its call raised. While its call runs it also raises what has ended another one, so that nobody waits
    for the reply of a server that is known to be gone; errors of the classes ``alone`` concern their own call only.
    Calls see the caller's context variables; those that still run when the caller has lost interest are left behind.
    """
    boxes: list[Future[Result]] = []
    for number, call in enumerate(calls):
        boxes.append(Future())
        run = partial(copy_context().run, _fill, boxes[-1], call)
        threading.Thread(target=run, daemon=True, name=f"at-once-{number}").start()

    def result(mine: Future[Result]) -> Result:
        running = set(boxes)
        while not mine.done():
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for other in ended - {mine}:
                if (error := other.exception()) is not None and not isinstance(error, alone):
                    raise error
        return mine.result()

    return [partial(result, box) for box in boxes]


def _fill(box: Future[Result], call: Callable[[], Result]) -> None:
    try:
        box.set_result(call())
    except BaseException as error:  # it belongs to whoever takes the result
        box.set_exception(error)
