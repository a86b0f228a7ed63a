"""Servers that allow fewer tokens of a reply than are asked for: the limit that is sent from then on."""

from __future__ import annotations

from typing import Any

import pytest
from fault_server import FaultServer, Rule, ScriptedReply, failing
from server_forms import Connect, Section, ask

from rag.errors import TooLong


def limit_of(body: dict[str, Any]) -> int:
    limit: int = body.get("max_completion_tokens") or body["max_tokens"]
    return limit


def allowing(most: int, message: str, status: int = 400) -> Rule:
    """Return the rule of a server that refuses more than ``most`` tokens with ``message``."""

    def rule(body: dict[str, Any]) -> ScriptedReply | None:
        asked = limit_of(body)
        return failing(status, message.format(asked=asked, most=most)) if asked > most else None

    return rule


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens is too large: {asked}. This model supports at most {most} completion tokens, whereas you provided"
        " {asked}.",  # OpenAI
        "Invalid max_tokens value, the valid range of max_tokens is [1, {most}]",  # DeepSeek
        "<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, {most}]",  # DashScope
        "max_tokens for `m-8b-2024-08-06` must be less than or equal to {most}",  # Groq
        "`max_tokens` must be less than or equal to `{most}`, the maximum value for `max_tokens` is less than the "
        "`context_window` for this model",  # Groq
        "The parameter max_tokens specified in the request is not valid: integer above maximum value, expected a value"
        " <= {most}, but got {asked} instead. Request id: 02177243259665",  # Volcengine
        "The maximum tokens you requested exceeds the model limit of {most}.",  # Bedrock
        "max_completion_tokens: {asked} > {most}, the maximum allowed number of output tokens",
    ],
)
def test_a_limit_that_a_refusal_names_is_sent_from_then_on(message: str, connect: Connect, said: list[str]) -> None:
    with FaultServer(rule=allowing(4096, message)) as server:
        model = connect(server)
        for asked in (300, 5500, 11_000, 300):
            ask(model, max_tokens=asked)
        assert [limit_of(request.body) for request in server.requests] == [300, 5500, 4096, 4096, 300]
    assert model.capabilities is not None
    assert model.capabilities.guesses
    [what] = said
    assert what.endswith("replies may have at most 4,096 tokens")


@pytest.mark.parametrize(("status", "message"), [(400, "max_tokens is too large"), (416, "limited max_tokens")])
def test_a_limit_that_a_refusal_does_not_name_is_halved(status: int, message: str, connect: Connect) -> None:
    with FaultServer(rule=allowing(2048, message, status)) as server:
        model = connect(server)
        ask(model, max_tokens=5500)
        ask(model, max_tokens=5500)
    assert [limit_of(request.body) for request in server.requests] == [5500, 2750, 1375, 1375]


def test_the_lower_of_two_limits_counts(connect: Connect) -> None:
    most = 4096

    def rule(body: dict[str, Any]) -> ScriptedReply | None:
        return allowing(most, "at most {most} completion tokens")(body)

    with FaultServer(rule=rule) as server:
        model = connect(server)
        ask(model, max_tokens=5500)
        most = 1024
        ask(model, max_tokens=5500)
        ask(model, max_tokens=2000)
    assert [limit_of(request.body) for request in server.requests] == [5500, 4096, 4096, 1024, 1024]


def test_the_limit_covers_what_the_model_reasons(connect: Connect) -> None:
    with FaultServer(rule=allowing(4096, "at most {most} completion tokens")) as server:
        ask(connect(server, "gpt-5-mini"), max_tokens=300)
    assert [limit_of(request.body) for request in server.requests] == [4300, 4096]


def test_a_number_that_is_no_limit_costs_one_request(connect: Connect) -> None:
    def rule(body: dict[str, Any]) -> ScriptedReply | None:
        message = "Unsupported parameter max_completion_tokens (see rule 1204)"
        return failing(400, message) if "max_completion_tokens" in body else None

    with FaultServer(rule=rule) as server:
        model = connect(server)
        ask(model, Section, max_tokens=5500)
        ask(model, Section, max_tokens=5500)
    assert [limit_of(request.body) for request in server.requests] == [5500, 1204, 5500, 5500]


def test_a_reply_that_does_not_fit_the_context_is_too_long(connect: Connect) -> None:
    message = (
        "'max_tokens' or 'max_completion_tokens' is too large: 5500. This model's maximum context length is 8192 "
        "tokens and your request has 3000 input tokens (5500 > 8192 - 3000)."
    )
    with FaultServer(rule=allowing(5000, message)) as server:
        with pytest.raises(TooLong):
            ask(connect(server), max_tokens=5500)
        assert len(server.requests) == 1
