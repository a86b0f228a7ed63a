"""A limit on requests and tokens a minute, whatever the threads do."""

from __future__ import annotations

import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from rag.errors import ModelError
from rag.llm.rate_limiter import TOKEN_UNITS, RateLimiter


@pytest.mark.parametrize(("rpm", "tpm"), [(5, 0), (0, 50), (5, 40), (4, 1_000)])
def test_no_minute_has_more_requests_or_tokens_than_the_limits(rpm: int, tpm: int) -> None:
    window_ms, tokens = 500, 10
    rate_limiter = RateLimiter(rpm, tpm, window_ms=window_ms)
    started = time.monotonic()
    with ThreadPoolExecutor(12) as pool:
        times = list(pool.map(lambda _: rate_limiter.wait(tokens), range(12)))
    most = max(sum(start <= at < start + window_ms for at in times) for start in times)
    assert not rpm or most <= rpm
    assert not tpm or most * tokens <= tpm
    assert time.monotonic() - started < 20  # three windows' worth


def test_without_a_limit_no_call_waits() -> None:
    rate_limiter, started = RateLimiter(0, 0), time.monotonic()
    for _ in range(1000):
        rate_limiter.wait(10**9)
    assert time.monotonic() - started < 1


def test_a_large_limit_takes_little_memory_and_holds() -> None:
    rate_limiter = RateLimiter(0, 150_000_000)  # a large account's limit: an entry per token would take a gigabyte
    tracemalloc.start()
    for _ in range(10):
        rate_limiter.wait(15_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6
    threading.Timer(0.1, rate_limiter.stop).start()
    with pytest.raises(ModelError, match="stopped"):  # the minute is used up
        rate_limiter.wait(15_000_000)


def test_tokens_that_fill_no_whole_unit_count_as_one() -> None:
    rate_limiter = RateLimiter(0, 10 * TOKEN_UNITS)  # ten tokens a unit
    for _ in range(5):
        rate_limiter.wait(2 * TOKEN_UNITS - 9)
    threading.Timer(0.1, rate_limiter.stop).start()
    with pytest.raises(ModelError, match="stopped"):  # the minute is used up
        rate_limiter.wait(9)


def test_a_call_that_exceeds_a_whole_minute_fails_at_once() -> None:
    with pytest.raises(ModelError, match=r"5,000 tokens is more than CITEBRIEF_TPM=1000"):
        RateLimiter(0, 1000).wait(5000)


def test_a_long_wait_is_reported_once_and_can_be_stopped() -> None:
    messages: list[str] = []
    rate_limiter = RateLimiter(1, 0)
    rate_limiter.wait(1)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(rate_limiter.wait, 1, messages.append) for _ in range(2)]
        time.sleep(0.1)
        rate_limiter.stop()
        for call in waiting:
            with pytest.raises(ModelError, match="stopped"):
                call.result(5)
    (message,) = messages
    assert message.startswith("at most 1 requests a minute: the next call goes in ")
