"""Items are taken lazily, results come in order of completion, and calls that do not end are abandoned."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from functools import partial

import pytest

from rag._internal.concurrency import run_concurrently, start_all


def test_items_are_taken_as_threads_become_idle_and_each_gives_one_result() -> None:
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


def test_calls_run_concurrently_and_results_come_in_order_of_completion() -> None:
    both_running = threading.Barrier(2)

    def do(seconds: float) -> float:
        both_running.wait(10)
        time.sleep(seconds)
        return seconds

    event = threading.Event
    assert list(run_concurrently(do, [0.3, 0.0], jobs=2, stop=event(), halt=lambda: None)) == [0.0, 0.3]


def test_after_stop_no_item_is_taken_and_calls_that_do_not_end_are_abandoned() -> None:
    stop, halt, never = threading.Event(), threading.Event(), threading.Event()

    def do(item: str) -> str:
        if item == "ignores halt":
            never.wait(60)
        elif item == "obeys halt":
            halt.wait(60)
        return item

    began, seen = time.monotonic(), []
    for result in run_concurrently(
        do, ["ignores halt", "quick", "obeys halt", "not taken"], jobs=3, stop=stop, halt=halt.set, grace=0.5
    ):
        seen.append(result)
        stop.set()
    never.set()
    assert seen == ["quick", "obeys halt"]
    assert time.monotonic() - began < 30


def test_closing_the_generator_halts_running_calls() -> None:
    halt = threading.Event()
    results = run_concurrently(lambda n: n or halt.wait(60), [1, 0, 0], jobs=2, stop=threading.Event(), halt=halt.set)
    assert next(results) == 1
    results.close()
    assert halt.is_set()


def test_errors_of_the_function_and_of_the_items_are_raised_to_the_caller() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("item 2 is invalid")

    with pytest.raises(ZeroDivisionError, match="division"):
        list(run_concurrently(lambda n: 1 // n, [0], jobs=1, stop=threading.Event(), halt=lambda: None))
    with pytest.raises(ValueError, match="item 2 is invalid"):
        list(run_concurrently(lambda n: n, items(), jobs=1, stop=threading.Event(), halt=lambda: None))


def test_items_are_processed_in_the_context_of_the_caller() -> None:
    tracer: ContextVar[str] = ContextVar("tracer", default="none")
    tracer.set("a run of LangSmith")
    event = threading.Event
    assert list(run_concurrently(lambda _: tracer.get(), [1], jobs=1, stop=event(), halt=lambda: None)) == [
        "a run of LangSmith"
    ]


def test_started_calls_run_concurrently_and_results_come_in_order_of_the_calls() -> None:
    all_running = threading.Barrier(3)

    def call(n: int) -> int:
        all_running.wait(10)
        time.sleep(0.02 * (3 - n))
        return n

    assert [result() for result in start_all([partial(call, n) for n in range(3)])] == [0, 1, 2]


def test_error_of_a_call_ends_the_wait_for_another_unless_its_class_is_isolated() -> None:
    never, fail = threading.Event(), threading.Event()

    def lose_connection() -> None:
        fail.wait(10)
        raise ConnectionError("gone")

    def refuse() -> None:
        raise ValueError("not this one")

    waiting, own, other = start_all([lambda: never.wait(60) or None, refuse, lose_connection], isolated=ValueError)
    with pytest.raises(ValueError, match="not this one"):
        own()
    fail.set()
    with pytest.raises(ConnectionError, match="gone"):
        waiting()
    with pytest.raises(ConnectionError, match="gone"):
        other()
    never.set()


def test_started_calls_run_in_the_context_of_the_caller() -> None:
    tracer: ContextVar[str] = ContextVar("tracer", default="none")
    tracer.set("a run of LangSmith")
    assert [result() for result in start_all([tracer.get, tracer.get])] == ["a run of LangSmith"] * 2
