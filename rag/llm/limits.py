"""What a model may be sent: a budget that cannot be passed, and so many requests and tokens a minute.

Both are shared by all briefs of a batch, and safe for threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from rag.errors import BudgetSpent, ModelError, UsageError

if TYPE_CHECKING:
    from pyrate_limiter import InMemoryBucket

    from rag.llm.pricing import Rates

MINUTE = 60_000
"""Milliseconds in which ``rpm`` and ``tpm`` are counted: any minute, not the calendar's."""

FINE = 10_000
"""Units in which the tokens of a minute are counted: the bucket keeps an entry for each of them."""

WORTH_TELLING = 5.0
"""Seconds of waiting that are told."""


class Budget:
    """A budget in US dollars; None is no limit. ``spent`` is what went before, as in a run that is resumed.

    The most that a call can cost is reserved before it goes out, and settled at what it did cost afterwards, so at any
    moment ``spent + reserved ≤ budget``. A call that would fit but for what others have reserved waits for them to
    settle; one that does not fit even then is not made. What is left unspent in the end is less than the bound of
    one call. ``on_paid`` is called with every sum as it is spent, by one thread at a time.

    Raises:
        UsageError: there is a budget, and no price to keep it by.
    """

    def __init__(
        self,
        budget_usd: float | None,
        rates: Rates | None,
        *,
        spent: float = 0.0,
        model: str = "the model",
        on_paid: Callable[[float], None] = lambda _: None,
    ) -> None:
        if budget_usd is not None and rates is None:
            raise UsageError(
                f"a budget needs a price, and that of {model} is not in the price table: put it into a file of the "
                "table's shape, and name that with CITEBRIEF_PRICES"
            )
        self.budget_usd = budget_usd
        self.rates = rates
        self.spent = spent
        self.reserved = 0.0
        self._on_paid = on_paid
        self._under_way = 0
        self._changed = threading.Condition()

    def bound(self, request: bytes, reply: int) -> float:
        """The most that a request of these bytes with at most ``reply`` tokens in return can cost, in US dollars.

        A token of a byte-level vocabulary stands for one byte of text at least, and the request's own JSON (keys,
        quotes, the schema's braces) is longer than what a provider adds to mark where messages begin and end.
        """
        return self.rates.bound(len(request), reply) if self.rates else 0.0

    def cost(self, tokens: Mapping[str, int]) -> float | None:
        """What ``tokens`` cost in US dollars; None where the price is unknown."""
        return self.rates.cost(tokens) if self.rates else None

    def reserve(self, most: float) -> None:
        """Set ``most`` dollars aside, once others have settled if need be. Follow it by :meth:`settle`.

        Raises:
            BudgetSpent: it does not fit; nothing is set aside.
        """
        with self._changed:
            while self.budget_usd is not None and most and self.spent + self.reserved + most > self.budget_usd:
                if self.spent + most > self.budget_usd:
                    raise BudgetSpent(
                        f"the budget of ${self.budget_usd:g} has ${self.budget_usd - self.spent:.4f} left, and the next call "
                        f"may cost ${most:.4f}: it was not made"
                    )
                self._changed.wait()
            self.reserved += most
            self._under_way += 1

    def settle(self, most: float, actual: float) -> None:
        """Give back the ``most`` that was reserved, and spend ``actual`` of it."""
        with self._changed:
            self._under_way -= 1
            self.reserved = self.reserved - most if self._under_way else 0.0  # no rounding is left to wait for
            self.spent += actual
            self._changed.notify_all()
            if actual:
                self._on_paid(actual)


class RateLimiter:
    """At most ``rpm`` requests and ``tpm`` tokens in any minute; 0 is no limit. Calls go in the order of their coming.

    The counting is pyrate-limiter's sliding log, which is exact: its leaky buckets let twice the limit pass in the
    first minute. The waiting is ours, because the library's cannot be woken.
    """

    def __init__(self, rpm: int, tpm: int, tell: Callable[[str], None] = lambda _: None) -> None:
        self._tpm = tpm
        self._unit = max(1, tpm // FINE)
        self._requests = _bucket(rpm)
        self._tokens = _bucket(tpm // self._unit)
        self._tell = tell
        self._turn = threading.Lock()
        self._stopped = threading.Event()

    def wait(self, tokens: int) -> None:
        """Return when a request that may come to ``tokens`` tokens can go.

        Raises:
            ModelError: it is more than a whole minute's tokens, or :meth:`stop` was called.
        """
        with self._turn:  # whoever waits holds it, so that a big request is not overtaken for ever by small ones
            if self._tokens is not None:
                if tokens > self._tpm:
                    raise ModelError(
                        f"a call of up to {tokens:,} tokens is more than CITEBRIEF_TPM={self._tpm} lets pass: raise it"
                    )
                self._await(self._tokens, -(-tokens // self._unit), f"{self._tpm:,} tokens a minute")
            if self._requests is not None:
                self._await(self._requests, 1, f"{self._requests.rates[0].limit:,} requests a minute")

    def stop(self) -> None:
        """Wake whoever waits; each gets a ``ModelError``."""
        self._stopped.set()

    def _await(self, bucket: InMemoryBucket, weight: int, limit: str) -> None:
        from pyrate_limiter import RateItem

        told = False
        while not self._stopped.is_set():
            now = time.monotonic_ns() // 1_000_000
            bucket.leak(now)
            decision = bucket.put_decision(RateItem("call", now, min(weight, bucket.rates[0].limit)))
            if decision.allowed:  # type: ignore[union-attr]  # a bucket in memory gives no awaitable
                return
            seconds = (decision.retry_after_ms or 1) / 1000  # type: ignore[union-attr]
            if seconds >= WORTH_TELLING and not told:
                self._tell(f"at most {limit}: the next call goes in {seconds:.0f} s")
                told = True
            self._stopped.wait(seconds)
        raise ModelError("stopped while a call waited for its turn")


def _bucket(limit: int) -> InMemoryBucket | None:
    if not limit:
        return None
    from pyrate_limiter import InMemoryBucket, Rate

    return InMemoryBucket([Rate(limit, MINUTE)])
