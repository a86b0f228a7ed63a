"""A limit on requests and tokens a minute, shared by all briefs of a batch and safe for threads."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from rag.errors import ModelError
from rag.llm.call import OnWait

if TYPE_CHECKING:
    from pyrate_limiter import InMemoryBucket

WINDOW_MS = 60_000
"""Milliseconds in which requests and tokens are counted: any minute, not the calendar's."""

TOKEN_UNITS = 10_000
"""Units into which the tokens of a minute are divided: the bucket keeps an entry for each unit."""

REPORTED_WAIT = 5.0
"""Seconds from which on a wait is reported."""


class RateLimiter:
    """At most ``rpm`` requests and ``tpm`` tokens in any minute; 0 is no limit. Calls go in the order of arrival.

    pyrate-limiter's sliding log does the counting, which is exact: its leaky buckets let twice the limit pass in the
    first minute. The waiting is implemented here because the library's cannot be interrupted.

    Args:
        rpm: the limit on requests.
        tpm: the limit on tokens.
        window_ms: milliseconds in which both are counted.
    """

    def __init__(self, rpm: int, tpm: int, *, window_ms: int = WINDOW_MS) -> None:
        self._tpm = tpm
        self._tokens_per_unit = max(1, tpm // TOKEN_UNITS)
        self._request_bucket = _bucket(rpm, window_ms)
        self._token_bucket = _bucket(tpm // self._tokens_per_unit, window_ms)
        self._turn = threading.Lock()
        self._stopped = threading.Event()

    def wait(self, tokens: int, on_wait: OnWait = lambda _: None) -> int:
        """Wait until a request may go. Return when that was, in milliseconds of the monotonic clock.

        Args:
            tokens: the most tokens of the request and its reply.
            on_wait: called with a message before a long wait.

        Raises:
            ModelError: the tokens exceed a whole minute's limit, or :meth:`stop` was called.
        """
        with self._turn:  # held while waiting, so that small requests do not overtake a large one again and again
            if self._token_bucket is not None:
                if tokens > self._tpm:
                    raise ModelError(
                        f"a call of up to {tokens:,} tokens is more than CITEBRIEF_TPM={self._tpm} lets pass: raise it"
                    )
                units = -(-tokens // self._tokens_per_unit)
                self._wait_for(self._token_bucket, units, f"{self._tpm:,} tokens a minute", on_wait)
            if self._request_bucket is not None:
                rpm = self._request_bucket.rates[0].limit
                self._wait_for(self._request_bucket, 1, f"{rpm:,} requests a minute", on_wait)
            return time.monotonic_ns() // 1_000_000

    def stop(self) -> None:
        """Wake all waiting calls; each gets a ``ModelError``."""
        self._stopped.set()

    def _wait_for(self, bucket: InMemoryBucket, weight: int, limit: str, on_wait: OnWait) -> None:
        from pyrate_limiter import RateItem

        reported = False
        while not self._stopped.is_set():
            now = time.monotonic_ns() // 1_000_000
            bucket.leak(now)
            decision = bucket.put_decision(RateItem("call", now, min(weight, bucket.rates[0].limit)))
            if decision.allowed:  # type: ignore[union-attr]  # a bucket in memory gives no awaitable
                return
            seconds = (decision.retry_after_ms or 1) / 1000  # type: ignore[union-attr]
            if seconds >= REPORTED_WAIT and not reported:
                on_wait(f"at most {limit}: the next call goes in {seconds:.0f} s")
                reported = True
            self._stopped.wait(seconds)
        raise ModelError("stopped while a call waited for the rate limit")


def _bucket(limit: int, window_ms: int) -> InMemoryBucket | None:
    if not limit:
        return None
    from pyrate_limiter import InMemoryBucket, Rate

    return InMemoryBucket([Rate(limit, window_ms)])
