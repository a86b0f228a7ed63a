"""Texts that several threads want at a time: one batch, no text twice, and each thread gets what is its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import pytest

from rag.embedding.batching import BATCH_SIZE, Batcher


@dataclass
class Lengths:
    """The work: a text's length. It notes its batches, and begins the first one only when it may."""

    batches: list[list[str]] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def __call__(self, texts: list[str]) -> Sequence[int]:
        self.batches.append(texts)
        self.begun.set()
        assert self.go_on.wait(10)
        if "bad" in texts:
            raise ValueError("bad")
        return [len(text) for text in texts]


def meanwhile(call: Callable[[], list[int]]) -> Future[list[int]]:
    """``call`` in a thread of its own."""
    box: Future[list[int]] = Future()

    def run() -> None:
        try:
            box.set_result(call())
        except ValueError as error:
            box.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return box


def overlapping(shared: Batcher[int], work: Lengths, *requests: list[str]) -> list[Future[list[int]]]:
    """The answers to ``requests``, of which all but the first come while the first is being worked on."""
    boxes = [meanwhile(lambda: shared(requests[0]))]
    assert work.begun.wait(10)
    for number, texts in enumerate(requests[1:], 1):
        boxes.append(meanwhile(lambda texts=texts: shared(texts)))  # type: ignore[misc]
        while len(shared._waiting) < number:
            threading.Event().wait(0.005)
    work.go_on.set()
    return boxes


def test_what_is_asked_for_while_it_is_busy_becomes_one_batch_with_no_text_twice() -> None:
    work = Lengths()
    shared = Batcher(work, remember=100)
    first, second, third = overlapping(shared, work, ["a"], ["bb", "a", "bb"], ["ccc", "bb"])
    assert (first.result(10), second.result(10), third.result(10)) == ([1], [2, 1, 2], [3, 2])
    assert work.batches == [["a"], ["bb", "ccc"]]


def test_a_batch_has_an_end_so_that_nobody_waits_for_all_the_others() -> None:
    work = Lengths()
    shared = Batcher(work, remember=10_000)
    many = [[f"{n} {i}" for i in range(BATCH_SIZE // 2)] for n in range(3)]
    for box in overlapping(shared, work, ["first"], *many):
        box.result(10)
    assert [len(batch) for batch in work.batches] == [1, BATCH_SIZE, BATCH_SIZE // 2]


def test_an_error_reaches_whose_text_it_is_and_nobody_else() -> None:
    work = Lengths()
    shared = Batcher(work, remember=100)
    first, second, third = overlapping(shared, work, ["a"], ["bad"], ["ccc"])
    assert (first.result(10), third.result(10)) == ([1], [3])
    with pytest.raises(ValueError, match="bad"):
        second.result(10)


def test_what_was_used_last_is_remembered_up_to_a_size() -> None:
    work = Lengths()
    work.go_on.set()
    shared = Batcher(work, remember=6, size=lambda length: length)
    for text in ("aaa", "bb", "aaa", "cc", "aaa", "bb"):  # 'bb' goes when 'cc' comes: 'aaa' was used since
        shared([text])
    assert work.batches == [["aaa"], ["bb"], ["cc"], ["bb"]]
    assert shared(["a value that is larger than all that is remembered"]) == [50]
