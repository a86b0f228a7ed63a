"""What a caller gets when line, server or account fail, against a real server that deals out each fault."""

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
    Deal,
    FaultServer,
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
from rag.llm import breaker, transport
from rag.llm.limits import Budget
from rag.llm.model import Model, rates_of, resolve
from rag.llm.pricing import price

KEY = "sk-secret-0123456789"
A_CALL = (60 * 0.4 + 40 * 0.1 + 20 * 1.6) / 1e6
"""What a call to gpt-4.1-mini costs by the usage that the server tells."""


class Sentence(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sentence: str


Connect = Callable[..., Model]


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
    opened: list[Model] = []

    def connected(
        server: FaultServer, *, budget_usd: float | None = None, model: str = "gpt-4.1-mini", **options: Any
    ) -> Model:
        given = {name: options.pop(name) for name in ("at_once", "tell") if name in options}
        found = settings(server, **options)
        choice = resolve(f"openai:{model}", found)
        given["budget"] = Budget(budget_usd, rates_of(choice, found), model=model)
        opened.append(Model(choice, found, **given))
        return opened[-1]

    yield connected
    for model in opened:
        model.close()


def ask(model: Model, *_: object, user: str = "What fell?", **options: Any) -> str:
    return model.ask("Be brief.", user, Sentence, max_tokens=50, name="fuse", **options).sentence


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true() and time.monotonic() < end:
        time.sleep(0.01)


def outcome(model: Model, *_: object) -> str:
    try:
        return ask(model)
    except CitebriefError as error:
        return f"{type(error).__name__}: {error}"


# --- what passes is tried again -------------------------------------------------------------------------------------


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
def test_a_passing_fault_costs_time_and_nothing_else(fault: Deal, connect: Connect) -> None:
    with FaultServer([fault, good({"sentence": "It rained."})]) as server:
        model = connect(server, timeout=0.8)
        assert ask(model) == "It rained."
        assert len(server.requests) == 2
        assert model.tokens["calls"] == 1  # what was not answered is no call


def test_a_reply_that_trickles_in_is_given_up_when_its_time_is_over(connect: Connect) -> None:
    with FaultServer([trickling(0.05)]) as server:
        started = time.monotonic()
        with pytest.raises(ModelError, match="CITEBRIEF_TIMEOUT"):
            ask(connect(server, timeout=0.5, retries=0))
        assert time.monotonic() - started < 10  # byte by byte it would take twenty seconds


# --- what is wrong with the reply is said, and the reply is paid for ------------------------------------------------


def test_a_completion_that_breaks_off_is_a_reply_error_of_one_line(connect: Connect) -> None:
    with FaultServer([garbled()]) as server:
        with pytest.raises(ReplyError, match="no chat completion") as caught:
            ask(connect(server))
        assert "\n" not in str(caught.value)
        assert len(server.requests) == 1


def test_a_log_in_page_in_place_of_a_server_names_what_to_check(connect: Connect) -> None:
    with FaultServer([web_page()]) as server, pytest.raises(ModelError, match="OPENAI_BASE_URL") as caught:
        ask(connect(server))
    assert not isinstance(caught.value, ReplyError)  # no section could be written: the brief is not to go on in quotes


# --- a request that does not fit ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        overflow(),
        failing(400, "the request exceeds the available context size, try increasing it"),  # llama.cpp
        failing(400, "prompt is too long: 213462 tokens > 200000 maximum"),  # Anthropic
        failing(413, "Payload Too Large"),
    ],
)
def test_a_request_that_does_not_fit_says_so_and_is_not_tried_again(fault: Deal, connect: Connect) -> None:
    with FaultServer([fault]) as server:
        with pytest.raises(TooLong, match="does not fit the model's context"):
            ask(connect(server, retries=3))
        assert len(server.requests) == 1


@pytest.mark.parametrize("message", ["max_tokens is too large: 99999", "response_format is not supported"])
def test_another_refused_request_is_not_taken_for_one_that_does_not_fit(message: str, connect: Connect) -> None:
    with FaultServer([failing(400, message)]) as server, pytest.raises(ModelError, match="was refused") as caught:
        ask(connect(server))
    assert not isinstance(caught.value, ReplyError)


# --- a server that fails for longer ---------------------------------------------------------------------------------


def test_a_server_that_dies_and_comes_back_costs_no_call(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "FIRST", 0.2)
    told: list[str] = []
    with FaultServer() as server, ThreadPoolExecutor(8) as pool:
        model = connect(server, patience=60, tell=told.append)
        assert ask(model)
        server.die()
        calls = [pool.submit(ask, model) for _ in range(24)]
        time.sleep(1.5)
        assert not any(call.done() for call in calls)
        server.come_back()
        assert all(call.result(20) for call in calls)
        assert model.tokens["calls"] == len(server.requests) == 25
    assert "no connection: calls wait" in told[0]
    assert told[-1].endswith("answers again: calls go on")


@pytest.mark.parametrize(
    ("fault", "why"),
    [(failing(503), "the server failed (HTTP 503)"), (rate_limited(), "rate limit or quota"), (dropped(), "no conn")],
)
def test_a_server_that_stays_away_fails_all_calls_with_one_error_once_the_patience_is_over(
    fault: Deal, why: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "FIRST", 0.2)
    with FaultServer(odds=[(fault, 1.0)]) as server, ThreadPoolExecutor(16) as pool:
        model = connect(server, patience=1, retries=3, at_once=16)
        started = time.monotonic()
        outcomes = Counter(pool.map(lambda _: outcome(model), range(64)))
        assert time.monotonic() - started < 40
        ((message, count),) = outcomes.items()
        assert count == 64
        assert message.startswith("ModelLost: model gpt-4.1-mini at 127.0.0.1:")
        assert why in message
        assert "CITEBRIEF_PATIENCE" in message
        assert len(server.requests) < 64  # it is not battered with four attempts of each


def test_one_request_that_a_server_always_fails_on_does_not_stop_the_others(connect: Connect) -> None:
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
def test_a_server_that_asks_for_an_hour_is_told_at_once(after: Any, connect: Connect) -> None:
    asked = formatdate(time.time() + 3600, usegmt=True) if after == "date" else after
    with FaultServer([rate_limited(retry_after=asked)]) as server:
        model, started = connect(server, retries=3), time.monotonic()
        for _ in range(2):
            with pytest.raises(ModelLost, match=r"asks to be left alone for 3(600|5\d\d) s"):
                ask(model)
        assert time.monotonic() - started < 60
        assert len(server.requests) == 1


def test_a_retry_after_makes_all_calls_wait_and_is_told(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "SHORT", 0.5)
    told: list[str] = []
    with FaultServer([rate_limited(retry_after=1.5)]) as server, ThreadPoolExecutor(4) as pool:
        model = connect(server, tell=told.append, patience=0, retries=0)
        first = pool.submit(ask, model)
        until(lambda: bool(told))
        rest = [pool.submit(ask, model) for _ in range(3)]
        assert all(call.result(20) for call in [first, *rest])
        assert server.requests[1].at - server.requests[0].at >= 1.4
        assert len(server.requests) == 5
    assert "rate limit or quota: calls wait; it is tried again in" in told[0]


def test_stopping_wakes_the_calls_that_wait(connect: Connect) -> None:
    with FaultServer(odds=[(rate_limited(retry_after=60), 1.0)]) as server, ThreadPoolExecutor(4) as pool:
        model = connect(server)
        calls = [pool.submit(ask, model) for _ in range(4)]
        threading.Timer(0.5, model.stop).start()
        for call in calls:
            with pytest.raises(ModelError, match="stopped"):
                call.result(10)


# --- room -----------------------------------------------------------------------------------------------------------


def test_no_more_requests_are_in_flight_than_allowed(connect: Connect) -> None:
    with FaultServer(odds=[(slow(0.1), 1.0)]) as server, ThreadPoolExecutor(12) as pool:
        model = connect(server, at_once=3)
        list(pool.map(lambda _: ask(model.with_own_counters()), range(12)))
        assert server.most_at_once == 3


def test_requests_a_minute_are_kept_by_all_copies_of_a_model(connect: Connect) -> None:
    with FaultServer() as server, ThreadPoolExecutor(6) as pool:
        model = connect(server, rpm=4)
        calls = [pool.submit(ask, model.with_own_counters()) for _ in range(6)]
        until(lambda: len(server.requests) == 4)
        time.sleep(0.5)
        assert len(server.requests) == 4
        model.stop()
        assert sum(isinstance(call.exception(10), ModelError) for call in calls) == 2


# --- money ----------------------------------------------------------------------------------------------------------


def test_a_budget_is_never_passed_and_used_but_for_less_than_a_call(connect: Connect) -> None:
    with FaultServer(odds=[(slow(0.02), 0.5)]) as server, ThreadPoolExecutor(8) as pool:
        budget_usd = 20 * A_CALL
        model = connect(server, budget_usd=budget_usd)
        outcomes = Counter(
            text.split(":")[0] for text in pool.map(lambda _: outcome(model.with_own_counters()), range(40))
        )
        bound = model.budget.bound(b"x" * 1000, 50)
        assert len(server.requests) * A_CALL == pytest.approx(model.budget.spent)
        assert budget_usd - bound < model.budget.spent <= budget_usd
        assert outcomes["BudgetSpent"] == 40 - len(server.requests) > 0
        assert set(outcomes) == {"BudgetSpent", "Rain fell on Oslo."}


def test_a_call_that_could_pass_the_budget_is_not_made(connect: Connect) -> None:
    with FaultServer() as server:
        model = connect(server, budget_usd=A_CALL)
        with pytest.raises(BudgetSpent, match="was not made"):
            ask(model)
        assert server.requests == []
        assert model.budget.spent == 0


def test_the_retry_with_twice_the_tokens_reserves_twice_the_reply(connect: Connect) -> None:
    with FaultServer() as server:
        model = connect(server)
        seen: list[float] = []
        reserve = model.budget.reserve
        model.budget.reserve = lambda most: (seen.append(most), reserve(most))[1]  # type: ignore[method-assign]
        for tokens in (500, 1000):
            model.ask("Be brief.", "What fell?", Sentence, max_tokens=tokens, name="fuse")
        known = price("gpt-4.1-mini")
        assert known is not None
        assert seen[1] - seen[0] == pytest.approx(500 * known.completion / 1e6, rel=0.01)


@pytest.mark.parametrize(
    ("fault", "paid"),
    [
        *((fault, False) for fault in (failing(400), rate_limited(), failing(503))),
        *((fault, True) for fault in (slow(1.5), dropped(), cut_line(), failing(504))),
    ],
)
def test_what_was_sent_and_never_answered_counts_as_the_most_it_can_cost(
    fault: Deal, paid: bool, connect: Connect
) -> None:
    with FaultServer([fault]) as server:
        model = connect(server, budget_usd=1.0, retries=0, timeout=0.8)
        with pytest.raises(ModelError):
            ask(model)
        assert (model.budget.spent > 0) is paid
        assert model.budget.reserved == 0
        assert model.cost == 0  # what the provider is known to bill


def test_what_could_not_be_sent_costs_nothing(connect: Connect) -> None:
    with FaultServer() as server:
        model = connect(server, budget_usd=1.0, retries=0)
    with pytest.raises(ModelError, match="no connection"):
        ask(model)
    assert (model.budget.spent, model.budget.reserved) == (0, 0)


def test_a_reply_that_cannot_be_used_is_paid_for(connect: Connect) -> None:
    with FaultServer([truncated(), empty(), refused(), cut_off()]) as server:
        model = connect(server, budget_usd=1.0)
        for _ in range(4):
            with pytest.raises(ReplyError):
                ask(model)
        assert model.budget.spent == pytest.approx(4 * A_CALL)
        assert model.cost == pytest.approx(4 * A_CALL)


def test_a_reply_that_does_not_say_what_it_cost_counts_as_the_most(connect: Connect) -> None:
    with FaultServer([web_page()]) as server:
        model = connect(server, budget_usd=1.0)
        with pytest.raises(ModelError):
            ask(model)
        assert model.budget.spent > A_CALL


def test_a_budget_for_a_model_without_a_price_is_wrong_usage_before_anything_is_asked(connect: Connect) -> None:
    with FaultServer() as server:
        with pytest.raises(UsageError, match="home-made"):
            connect(server, budget_usd=1.0, model="home-made")
        assert server.requests == []


# --- who watches ----------------------------------------------------------------------------------------------------


def test_callbacks_see_one_run_a_call_whatever_it_took(connect: Connect) -> None:
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
        with pytest.raises(BudgetSpent):
            ask(model, config={"callbacks": [Watching()]})
    assert seen == ["start", "end 100", "start", "BudgetSpent"]


def test_neither_key_nor_request_shows_in_an_error_or_a_log(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    echo = f"you said {KEY}"
    faults = [failing(code, echo) for code in (400, 401, 403, 404, 429, 500, 503)] + [
        Deal(status=400, raw=f'{{"error": {{"message": "context length {KEY}"}}}}'.encode()),
        Deal(content=f'{{"sentence": "{KEY}'),
        garbled(),
        dropped(),
    ]
    with FaultServer(faults) as server:
        model = connect(server, retries=0, replies="kept")
        said = []
        for _ in faults:
            with pytest.raises(ModelError) as caught:
                ask(model, user="The minister's private diary.")
            said.append(str(caught.value))
    everything = "\n".join(said) + caplog.text
    assert "diary" not in everything
    assert KEY not in everything


def test_a_proxy_that_is_no_address_is_wrong_usage_and_its_password_is_not_shown(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_PROXY", "me:hunter2@nowhere")
    with FaultServer() as server:
        settings(server)
    monkeypatch.delenv("OPENAI_BASE_URL")
    found = load_settings()
    with pytest.raises(UsageError, match="OPENAI_PROXY") as caught:
        Model(resolve("openai:gpt-4.1-mini", found), found)
    assert "hunter2" not in str(caught.value)


# --- all of it at once ----------------------------------------------------------------------------------------------


def test_a_fifth_of_the_calls_gone_wrong_in_every_way_leaves_none_without_an_answer_or_a_reason(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [
        *(rate_limited(), rate_limited(retry_after=0.1), failing(500), failing(503), dropped(), cut_line()),
        *(truncated(), garbled(), refused(), empty(), overflow(), cut_off()),
    ]
    with FaultServer(odds=[(fault, 0.2 / len(faults)) for fault in faults]) as server, ThreadPoolExecutor(16) as pool:
        model = connect(server, retries=3, at_once=16, budget_usd=1.0)
        outcomes = Counter(
            text.split(":")[0] for text in pool.map(lambda _: outcome(model.with_own_counters()), range(300))
        )
        assert outcomes["Rain fell on Oslo."] >= 240
        assert set(outcomes) <= {"Rain fell on Oslo.", "ReplyError", "TooLong"}  # the line's faults were all overcome
        assert outcomes["ReplyError"] > 5
        assert model.budget.reserved == 0
        assert model.budget.spent <= 1.0
