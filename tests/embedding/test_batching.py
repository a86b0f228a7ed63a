"""Texts that several threads request are computed in one batch, each text once, and each thread gets its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import pytest

from rag.embedding.batching import BATCH_SIZE, Batcher


@dataclass
class TextLengths:
    """The computation: the length of each text. It records its batches and waits in the first one for ``proceed``."""

    batches: list[list[str]] = field(default_factory=list)
    started: threading.Event = field(default_factory=threading.Event)
    proceed: threading.Event = field(default_factory=threading.Event)
    error: BaseException = field(default_factory=lambda: ValueError("bad text"))

    def __call__(self, texts: list[str]) -> Sequence[int]:
        self.batches.append(texts)
        self.started.set()
        assert self.proceed.wait(10)
        if "bad" in texts:
            raise self.error
        return [len(text) for text in texts]


def run_in_thread(call: Callable[[], list[int]]) -> Future[list[int]]:
    future: Future[list[int]] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def request_concurrently(batcher: Batcher[int], lengths: TextLengths, *requests: list[str]) -> list[Future[list[int]]]:
    """Make the first request, and the others while it is being computed."""
    futures = [run_in_thread(lambda: batcher(requests[0]))]
    assert lengths.started.wait(10)
    for number, texts in enumerate(requests[1:], 1):
        futures.append(run_in_thread(lambda texts=texts: batcher(texts)))  # type: ignore[misc]
        while batcher.waiting < number:
            threading.Event().wait(0.005)
    lengths.proceed.set()
    return futures


def test_requests_that_arrive_during_a_computation_form_one_batch_without_duplicates() -> None:
    lengths = TextLengths()
    batcher = Batcher(lengths, cache_size=100)
    first, second, third = request_concurrently(batcher, lengths, ["a"], ["bb", "a", "bb"], ["ccc", "bb"])
    assert (first.result(10), second.result(10), third.result(10)) == ([1], [2, 1, 2], [3, 2])
    assert lengths.batches == [["a"], ["bb", "ccc"]]


def test_batch_has_a_maximum_size() -> None:
    lengths = TextLengths()
    batcher = Batcher(lengths, cache_size=10_000)
    requests = [[f"{n} {i}" for i in range(BATCH_SIZE // 2)] for n in range(3)]
    for future in request_concurrently(batcher, lengths, ["first"], *requests):
        future.result(10)
    assert [len(batch) for batch in lengths.batches] == [1, BATCH_SIZE, BATCH_SIZE // 2]


class Panic(BaseException):
    """As a library in Rust raises it."""


@pytest.mark.parametrize("error", [ValueError("bad text"), Panic("bad text")])
def test_error_reaches_only_the_request_that_causes_it(error: BaseException) -> None:
    lengths = TextLengths(error=error)
    batcher = Batcher(lengths, cache_size=100)
    first, second, third = request_concurrently(batcher, lengths, ["a"], ["bad"], ["ccc"])
    assert (first.result(10), third.result(10)) == ([1], [3])
    with pytest.raises(type(error), match="bad text"):
        second.result(10)
    with pytest.raises(type(error), match="bad text"):
        run_in_thread(lambda: batcher(["bad"])).result(10)


def test_least_recently_used_values_leave_the_cache_first() -> None:
    lengths = TextLengths()
    lengths.proceed.set()
    batcher = Batcher(lengths, cache_size=6, size_of=lambda length: length)
    for text in ("aaa", "bb", "aaa", "cc", "aaa", "bb"):  # "cc" replaces "bb", because "aaa" was used since
        batcher([text])
    assert lengths.batches == [["aaa"], ["bb"], ["cc"], ["bb"]]


def test_value_larger_than_the_cache_is_returned() -> None:
    lengths = TextLengths()
    lengths.proceed.set()
    assert Batcher(lengths, cache_size=6, size_of=lambda length: length)(["longer than that"]) == [16]


def test_remembered_values_are_not_computed_and_count_for_the_size_of_the_cache() -> None:
    lengths = TextLengths()
    lengths.proceed.set()
    batcher = Batcher(lengths, cache_size=6, size_of=lambda length: length)
    batcher.remember({"aaa": 3})
    assert batcher(["aaa"]) == [3] and lengths.batches == []
    batcher.remember({"aaa": 3, "bbb": 3})
    batcher(["c"])  # of the seven only six are kept: "aaa" leaves
    batcher(["bbb", "aaa"])
    assert lengths.batches == [["c"], ["aaa"]]
