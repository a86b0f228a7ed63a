"""A spending limit that is not exceeded, whatever the threads do."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rag.errors import BudgetSpent, UsageError
from rag.llm import FREE, Budget, Rates

RATES = Rates(prompt=1.0, cached=0.1, completion=10.0)


def test_spent_and_reserved_sums_never_exceed_the_budget_in_many_threads() -> None:
    budget, most, seen = Budget(1.0, RATES), 0.03, []

    def spend(seed: int) -> int:
        generator, calls = random.Random(seed), 0
        try:
            while True:
                budget.reserve(most)
                seen.append(budget.spent + budget.reserved)
                time.sleep(generator.random() / 500)
                budget.settle(most, generator.random() * most)
                calls += 1
        except BudgetSpent:
            return calls

    with ThreadPoolExecutor(16) as pool:
        calls = sum(pool.map(spend, range(16)))
    assert calls > 1.0 / most  # calls that cost less than their bound leave room for more
    assert max(seen) <= 1.0 + 1e-9
    assert 1.0 - most < budget.spent <= 1.0  # the last call is refused only if it might not fit
    assert budget.reserved == 0


def test_a_call_waits_for_another_to_settle_if_it_then_fits() -> None:
    budget, reserved = Budget(0.10, RATES), threading.Event()
    budget.reserve(0.08)
    other = threading.Thread(target=lambda: (budget.reserve(0.08), reserved.set()))
    other.start()
    assert not reserved.wait(0.1)
    budget.settle(0.08, 0.01)
    assert reserved.wait(5)
    other.join()


def test_a_call_that_does_not_fit_fails_with_what_is_left_and_what_it_may_cost() -> None:
    budget = Budget(0.10, RATES, spent=0.07)  # as in a run that is resumed
    with pytest.raises(BudgetSpent, match=r"\$0\.1 has \$0\.0300 left, and the next call may cost \$0\.0400"):
        budget.reserve(0.04)
    budget.reserve(0.03)


def test_without_a_limit_no_call_is_refused_and_spending_is_counted() -> None:
    budget = Budget(None, RATES)
    budget.reserve(1e9)
    budget.settle(1e9, 2.5)
    assert budget.spent == 2.5


def test_a_limit_without_a_price_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"home-made .*CITEBRIEF_PRICES"):
        Budget(1.0, None, model="home-made")
    assert Budget(None, None).cost({"prompt": 1}) is None
    Budget(0.0, FREE).reserve(FREE.bound(10_000, 10_000))  # a local model fits into any budget
