"""What a budget lets through, and what a request costs it, with and without a reply."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from fault_server import (
    FaultServer,
    ScriptedReply,
    cut_line,
    cut_off,
    dropped,
    empty,
    failing,
    rate_limited,
    raw_message,
    refused,
    slow,
    truncated,
    web_page,
)
from transport_calls import Connect, Sentence, ask, outcome

from rag.errors import BudgetSpent, ModelError, ReplyError, UsageError
from rag.llm import Budget, Rates, find_rates
from rag.llm.call import EXTENSION, Call
from rag.llm.transport.budget import BudgetTransport, request_bound
from rag.llm.transport.layer import ModelTransport

pytestmark = pytest.mark.integration  # real servers on loopback, and real waiting

A_CALL = (60 * 0.4 + 40 * 0.1 + 20 * 1.6) / 1e6
"""The cost of a call to gpt-4.1-mini with the usage that the server reports."""


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


class Unreachable(ModelTransport):
    def __init__(self, error: httpx2.TransportError) -> None:
        self._error = error

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        raise self._error


@pytest.mark.parametrize(
    ("error", "paid"),
    [
        (httpx2.ConnectError("refused"), False),
        (httpx2.ConnectTimeout("no route"), False),
        (httpx2.PoolTimeout("no connection is free"), False),
        (httpx2.ReadTimeout("late"), True),
    ],
)
def test_only_a_request_that_may_have_been_sent_is_paid_for(error: httpx2.TransportError, paid: bool) -> None:
    rates = Rates(prompt=1.0, cached=1.0, completion=10.0)
    budget = Budget(1.0, rates)
    request = httpx2.Request("POST", "http://127.0.0.1", content=b"{}")
    request.extensions = {EXTENSION: Call(prompt_name="merge", system="", max_tokens=50)}
    with pytest.raises(type(error)):
        BudgetTransport(Unreachable(error), budget, rates).handle_request(request)
    assert budget.spent == pytest.approx(request_bound(rates, b"{}", 50) if paid else 0)
    assert budget.reserved == 0


@pytest.mark.parametrize(
    ("usage", "prompt", "completion"),
    [  # as xAI and Gemini report it, as OpenAI does, and without a total
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 1015}, 10, 1005),
        ({"prompt_tokens": 10, "completion_tokens": 1005, "total_tokens": 1015}, 10, 1005),
        ({"prompt_tokens": 10, "completion_tokens": 1005}, 10, 1005),
        ({"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 90}}, 100, 5),
    ],
)
def test_tokens_that_are_reported_apart_are_paid_for(
    usage: dict[str, Any], prompt: int, completion: int, connect: Connect
) -> None:
    with FaultServer([raw_message({"content": '{"sentence": "It rained."}'}, usage=usage)]) as server:
        model = connect(server, budget_usd=1.0)
        ask(model)
    cached = 90 if "prompt_tokens_details" in usage else 0
    assert (model.tokens["prompt"], model.tokens["completion"]) == (prompt, completion)
    assert model.budget.spent == pytest.approx(((prompt - cached) * 0.4 + cached * 0.1 + completion * 1.6) / 1e6)


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
