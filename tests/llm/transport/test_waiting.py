"""What calls do while a server keeps failing or asks to wait, and how many of them are made at once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any

import pytest
from fault_server import FaultServer, ScriptedReply, dropped, failing, rate_limited, slow
from transport_calls import Connect, ask, outcome

from rag.errors import ModelError, ModelLost
from rag.llm.breaker import BreakerPolicy
from rag.llm.transport import breaker as breaker_transport
from rag.llm.transport import factory

pytestmark = pytest.mark.integration  # real servers on loopback, and real waiting


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)


# --- a server that keeps failing -------------------------------------------------------------------------------------


def test_no_call_is_lost_when_a_server_dies_and_comes_back(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factory, "BREAKER_POLICY", BreakerPolicy(first_interval=0.2))
    messages: list[str] = []
    with FaultServer() as server, ThreadPoolExecutor(8) as pool:
        model = connect(server, patience=60, on_wait=messages.append)
        assert ask(model)
        server.die()
        calls = [pool.submit(ask, model) for _ in range(24)]
        time.sleep(1.5)
        assert not any(call.done() for call in calls)
        server.come_back()
        assert all(call.result(20) for call in calls)
        assert model.tokens["calls"] == len(server.requests) == 25
    assert "no connection: calls wait" in messages[0]
    assert messages[-1].endswith("answers again: calls go on")


@pytest.mark.parametrize(
    ("fault", "why"),
    [(failing(503), "the server failed (HTTP 503)"), (rate_limited(), "rate limit or quota"), (dropped(), "no conn")],
)
def test_all_calls_fail_with_the_same_error_when_the_patience_ends(
    fault: ScriptedReply, why: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(factory, "BREAKER_POLICY", BreakerPolicy(first_interval=0.2))
    with FaultServer(odds=[(fault, 1.0)]) as server, ThreadPoolExecutor(16) as pool:
        model = connect(server, patience=1, retries=3, concurrency=16)
        started = time.monotonic()
        outcomes = Counter(pool.map(lambda _: outcome(model), range(64)))
        assert time.monotonic() - started < 40
        ((message, count),) = outcomes.items()
        assert count == 64
        assert message.startswith("ModelLost: model gpt-4.1-mini at 127.0.0.1:")
        assert why in message
        assert "CITEBRIEF_PATIENCE" in message
        assert len(server.requests) < 64  # not four attempts for each call


def test_a_request_on_which_the_server_always_fails_does_not_stop_the_others(connect: Connect) -> None:
    with FaultServer([failing(500)] * 9) as server:
        model = connect(server, patience=600, retries=3)
        started = time.monotonic()
        with pytest.raises(ModelError, match="the server failed") as caught:
            ask(model)
        assert not isinstance(caught.value, ModelLost)
        with pytest.raises(ModelError, match="the server failed"):
            ask(model)
        assert ask(model)
        assert time.monotonic() - started < 60


@pytest.mark.parametrize("after", [3600, "date"])
def test_a_retry_after_of_an_hour_fails_at_once(after: Any, connect: Connect) -> None:
    value = formatdate(time.time() + 3600, usegmt=True) if after == "date" else after
    with FaultServer([rate_limited(retry_after=value)]) as server:
        model, started = connect(server, retries=3), time.monotonic()
        for _ in range(2):
            with pytest.raises(ModelLost, match=r"asks to wait 3(600|5\d\d) s"):
                ask(model)
        assert time.monotonic() - started < 60
        assert len(server.requests) == 1


def test_a_retry_after_makes_all_calls_wait_and_is_reported(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker_transport, "CLIENT_BACKOFF", 0.5)
    messages: list[str] = []
    with FaultServer([rate_limited(retry_after=1.5)]) as server, ThreadPoolExecutor(4) as pool:
        model = connect(server, on_wait=messages.append, patience=0, retries=0)
        first = pool.submit(ask, model)
        wait_until(lambda: bool(messages))
        rest = [pool.submit(ask, model) for _ in range(3)]
        assert all(call.result(20) for call in [first, *rest])
        assert server.requests[1].at - server.requests[0].at >= 1.4
        assert len(server.requests) == 5
    assert "rate limit or quota: calls wait; the next attempt is in" in messages[0]


def test_a_short_retry_after_is_left_to_the_client(connect: Connect) -> None:
    messages: list[str] = []
    with FaultServer([rate_limited(retry_after=0.3)]) as server:
        assert ask(connect(server, on_wait=messages.append, patience=0))
        assert server.requests[1].at - server.requests[0].at >= 0.3
    assert messages == []  # no other call waits for it


def test_only_the_brief_whose_call_waits_is_told(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker_transport, "CLIENT_BACKOFF", 0.1)
    waiting: list[str] = []
    others: list[str] = []
    with FaultServer([rate_limited(retry_after=0.3)]) as server:
        model = connect(server, on_wait=others.append)
        assert ask(model.with_own_counters(waiting.append))
        assert ask(model.with_own_counters(others.append))
    assert len(waiting) == 2  # that calls wait, and that they go on
    assert others == []


def test_stop_wakes_the_waiting_calls(connect: Connect) -> None:
    with FaultServer(odds=[(rate_limited(retry_after=60), 1.0)]) as server, ThreadPoolExecutor(4) as pool:
        model = connect(server)
        calls = [pool.submit(ask, model) for _ in range(4)]
        threading.Timer(0.5, model.stop).start()
        for call in calls:
            with pytest.raises(ModelError, match="stopped"):
                call.result(10)


# --- concurrency and rate limits -------------------------------------------------------------------------------------


def test_requests_in_flight_stay_within_the_limit(connect: Connect) -> None:
    with FaultServer(odds=[(slow(0.1), 1.0)]) as server, ThreadPoolExecutor(12) as pool:
        model = connect(server, concurrency=3)
        list(pool.map(lambda _: ask(model.with_own_counters()), range(12)))
        assert server.max_in_flight == 3


def test_copies_of_a_client_share_the_rate_limit(connect: Connect) -> None:
    with FaultServer() as server, ThreadPoolExecutor(6) as pool:
        model = connect(server, rpm=4)
        calls = [pool.submit(ask, model.with_own_counters()) for _ in range(6)]
        wait_until(lambda: len(server.requests) == 4)
        time.sleep(0.5)
        assert len(server.requests) == 4
        model.stop()
        assert sum(isinstance(call.exception(10), ModelError) for call in calls) == 2
