"""While a server fails, all calls wait and one at a time looks whether it is back; then all go on, or all are told."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from rag.errors import ModelError, ModelLost
from rag.llm import breaker
from rag.llm.breaker import FAILURES, Breaker


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes every tenth of a second, to begin with."""
    monkeypatch.setattr(breaker, "FIRST", 0.1)


def broken(patience: float = 5, told: list[str] | None = None, *, failures: int = FAILURES) -> Breaker:
    found = Breaker("model m at h", patience, (told if told is not None else []).append)
    for _ in range(failures):
        assert not found.enter()
        found.failed("no connection", probe=False)
        found.leave(False)
    return found


class Server:
    """Calls that pass a breaker, and fail until :attr:`up`; what was sent is counted."""

    def __init__(self, guard: Breaker) -> None:
        self.guard = guard
        self.up = False
        self.sent = 0
        self.at_once = self.most_at_once = 0

    def call(self, _: int = 0) -> str:
        while True:
            probe = self.guard.enter()
            try:
                self.sent += 1
                self.at_once += 1
                self.most_at_once = max(self.at_once, self.most_at_once)
                up = self.up
                time.sleep(0.01)
                self.at_once -= 1
                if up:
                    self.guard.succeeded()
                    return "reply"
                self.guard.failed("no connection", probe=probe)
            finally:
                self.guard.leave(probe)


def test_a_few_failures_or_a_success_between_them_stop_nothing() -> None:
    guard = broken(failures=FAILURES - 1)
    guard.succeeded()
    for _ in range(FAILURES - 1):
        assert not guard.failed("no connection", probe=False)
    assert guard.enter() is False


def test_all_wait_one_probes_and_all_go_on_when_the_server_is_back() -> None:
    told: list[str] = []
    server = Server(broken(told=told))
    with ThreadPoolExecutor(16) as pool:
        calls = [pool.submit(server.call, n) for n in range(16)]
        time.sleep(0.55)
        assert not any(call.done() for call in calls)
        assert 1 <= server.sent <= 4  # at 0.1, 0.3 and 0.7 s
        assert server.most_at_once == 1
        server.up = True
        assert [call.result(5) for call in calls] == ["reply"] * 16
    assert "no connection: calls wait; it is tried again in" in told[0]
    assert told[-1] == "model m at h answers again: calls go on"


def test_at_the_end_of_the_patience_all_that_wait_are_told_the_same() -> None:
    server, started = Server(broken(patience=0.6)), time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        errors = [call.exception(5) for call in [pool.submit(server.call, n) for n in range(8)]]
    assert 0.5 < time.monotonic() - started < 5
    assert all(isinstance(error, ModelLost) for error in errors)
    (message,) = {str(error) for error in errors}
    assert "model m at h: no connection" in message
    assert "CITEBRIEF_PATIENCE (now 0.6 s)" in message


def test_after_that_calls_fail_at_once_and_one_looks_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "LONGEST", 1.5)
    server = Server(broken(patience=0.2))
    with pytest.raises(ModelLost):
        server.call()
    sent = server.sent
    for _ in range(50):
        with pytest.raises(ModelLost):
            server.call()
    assert server.sent == sent
    server.up = True
    time.sleep(1.6)
    assert server.call() == "reply"


def test_without_patience_nothing_waits() -> None:
    guard = broken(patience=0, failures=3 * FAILURES)
    assert guard.enter() is False


def test_a_server_that_asks_for_time_gets_it_whatever_the_patience() -> None:
    guard, started = Breaker("model m at h", 0), time.monotonic()
    assert guard.failed("rate limit", probe=False, wait=0.3)
    assert guard.enter() is True
    assert time.monotonic() - started >= 0.3
    guard.succeeded()
    guard.leave(True)
    assert guard.enter() is False


def test_a_server_that_keeps_asking_is_left_in_the_end() -> None:
    guard = Breaker("model m at h", 0.1)
    guard.failed("rate limit", probe=False, wait=0.05)
    with pytest.raises(ModelLost, match="asks to be left alone"):
        for _ in range(10):
            probe = guard.enter()
            guard.failed("rate limit", probe=probe, wait=0.15)
            guard.leave(probe)


def test_an_hour_is_more_than_the_patience_and_told_at_once() -> None:
    guard, started = Breaker("model m at h", 20), time.monotonic()
    guard.failed("rate limit or quota", probe=False, wait=3600)
    with pytest.raises(ModelLost, match=r"rate limit or quota, and asks to be left alone for 3600 s"):
        guard.enter()
    assert time.monotonic() - started < 10


def test_a_failure_that_may_be_the_requests_own_counts_once() -> None:
    guard = Breaker("model m at h", 5)
    for _ in range(3 * FAILURES):
        assert not guard.failed("HTTP 500", probe=False, counts=False)
    assert guard.enter() is False


def test_a_call_under_way_that_succeeds_opens_the_way_for_all() -> None:
    guard = broken()
    guard.succeeded()
    assert guard.enter() is False


def test_a_probe_that_is_given_up_lets_another_probe() -> None:
    guard = broken()
    assert guard.enter() is True
    guard.leave(True)  # stopped by the person, say
    assert guard.enter() is True


def test_stopping_wakes_all_that_wait() -> None:
    guard = broken(patience=3600)
    guard.failed("rate limit", probe=True, wait=60)
    with ThreadPoolExecutor(4) as pool:
        waiting: list[Future[bool]] = [pool.submit(guard.enter) for _ in range(4)]
        threading.Timer(0.1, guard.stop).start()
        for each in waiting:
            assert isinstance(each.exception(5), ModelError)
