"""The budget that the workers on Ray share, without a cluster."""

from __future__ import annotations

import threading
import time

from rag.batch.ray.budget import BudgetActor
from rag.llm import Rates

DOLLAR_A_TOKEN = Rates(prompt=1e6, cached=1e6, completion=1e6)


def test_the_workers_in_total_never_exceed_the_budget() -> None:
    actor = BudgetActor(10.0, DOLLAR_A_TOKEN, 4.0)
    assert actor.reserve("one", 3.0) == ""
    assert actor.reserve("two", 3.0) == ""
    answers: list[str] = []
    waiting = threading.Thread(target=lambda: answers.append(actor.reserve("one", 2.0)))
    waiting.start()
    time.sleep(0.2)
    assert answers == [], "it waits, since another call may cost less than its maximum"
    actor.settle("two", 3.0, 1.0)
    waiting.join(10)
    assert answers == [""]
    actor.settle("one", 3.0, 3.0)
    actor.settle("one", 2.0, 2.0)
    assert "was not made" in actor.reserve("two", 1.0)
    assert actor.drain()[0] == [1.0, 3.0, 2.0]


def test_reservations_of_a_dead_worker_are_spent_and_what_it_waited_for_is_released() -> None:
    actor = BudgetActor(5.0, DOLLAR_A_TOKEN, 0.0)
    assert actor.reserve("dying", 3.0) == ""
    answers: list[str] = []
    waiting = threading.Thread(target=lambda: answers.append(actor.reserve("dying", 2.0)))
    actor.write_off("dying")
    waiting.start()
    waiting.join(10)
    actor.settle("dying", 3.0, 0.5)  # it was only unreachable; this comes too late
    assert answers == ["the worker is dead"]
    assert actor.drain()[0] == [3.0]
    assert actor.reserve("alive", 2.0) == ""
