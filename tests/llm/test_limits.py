"""A budget that cannot be passed, and so many requests and tokens a minute, however many threads ask."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rag.errors import BudgetSpent, ModelError, UsageError
from rag.llm import limits
from rag.llm.limits import Budget, RateLimiter
from rag.llm.pricing import FREE, Rates

RATES = Rates(prompt=1.0, cached=0.1, completion=10.0)


# --- the purse ------------------------------------------------------------------------------------------------------


def test_what_is_spent_and_reserved_never_passes_the_budget_whatever_the_threads_do() -> None:
    budget, most, seen = Budget(1.0, RATES), 0.03, []

    def spend(seed: int) -> int:
        chance, calls = random.Random(seed), 0
        try:
            while True:
                budget.reserve(most)
                seen.append(budget.spent + budget.reserved)
                time.sleep(chance.random() / 500)
                budget.settle(most, chance.random() * most)
                calls += 1
        except BudgetSpent:
            return calls

    with ThreadPoolExecutor(16) as pool:
        calls = sum(pool.map(spend, range(16)))
    assert calls > 1.0 / most  # calls that cost less than they might have leave room for more
    assert max(seen) <= 1.0 + 1e-9
    assert 1.0 - most < budget.spent <= 1.0  # it stops only when the next call might not fit
    assert budget.reserved == 0


def test_a_call_that_fits_once_another_has_settled_waits_for_it() -> None:
    budget, went = Budget(0.10, RATES), threading.Event()
    budget.reserve(0.08)
    other = threading.Thread(target=lambda: (budget.reserve(0.08), went.set()))
    other.start()
    assert not went.wait(0.1)
    budget.settle(0.08, 0.01)
    assert went.wait(5)
    other.join()


def test_a_call_that_does_not_fit_is_told_what_is_left_and_what_it_may_cost() -> None:
    budget = Budget(0.10, RATES, spent=0.07)  # a run that is resumed has spent before
    with pytest.raises(BudgetSpent, match=r"\$0\.1 has \$0\.0300 left, and the next call may cost \$0\.0400"):
        budget.reserve(0.04)
    budget.reserve(0.03)


def test_without_a_budget_nothing_is_refused_and_what_is_spent_is_counted() -> None:
    budget = Budget(None, RATES)
    budget.reserve(1e9)
    budget.settle(1e9, 2.5)
    assert budget.spent == 2.5


def test_a_budget_without_a_price_is_wrong_usage_up_front() -> None:
    with pytest.raises(UsageError, match=r"home-made .*CITEBRIEF_PRICES"):
        Budget(1.0, None, model="home-made")
    assert Budget(None, None).cost({"prompt": 1}) is None
    assert Budget(0.0, FREE).bound(b"x" * 10_000, 10_000) == 0  # a local model fits into any budget


# --- the pace -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rpm", "tpm"), [(5, 0), (0, 50), (5, 40), (4, 1_000)])
def test_no_minute_sees_more_requests_or_tokens_than_the_limits(
    rpm: int, tpm: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    minute = 500
    monkeypatch.setattr(limits, "MINUTE", minute)
    rate_limiter = RateLimiter(rpm, tpm)
    kinds = ((rate_limiter._requests, rpm, 1), (rate_limiter._tokens, tpm, 10))
    permits = [(limit, weight, noted(bucket)) for bucket, limit, weight in kinds if limit]
    started = time.monotonic()
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda _: rate_limiter.wait(10), range(12)))
    for limit, weight, times in permits:
        assert len(times) == 12
        assert max(sum(weight for at in times if start <= at < start + minute) for start in times) <= limit
    assert time.monotonic() - started < 20  # three minutes' worth


def noted(bucket: Any) -> list[int]:
    """When the calls are let go from now on, in milliseconds. A thread may notice later, so the bucket is watched."""
    times: list[int] = []
    decide = bucket.put_decision

    def watched(item: Any) -> Any:
        decision = decide(item)
        if decision.allowed:
            times.append(item.timestamp)
        return decision

    bucket.put_decision = watched
    return times


def test_no_limit_is_no_wait() -> None:
    rate_limiter, started = RateLimiter(0, 0), time.monotonic()
    for _ in range(1000):
        rate_limiter.wait(10**9)
    assert time.monotonic() - started < 1


def test_a_big_limit_takes_little_memory_and_is_kept() -> None:
    rate_limiter = RateLimiter(0, 150_000_000)  # what a large account may use: an entry a token would be a gigabyte
    for _ in range(10):
        rate_limiter.wait(15_000_000)
    assert rate_limiter._tokens is not None
    assert rate_limiter._tokens.count() <= limits.FINE
    threading.Timer(0.1, rate_limiter.stop).start()
    with pytest.raises(ModelError, match="stopped"):  # the minute is used up
        rate_limiter.wait(15_000_000)


def test_a_call_that_no_minute_has_room_for_is_told_at_once() -> None:
    with pytest.raises(ModelError, match=r"5,000 tokens is more than CITEBRIEF_TPM=1000"):
        RateLimiter(0, 1000).wait(5000)


def test_a_long_wait_is_told_once_and_can_be_ended() -> None:
    told: list[str] = []
    rate_limiter = RateLimiter(1, 0, told.append)
    rate_limiter.wait(1)
    waiting = ThreadPoolExecutor(2)
    later = [waiting.submit(rate_limiter.wait, 1) for _ in range(2)]
    time.sleep(0.1)
    rate_limiter.stop()
    for each in later:
        with pytest.raises(ModelError, match="stopped"):
            each.result(5)
    (message,) = told
    assert message.startswith("at most 1 requests a minute: the next call goes in ")
