"""Batching across threads: what several threads request is computed in one batch, and each item once.

Questions that are answered concurrently share the encoder and the verifier. Requests that arrive while it is busy form
the next batch, and values are cached, because the same passages occur for many questions. The computation must give an
item the same value whatever else is in its batch; then sharing changes the time it takes and nothing else.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")

BATCH_SIZE = 256
"""Maximum items per batch, unless a single request has more: further requests wait for the next batch."""

WIDTH_STEP = 8
"""Texts are padded to a multiple of this many tokens, and a batch has texts of one width only.

The width of a batch changes a vector in its last bits, so a text's vector would otherwise depend on its neighbours.
"""

TOKENS_PER_BATCH = 1024
"""Tokens per forward pass. Larger batches are not faster on a CPU and soon exceed its cache."""

TEXTS_PER_BATCH = 512
"""Texts that the index embeds and stores at a time, so that its memory does not grow with the corpus."""

CACHED_TEXTS = 16_384
"""Number of text vectors that are cached; each takes 1.5 kB."""

_THREAD = ThreadPoolExecutor(1, thread_name_prefix="encoder")
"""Runs all computations. One thread, because a tokenizer cannot be shared by threads, torch starts a thread pool for
each thread that calls it, and two concurrent forward passes compete for the cores without a gain."""


class Batcher(Generic[KeyT, ValueT]):
    """Makes ``function``, which maps a list of items, such as texts, to their values, callable by many threads.

    Args:
        function: the computation; it runs in one thread.
        cache_size: maximum total size of the cached values; the least recently used go first.
        size_of: the size of a value, 1 by default.
    """

    def __init__(
        self,
        function: Callable[[list[KeyT]], Sequence[ValueT]],
        *,
        cache_size: int,
        size_of: Callable[[ValueT], int] = lambda _: 1,
    ) -> None:
        self._function = function
        self._cache_size = cache_size
        self._size_of = size_of
        self._cache: OrderedDict[KeyT, ValueT] = OrderedDict()
        self._cached_size = 0
        self._waiting: deque[tuple[list[KeyT], Future[list[ValueT]]]] = deque()
        self._lock = threading.Lock()

    def __call__(self, items: Sequence[KeyT]) -> list[ValueT]:
        """Return the values of ``items``, in order.

        Raises:
            BaseException: what the function raises on these items, but not what it raises on those of other threads.
        """
        request = list(items)
        with self._lock:
            if all(item in self._cache for item in request):
                return [self._get_cached(item) for item in request]
            future: Future[list[ValueT]] = Future()
            self._waiting.append((request, future))
        # One task per request: the first to run serves several requests and leaves the others nothing to do.
        _THREAD.submit(self._run_batch)
        return future.result()

    def remember(self, values: Mapping[KeyT, ValueT]) -> None:
        """Cache values that another computation has had as a by-product; they must be those of the function."""
        with self._lock:
            self._remember(values)

    @property
    def waiting(self) -> int:
        """The number of requests that wait for the next batch."""
        return len(self._waiting)

    def _run_batch(self) -> None:
        requests = self._next_requests()
        try:
            values = self._compute([item for items, _ in requests for item in items])
        except BaseException as error:  # a panic of a tokenizer in Rust is no Exception
            if len(requests) == 1:
                requests[0][1].set_exception(error)
                return
            for items, future in requests:  # one by one, so that the error reaches only the request that causes it
                try:
                    future.set_result(list(map(self._compute(items).__getitem__, items)))
                except BaseException as own:
                    future.set_exception(own)
            return
        for items, future in requests:
            future.set_result([values[item] for item in items])

    def _next_requests(self) -> list[tuple[list[KeyT], Future[list[ValueT]]]]:
        """Remove and return the first request, and those after it that fit into the batch."""
        requests: list[tuple[list[KeyT], Future[list[ValueT]]]] = []
        items = 0
        with self._lock:
            while self._waiting and (not requests or items + len(self._waiting[0][0]) <= BATCH_SIZE):
                requests.append(self._waiting.popleft())
                items += len(requests[-1][0])
        return requests

    def _compute(self, items: Sequence[KeyT]) -> dict[KeyT, ValueT]:
        """Return the values of ``items`` from the cache or the function."""
        with self._lock:
            values = {item: self._get_cached(item) for item in items if item in self._cache}
        new_items = [item for item in dict.fromkeys(items) if item not in values]
        if new_items:
            new_values = dict(zip(new_items, self._function(new_items), strict=True))
            values |= new_values
            with self._lock:
                self._remember(new_values)
        return values

    def _remember(self, values: Mapping[KeyT, ValueT]) -> None:
        for item, value in values.items():
            if item not in self._cache:
                self._cached_size += self._size_of(value)
            self._cache[item] = value
        while self._cached_size > self._cache_size and self._cache:
            self._cached_size -= self._size_of(self._cache.popitem(last=False)[1])

    def _get_cached(self, item: KeyT) -> ValueT:
        self._cache.move_to_end(item)
        return self._cache[item]
