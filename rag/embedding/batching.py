"""Texts that several threads want worked on, worked on together: one batch instead of many, and no text twice.

Questions that overlap all want the same encoder. What they ask for while it is busy is taken up as one batch when it
is free, and what was worked out is remembered, for passages come back from question to question. ``work`` has to give a
text the same value whatever stands beside it in the batch; then sharing is seen in the time that it takes, and in
nothing else.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Value = TypeVar("Value")

BATCH_SIZE = 256
"""Texts in a batch: what is asked for beyond them waits for the next one, and nobody for very long."""

_THREAD = ThreadPoolExecutor(1, thread_name_prefix="encoder")
"""All work is done in this one thread: a tokenizer serves one at a time, torch keeps a team of threads for each thread
that ever called it, and two passes at once share the cores and gain nothing."""


class Batcher(Generic[Value]):
    """``work``, a function of a list of texts, for many threads at a time.

    The values used last are remembered as long as their ``size`` adds up to ``remember`` at the most.
    """

    def __init__(
        self,
        work: Callable[[list[str]], Sequence[Value]],
        *,
        remember: int,
        size: Callable[[Value], int] = lambda _: 1,
    ) -> None:
        self._work = work
        self._remember = remember
        self._size = size
        self._known: OrderedDict[str, Value] = OrderedDict()
        self._held = 0
        self._waiting: deque[tuple[list[str], Future[list[Value]]]] = deque()
        self._lock = threading.Lock()

    def __call__(self, texts: Sequence[str]) -> list[Value]:
        """The values of ``texts``, in their order.

        Raises:
            Exception: whatever ``work`` raises on these texts; not what it raises on those of others.
        """
        mine = list(texts)
        with self._lock:
            if all(text in self._known for text in mine):
                return [self._recall(text) for text in mine]
            answer: Future[list[Value]] = Future()
            self._waiting.append((mine, answer))
        _THREAD.submit(self._next_batch)  # one for each request: the first takes along what the others would do
        return answer.result()

    def _next_batch(self) -> None:
        requests = self._taken()
        try:
            found = self._values([text for texts, _ in requests for text in texts])
        except Exception as error:
            if len(requests) == 1:
                requests[0][1].set_exception(error)
                return
            for texts, answer in requests:  # somebody's text is to blame, and only they should hear of it
                try:
                    answer.set_result(list(map(self._values(texts).__getitem__, texts)))
                except Exception as own:
                    answer.set_exception(own)
            return
        for texts, answer in requests:
            answer.set_result([found[text] for text in texts])

    def _taken(self) -> list[tuple[list[str], Future[list[Value]]]]:
        """The requests that are next: the first, and those behind it while the batch is not full."""
        requests: list[tuple[list[str], Future[list[Value]]]] = []
        texts = 0
        with self._lock:
            while self._waiting and (not requests or texts + len(self._waiting[0][0]) <= BATCH_SIZE):
                requests.append(self._waiting.popleft())
                texts += len(requests[-1][0])
        return requests

    def _values(self, texts: Sequence[str]) -> dict[str, Value]:
        with self._lock:
            found = {text: self._recall(text) for text in texts if text in self._known}
        new = [text for text in dict.fromkeys(texts) if text not in found]
        if new:
            made = dict(zip(new, self._work(new), strict=True))
            found |= made
            with self._lock:
                self._known |= made
                self._held += sum(map(self._size, made.values()))
                while self._held > self._remember and self._known:
                    self._held -= self._size(self._known.popitem(last=False)[1])
        return found

    def _recall(self, text: str) -> Value:
        self._known.move_to_end(text)
        return self._known[text]
