"""What a caller gets when a connection or a reply fails, and what callbacks, errors and logs tell of it."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
from langchain_core.callbacks import BaseCallbackHandler
from transport_calls import KEY, Connect, ask, outcome, watched_by

from rag.config import Settings, load_settings
from rag.errors import BudgetSpent, ModelError, ReplyError, TooLong, UsageError
from rag.llm import ChatClient, resolve

pytestmark = pytest.mark.integration  # real servers on loopback, and real waiting


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


def test_the_time_limit_is_that_of_the_whole_reply(connect: Connect) -> None:
    # Half of the time passes before the headers; then one byte comes, and no other.
    with FaultServer([ScriptedReply(after=0.5, apart=30)]) as server:
        with pytest.raises(ModelError, match="CITEBRIEF_TIMEOUT"):
            ask(connect(server, timeout=1, retries=0))
        assert (
            time.monotonic() - server.requests[0].at < 1.4
        )  # the limit from one byte to the next alone ends after 1.5 s


def test_a_body_that_stops_arriving_late_fails_at_the_time_limit(connect: Connect) -> None:
    with FaultServer([ScriptedReply(apart=0.7)]) as server:
        with pytest.raises(ModelError, match="CITEBRIEF_TIMEOUT"):
            ask(connect(server, timeout=1, retries=0))
        assert (
            time.monotonic() - server.requests[0].at < 1.3
        )  # the second byte comes after 0.7 s, the third after 1.4 s


def test_a_redirection_gets_no_time_of_its_own(connect: Connect) -> None:
    with FaultServer() as server:
        location = {"Location": f"{server.base_url}/chat/completions"}
        server.fail_from(1, ScriptedReply(status=307, raw=b"", headers=location, after=0.7))
        with pytest.raises(ModelError, match="CITEBRIEF_TIMEOUT"):
            ask(connect(server, timeout=1, retries=0))
        assert time.monotonic() - server.requests[0].at < 1.35  # the second response would come after 1.4 s


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


# --- callbacks and secrets -------------------------------------------------------------------------------------------


def test_callbacks_see_one_run_per_call_whatever_the_retries(connect: Connect) -> None:
    seen: list[str] = []

    class Watching(BaseCallbackHandler):
        def on_chat_model_start(self, *_: Any, **__: Any) -> None:
            seen.append("start")

        def on_llm_end(self, response: Any, **_: Any) -> None:
            seen.append(f"end {response.generations[0][0].message.usage_metadata['input_tokens']}")

        def on_llm_error(self, error: BaseException, **_: Any) -> None:
            seen.append(type(error).__name__)

    with FaultServer([failing(503)]) as server, watched_by(Watching()):
        model = connect(server, budget_usd=1.0)
        ask(model)
        model.budget.budget_usd = 0.0
        with pytest.raises(BudgetSpent, match="was not made"):
            ask(model)
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
        # In one run of twenty some call meets four faults of the connection in a row; seven in a row are not met.
        model = connect(server, retries=6, concurrency=16, budget_usd=1.0)
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
