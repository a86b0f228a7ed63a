"""While a server fails, calls wait and one at a time probes it; then all go on, or all fail with the same message."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from rag.errors import ModelError, ModelLost
from rag.llm.breaker import Breaker, BreakerPolicy

pytestmark = pytest.mark.integration  # real waiting

POLICY = BreakerPolicy(first_interval=0.1)
FAILURES = POLICY.failures


def new_breaker(patience: float, policy: BreakerPolicy = POLICY) -> Breaker:
    return Breaker("model m at h", patience, policy)


def broken(
    patience: float = 5,
    messages: list[str] | None = None,
    *,
    failures: int = FAILURES,
    policy: BreakerPolicy = POLICY,
) -> Breaker:
    breaker = new_breaker(patience, policy)
    for _ in range(failures):
        assert not breaker.enter()
        breaker.failed("no connection", probe=False, on_wait=(messages if messages is not None else []).append)
        breaker.leave(False)
    return breaker


class Server:
    """Calls that pass a breaker, and fail until :attr:`up` is set. Counts what was sent."""

    def __init__(self, breaker: Breaker, messages: list[str] | None = None) -> None:
        self.breaker = breaker
        self.messages = messages if messages is not None else []
        self.up = False
        self.sent = 0
        self.in_flight = self.max_in_flight = 0

    def call(self, _: int = 0) -> str:
        while True:
            probe = self.breaker.enter()
            try:
                self.sent += 1
                self.in_flight += 1
                self.max_in_flight = max(self.in_flight, self.max_in_flight)
                up = self.up
                time.sleep(0.01)
                self.in_flight -= 1
                if up:
                    self.breaker.succeeded(self.messages.append)
                    return "reply"
                self.breaker.failed("no connection", probe=probe)
            finally:
                self.breaker.leave(probe)


def test_calls_do_not_wait_after_few_failures_or_a_success_between_them() -> None:
    breaker = broken(failures=FAILURES - 1)
    breaker.succeeded()
    for _ in range(FAILURES - 1):
        assert not breaker.failed("no connection", probe=False)
    assert breaker.enter() is False


def test_calls_wait_while_one_probes_and_go_on_when_the_server_is_back() -> None:
    messages: list[str] = []
    server = Server(broken(messages=messages), messages)
    with ThreadPoolExecutor(16) as pool:
        calls = [pool.submit(server.call, n) for n in range(16)]
        time.sleep(0.55)
        assert not any(call.done() for call in calls)
        assert 1 <= server.sent <= 4  # at 0.1, 0.3 and 0.7 s
        assert server.max_in_flight == 1
        server.up = True
        assert [call.result(5) for call in calls] == ["reply"] * 16
    assert "no connection: calls wait; the next attempt is in" in messages[0]
    assert messages[-1] == "model m at h answers again: calls go on"


def test_waiting_calls_fail_with_the_same_message_when_the_patience_ends() -> None:
    server, started = Server(broken(patience=0.6)), time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        errors = [call.exception(5) for call in [pool.submit(server.call, n) for n in range(8)]]
    assert 0.5 < time.monotonic() - started < 5
    assert all(isinstance(error, ModelLost) for error in errors)
    (message,) = {str(error) for error in errors}
    assert "model m at h: no connection" in message
    assert "CITEBRIEF_PATIENCE (now 0.6 s)" in message


def test_later_calls_fail_at_once_until_the_next_probe() -> None:
    server = Server(broken(patience=0.2, policy=replace(POLICY, longest_interval=1.5)))
    with pytest.raises(ModelLost, match="no connection"):
        server.call()
    sent = server.sent
    for _ in range(50):
        with pytest.raises(ModelLost, match="no connection"):
            server.call()
    assert server.sent == sent
    server.up = True
    time.sleep(1.6)
    assert server.call() == "reply"


def test_without_patience_no_call_waits() -> None:
    breaker = broken(patience=0, failures=3 * FAILURES)
    assert breaker.enter() is False


def test_a_requested_wait_is_obeyed_whatever_the_patience() -> None:
    breaker, started = new_breaker(0), time.monotonic()
    assert breaker.failed("rate limit", probe=False, wait=0.3)
    assert breaker.enter() is True
    assert time.monotonic() - started >= 0.3
    breaker.succeeded()
    breaker.leave(True)
    assert breaker.enter() is False


def test_a_server_that_keeps_requesting_waits_is_given_up() -> None:
    breaker = new_breaker(0.1)
    breaker.failed("rate limit", probe=False, wait=0.05)
    with pytest.raises(ModelLost, match="asks to wait 0 s"):
        for _ in range(10):
            probe = breaker.enter()
            breaker.failed("rate limit", probe=probe, wait=0.15)
            breaker.leave(probe)


def test_a_requested_wait_of_an_hour_fails_at_once() -> None:
    breaker, started = new_breaker(20), time.monotonic()
    breaker.failed("rate limit or quota", probe=False, wait=3600)
    with pytest.raises(ModelLost, match=r"rate limit or quota, and the server asks to wait 3600 s"):
        breaker.enter()
    assert time.monotonic() - started < 10


def test_a_repeated_failure_of_the_same_request_does_not_count() -> None:
    breaker = new_breaker(5)
    for _ in range(3 * FAILURES):
        assert not breaker.failed("HTTP 500", probe=False, counts=False)
    assert breaker.enter() is False


def test_a_call_in_flight_that_succeeds_releases_all_calls() -> None:
    breaker = broken()
    breaker.succeeded()
    assert breaker.enter() is False


def test_another_call_may_probe_after_an_abandoned_probe() -> None:
    breaker = broken()
    assert breaker.enter() is True
    breaker.leave(True)  # stopped by the user, for example
    assert breaker.enter() is True


def test_stop_wakes_all_waiting_calls() -> None:
    breaker = broken(patience=3600)
    breaker.failed("rate limit", probe=True, wait=60)
    with ThreadPoolExecutor(4) as pool:
        waiting: list[Future[bool]] = [pool.submit(breaker.enter) for _ in range(4)]
        threading.Timer(0.1, breaker.stop).start()
        for each in waiting:
            assert isinstance(each.exception(5), ModelError)
