"""Batching across threads: texts that several threads request are computed in one batch, and each text once.

Questions that are answered concurrently share the encoder. Requests that arrive while it is busy form the next batch,
and values are cached, because the same passages occur for many questions. The computation must give a text the same
value whatever else is in its batch; then sharing changes the time it takes and nothing else.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

ValueT = TypeVar("ValueT")

BATCH_SIZE = 256
"""Maximum texts per batch, unless a single request has more: further requests wait for the next batch."""

_THREAD = ThreadPoolExecutor(1, thread_name_prefix="encoder")
"""Runs all computations. One thread, because a tokenizer cannot be shared by threads, torch starts a thread pool for
each thread that calls it, and two concurrent forward passes compete for the cores without a gain."""


class Batcher(Generic[ValueT]):
    """Makes ``function``, which maps a list of texts to their values, callable by many threads.

    Args:
        function: the computation; it runs in one thread.
        cache_size: maximum total size of the cached values; the least recently used go first.
        size_of: the size of a value, 1 by default.
    """

    def __init__(
        self,
        function: Callable[[list[str]], Sequence[ValueT]],
        *,
        cache_size: int,
        size_of: Callable[[ValueT], int] = lambda _: 1,
    ) -> None:
        self._function = function
        self._cache_size = cache_size
        self._size_of = size_of
        self._cache: OrderedDict[str, ValueT] = OrderedDict()
        self._cached_size = 0
        self._waiting: deque[tuple[list[str], Future[list[ValueT]]]] = deque()
        self._lock = threading.Lock()

    def __call__(self, texts: Sequence[str]) -> list[ValueT]:
        """Return the values of ``texts``, in order.

        Raises:
            Exception: what the function raises on these texts, but not what it raises on those of other threads.
        """
        request = list(texts)
        with self._lock:
            if all(text in self._cache for text in request):
                return [self._get_cached(text) for text in request]
            future: Future[list[ValueT]] = Future()
            self._waiting.append((request, future))
        # One task per request: the first to run serves several requests and leaves the others nothing to do.
        _THREAD.submit(self._run_batch)
        return future.result()

    @property
    def waiting(self) -> int:
        """The number of requests that wait for the next batch."""
        return len(self._waiting)

    def _run_batch(self) -> None:
        requests = self._next_requests()
        try:
            values = self._compute([text for texts, _ in requests for text in texts])
        except Exception as error:
            if len(requests) == 1:
                requests[0][1].set_exception(error)
                return
            for texts, future in requests:  # one by one, so that the error reaches only the request that causes it
                try:
                    future.set_result(list(map(self._compute(texts).__getitem__, texts)))
                except Exception as own:
                    future.set_exception(own)
            return
        for texts, future in requests:
            future.set_result([values[text] for text in texts])

    def _next_requests(self) -> list[tuple[list[str], Future[list[ValueT]]]]:
        """Remove and return the first request, and those after it that fit into the batch."""
        requests: list[tuple[list[str], Future[list[ValueT]]]] = []
        texts = 0
        with self._lock:
            while self._waiting and (not requests or texts + len(self._waiting[0][0]) <= BATCH_SIZE):
                requests.append(self._waiting.popleft())
                texts += len(requests[-1][0])
        return requests

    def _compute(self, texts: Sequence[str]) -> dict[str, ValueT]:
        """Return the values of ``texts`` from the cache or the function."""
        with self._lock:
            values = {text: self._get_cached(text) for text in texts if text in self._cache}
        new_texts = [text for text in dict.fromkeys(texts) if text not in values]
        if new_texts:
            new_values = dict(zip(new_texts, self._function(new_texts), strict=True))
            values |= new_values
            with self._lock:
                self._cache |= new_values
                self._cached_size += sum(map(self._size_of, new_values.values()))
                while self._cached_size > self._cache_size and self._cache:
                    self._cached_size -= self._size_of(self._cache.popitem(last=False)[1])
        return values

    def _get_cached(self, text: str) -> ValueT:
        self._cache.move_to_end(text)
        return self._cache[text]
