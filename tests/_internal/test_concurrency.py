"""Work that overlaps: lazily taken, given back as it is done, and left behind rather than waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from functools import partial

import pytest

from rag._internal.concurrency import run_concurrently, start_all


def test_items_are_taken_only_as_threads_become_free_and_each_comes_back_once() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for n in range(50):
            taken.append(n)
            yield n

    seen = []
    for result in run_concurrently(lambda n: n * n, items(), jobs=3, stop=threading.Event(), halt=lambda: None):
        seen.append(result)
        assert len(taken) - len(seen) <= 3
    assert sorted(seen) == [n * n for n in range(50)]


def test_work_overlaps_and_comes_back_in_the_order_in_which_it_is_done() -> None:
    both = threading.Barrier(2)

    def do(seconds: float) -> float:
        both.wait(10)  # passes only if two are at work
        time.sleep(seconds)
        return seconds

    event = threading.Event
    assert list(run_concurrently(do, [0.3, 0.0], jobs=2, stop=event(), halt=lambda: None)) == [0.0, 0.3]


def test_after_stop_nothing_is_taken_what_sees_it_ends_and_what_does_not_is_left_behind() -> None:
    stop, halt, never = threading.Event(), threading.Event(), threading.Event()

    def do(item: str) -> str:
        if item == "deaf":
            never.wait(60)
        elif item == "listens":
            halt.wait(60)
        return item

    began, seen = time.monotonic(), []
    for result in run_concurrently(
        do, ["deaf", "quick", "listens", "not taken"], jobs=3, stop=stop, halt=halt.set, grace=0.5
    ):
        seen.append(result)
        stop.set()
    never.set()
    assert seen == ["quick", "listens"]
    assert time.monotonic() - began < 30


def test_a_caller_that_loses_interest_halts_what_runs() -> None:
    halt = threading.Event()
    results = run_concurrently(lambda n: n or halt.wait(60), [1, 0, 0], jobs=2, stop=threading.Event(), halt=halt.set)
    assert next(results) == 1
    results.close()
    assert halt.is_set()


def test_an_error_is_raised_where_the_result_would_have_come() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("line 2 is torn")

    with pytest.raises(ZeroDivisionError):
        list(run_concurrently(lambda n: 1 // n, [0], jobs=1, stop=threading.Event(), halt=lambda: None))
    with pytest.raises(ValueError, match="torn"):
        list(run_concurrently(lambda n: n, items(), jobs=1, stop=threading.Event(), halt=lambda: None))


def test_work_sees_the_context_of_whoever_asked_for_it() -> None:
    tracer: ContextVar[str] = ContextVar("tracer", default="none")
    tracer.set("a run of LangSmith")
    event = threading.Event
    assert list(run_concurrently(lambda _: tracer.get(), [1], jobs=1, stop=event(), halt=lambda: None)) == [
        "a run of LangSmith"
    ]


def test_calls_begun_at_once_run_side_by_side_and_come_back_in_their_order() -> None:
    all_run = threading.Barrier(3)  # nobody gets past it unless all three run

    def call(n: int) -> int:
        all_run.wait(10)
        time.sleep(0.02 * (3 - n))
        return n

    assert [result() for result in start_all([partial(call, n) for n in range(3)])] == [0, 1, 2]


def test_an_error_of_one_call_ends_the_waiting_for_another_unless_it_concerns_itself_alone() -> None:
    never, told = threading.Event(), threading.Event()

    def lost() -> None:
        told.wait(10)
        raise ConnectionError("gone")

    def refused() -> None:
        raise ValueError("not this one")

    waiting, own, other = start_all([lambda: never.wait(60) or None, refused, lost], alone=ValueError)
    with pytest.raises(ValueError, match="not this one"):
        own()
    told.set()
    with pytest.raises(ConnectionError, match="gone"):
        waiting()
    with pytest.raises(ConnectionError, match="gone"):
        other()
    never.set()


def test_calls_begun_at_once_see_the_context_of_whoever_asked_for_them() -> None:
    tracer: ContextVar[str] = ContextVar("tracer", default="none")
    tracer.set("a run of LangSmith")
    assert [result() for result in start_all([tracer.get, tracer.get])] == ["a run of LangSmith"] * 2
