"""What a caller gets when the connection, the server or the account fails, against a real server with each fault."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from fault_server import (
    FaultServer,
    ScriptedReply,
    cut_line,
    cut_off,
    dropped,
    empty,
    failing,
    garbled,
    good,
    overflow,
    rate_limited,
    refused,
    slow,
    trickling,
    truncated,
    web_page,
)
from pydantic import BaseModel, ConfigDict

from rag.config import Settings, load_settings
from rag.errors import BudgetSpent, CitebriefError, ModelError, ModelLost, ReplyError, TooLong, UsageError
from rag.llm import Budget, ChatClient, find_rates, rates_of, resolve
from rag.llm.breaker import BreakerPolicy
from rag.llm.transport import breaker as breaker_transport
from rag.llm.transport import factory
from rag.llm.transport.budget import request_bound

pytestmark = pytest.mark.integration  # real servers on loopback, and real waiting

KEY = "sk-secret-0123456789"
A_CALL = (60 * 0.4 + 40 * 0.1 + 20 * 1.6) / 1e6
"""The cost of a call to gpt-4.1-mini with the usage that the server reports."""


class Sentence(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sentence: str


Connect = Callable[..., ChatClient]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Settings]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_PROXY", raising=False)

    def loaded(server: FaultServer, **flags: Any) -> Settings:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        return load_settings({"retries": 1, "timeout": 20, **flags})

    return loaded


@pytest.fixture
def connect(settings: Callable[..., Settings]) -> Iterator[Connect]:
    opened: list[ChatClient] = []

    def connected(
        server: FaultServer, *, budget_usd: float | None = None, model: str = "gpt-4.1-mini", **options: Any
    ) -> ChatClient:
        given = {name: options.pop(name) for name in ("concurrency", "on_wait") if name in options}
        loaded = settings(server, **options)
        choice = resolve(f"openai:{model}", loaded)
        given["budget"] = Budget(budget_usd, rates_of(choice, loaded), model=model)
        opened.append(ChatClient(choice, loaded, **given))
        return opened[-1]

    yield connected
    for model in opened:
        model.close()


def ask(model: ChatClient, *_: object, user: str = "What fell?", **options: Any) -> str:
    return model.ask("Be brief.", user, Sentence, max_tokens=50, name="merge", **options).sentence


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)


def outcome(model: ChatClient, *_: object) -> str:
    try:
        return ask(model)
    except CitebriefError as error:
        return f"{type(error).__name__}: {error}"


# --- transient faults ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        rate_limited(),
        rate_limited(retry_after=0.2),
        rate_limited(retry_after="soon"),
        failing(500),
        failing(502),
        failing(503),
        failing(529),
        dropped(),
        cut_line(),
        slow(1.5),
        trickling(0.05),
    ],
)
def test_a_transient_fault_is_retried(fault: ScriptedReply, connect: Connect) -> None:
    with FaultServer([fault, good({"sentence": "It rained."})]) as server:
        model = connect(server, timeout=0.8)
        assert ask(model) == "It rained."
        assert len(server.requests) == 2
        assert model.tokens["calls"] == 1  # attempts without a reply are not counted


def test_a_reply_that_arrives_byte_by_byte_fails_at_the_time_limit(connect: Connect) -> None:
    with FaultServer([trickling(0.05)]) as server:
        started = time.monotonic()
        with pytest.raises(ModelError, match="CITEBRIEF_TIMEOUT"):
            ask(connect(server, timeout=0.5, retries=0))
        assert time.monotonic() - started < 10  # byte by byte it would take twenty seconds


# --- malformed replies -----------------------------------------------------------------------------------------------


def test_a_truncated_completion_raises_a_reply_error_of_one_line(connect: Connect) -> None:
    with FaultServer([garbled()]) as server:
        with pytest.raises(ReplyError, match="no chat completion") as caught:
            ask(connect(server))
        assert "\n" not in str(caught.value)
        assert len(server.requests) == 1


def test_a_log_in_page_raises_an_error_that_names_the_base_url(connect: Connect) -> None:
    with FaultServer([web_page()]) as server, pytest.raises(ModelError, match="OPENAI_BASE_URL") as caught:
        ask(connect(server))
    assert not isinstance(caught.value, ReplyError)  # a ReplyError would make the brief fall back to quotations


# --- requests that are too long --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        overflow(),
        failing(400, "the request exceeds the available context size, try increasing it"),  # llama.cpp
        failing(400, "prompt is too long: 213462 tokens > 200000 maximum"),  # Anthropic
        failing(413, "Payload Too Large"),
    ],
)
def test_a_request_that_is_too_long_raises_too_long_and_is_not_retried(fault: ScriptedReply, connect: Connect) -> None:
    with FaultServer([fault]) as server:
        with pytest.raises(TooLong, match="does not fit the model's context"):
            ask(connect(server, retries=3))
        assert len(server.requests) == 1


@pytest.mark.parametrize("message", ["max_tokens is too large: 99999", "response_format is not supported"])
def test_another_refused_request_is_not_reported_as_too_long(message: str, connect: Connect) -> None:
    with FaultServer() as server:
        server.fail_from(1, failing(400, message))
        with pytest.raises(ModelError, match="was refused") as caught:
            ask(connect(server))
    assert not isinstance(caught.value, ReplyError)


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


# --- budget ----------------------------------------------------------------------------------------------------------


def test_a_budget_is_not_exceeded_and_what_remains_is_less_than_a_call(connect: Connect) -> None:
    with FaultServer(odds=[(slow(0.02), 0.5)]) as server, ThreadPoolExecutor(8) as pool:
        budget_usd = 20 * A_CALL
        model = connect(server, budget_usd=budget_usd)
        outcomes = Counter(
            text.split(":")[0] for text in pool.map(lambda _: outcome(model.with_own_counters()), range(40))
        )
        bound = request_bound(model.budget.rates, b"x" * 1000, 50)
        assert len(server.requests) * A_CALL == pytest.approx(model.budget.spent)
        assert budget_usd - bound < model.budget.spent <= budget_usd
        assert outcomes["BudgetSpent"] == 40 - len(server.requests) > 0
        assert set(outcomes) == {"BudgetSpent", "Rain fell on Oslo."}


def test_a_call_that_could_exceed_the_budget_is_not_made(connect: Connect) -> None:
    with FaultServer() as server:
        model = connect(server, budget_usd=A_CALL)
        with pytest.raises(BudgetSpent, match="was not made"):
            ask(model)
        assert server.requests == []
        assert model.budget.spent == 0


def test_the_reserved_sum_grows_with_the_reply_limit(connect: Connect) -> None:
    with FaultServer() as server:
        model = connect(server)
        seen: list[float] = []
        reserve = model.budget.reserve
        model.budget.reserve = lambda most: (seen.append(most), reserve(most))[1]  # type: ignore[method-assign]
        for tokens in (500, 1000):
            model.ask("Be brief.", "What fell?", Sentence, max_tokens=tokens, name="merge")
        rates = find_rates("gpt-4.1-mini")
        assert rates is not None
        assert seen[1] - seen[0] == pytest.approx(500 * rates.completion / 1e6, rel=0.01)


@pytest.mark.parametrize(
    ("fault", "paid", "message"),
    [
        (failing(400), False, "the request was refused"),
        (rate_limited(), False, "rate limit"),
        (failing(503), False, "the server failed"),
        (slow(1.5), True, "no reply in time"),
        (dropped(), True, "no connection"),
        (cut_line(), True, "no connection"),
        (failing(504), True, "the server failed"),
    ],
)
def test_a_request_without_an_answer_is_settled_at_its_bound(
    fault: ScriptedReply, paid: bool, message: str, connect: Connect
) -> None:
    with FaultServer() as server:
        server.fail_from(1, fault)
        model = connect(server, budget_usd=1.0, retries=0, timeout=0.8)
        with pytest.raises(ModelError, match=message):
            ask(model)
        assert (model.budget.spent > 0) is paid
        assert model.budget.reserved == 0
        assert model.cost == 0  # what the provider is known to have billed


def test_a_request_that_was_not_sent_costs_nothing(connect: Connect) -> None:
    with FaultServer() as server:
        model = connect(server, budget_usd=1.0, retries=0)
    with pytest.raises(ModelError, match="no connection"):
        ask(model)
    assert (model.budget.spent, model.budget.reserved) == (0, 0)


def test_an_unusable_reply_is_paid_for(connect: Connect) -> None:
    with FaultServer([truncated(), empty(), refused(), cut_off()]) as server:
        model = connect(server, budget_usd=1.0)
        for message in ("does not follow the schema", "is empty", "the model refused", "was cut off"):
            with pytest.raises(ReplyError, match=message):
                ask(model)
        assert model.budget.spent == pytest.approx(4 * A_CALL)
        assert model.cost == pytest.approx(4 * A_CALL)


def test_a_reply_without_usage_is_settled_at_its_bound(connect: Connect) -> None:
    with FaultServer([web_page()]) as server:
        model = connect(server, budget_usd=1.0)
        with pytest.raises(ModelError, match="no chat completion"):
            ask(model)
        assert model.budget.spent > A_CALL


def test_a_budget_for_a_model_without_a_price_is_a_usage_error(connect: Connect) -> None:
    with FaultServer() as server:
        with pytest.raises(UsageError, match="home-made"):
            connect(server, budget_usd=1.0, model="home-made")
        assert server.requests == []


# --- callbacks and secrets -------------------------------------------------------------------------------------------


def test_callbacks_see_one_run_per_call_whatever_the_retries(connect: Connect) -> None:
    from langchain_core.callbacks import BaseCallbackHandler

    seen: list[str] = []

    class Watching(BaseCallbackHandler):
        def on_chat_model_start(self, *_: Any, **__: Any) -> None:
            seen.append("start")

        def on_llm_end(self, response: Any, **_: Any) -> None:
            seen.append(f"end {response.generations[0][0].message.usage_metadata['input_tokens']}")

        def on_llm_error(self, error: BaseException, **_: Any) -> None:
            seen.append(type(error).__name__)

    with FaultServer([failing(503)]) as server:
        model = connect(server, budget_usd=1.0)
        ask(model, config={"callbacks": [Watching()]})
        model.budget.budget_usd = 0.0
        with pytest.raises(BudgetSpent, match="was not made"):
            ask(model, config={"callbacks": [Watching()]})
    assert seen == ["start", "end 100", "start", "BudgetSpent"]


def test_errors_and_logs_contain_neither_key_nor_request(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    echo = f"you said {KEY}"
    faults = [failing(code, echo) for code in (401, 403, 404, 429, 500, 503)] + [
        ScriptedReply(status=400, raw=f'{{"error": {{"message": "context length {KEY}"}}}}'.encode()),
        ScriptedReply(content=f'{{"sentence": "{KEY}'),
        garbled(),
        dropped(),
    ]
    with FaultServer(faults) as server:
        model = connect(server, retries=0, replies="kept")
        errors = []
        for _ in faults:
            # Other tests tell the faults apart; here no message may tell a secret.
            with pytest.raises(ModelError) as caught:
                ask(model, user="The minister's private diary.")
            errors.append(str(caught.value))
    everything = "\n".join(errors) + caplog.text
    assert "diary" not in everything
    assert KEY not in everything


def test_an_invalid_proxy_is_a_usage_error_without_its_password(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_PROXY", "me:hunter2@nowhere")
    with FaultServer() as server:
        settings(server)
    monkeypatch.delenv("OPENAI_BASE_URL")
    without_server = load_settings()
    with pytest.raises(UsageError, match="OPENAI_PROXY") as caught:
        ChatClient(resolve("openai:gpt-4.1-mini", without_server), without_server)
    assert "hunter2" not in str(caught.value)


# --- all faults together ---------------------------------------------------------------------------------------------


def test_with_a_fifth_of_the_replies_faulty_every_call_ends_in_a_reply_or_a_reason(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [
        *(rate_limited(), rate_limited(retry_after=0.1), failing(500), failing(503), dropped(), cut_line()),
        *(truncated(), garbled(), refused(), empty(), overflow(), cut_off()),
    ]
    with FaultServer(odds=[(fault, 0.2 / len(faults)) for fault in faults]) as server, ThreadPoolExecutor(16) as pool:
        model = connect(server, retries=3, concurrency=16, budget_usd=1.0)
        outcomes = Counter(
            text.split(":")[0] for text in pool.map(lambda _: outcome(model.with_own_counters()), range(300))
        )
        assert outcomes["Rain fell on Oslo."] >= 240
        assert set(outcomes) <= {
            "Rain fell on Oslo.",
            "ReplyError",
            "TooLong",
        }  # faults of the connection were all retried
        assert outcomes["ReplyError"] > 5
        assert model.budget.reserved == 0
        assert model.budget.spent <= 1.0
