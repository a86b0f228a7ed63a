"""Requests, replies, counters and errors of the client, against a server with scripted faults."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx2
import pytest
from fault_server import (
    FaultServer,
    ScriptedReply,
    cut_off,
    dropped,
    empty,
    failing,
    good,
    no_choices,
    rate_limited,
    refused,
    slow,
    truncated,
    web_page,
    withheld,
)
from langchain_core.callbacks import BaseCallbackHandler
from pydantic import BaseModel, ConfigDict, Field
from transport_calls import watched_by

from rag.config import Settings, load_settings
from rag.errors import ModelError, ReplyError
from rag.llm import ChatClient, resolve
from rag.llm.transport import factory
from rag.llm.transport.layer import ModelTransport

KEY = "sk-secret-0123456789"


class Sentence(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sentence: str


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str
    citations: Annotated[list[Literal["E1", "E2"]], Field(min_length=1)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid")
    heading: str
    sentences: Annotated[list[Item], Field(min_length=1)]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the key, the server and the settings file of whoever runs the tests."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "OPENAI_API_BASE", "OPENAI_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    def settings(**variables: str) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return load_settings()

    return settings


@pytest.fixture
def connect(environment: Callable[..., Settings]) -> Callable[..., ChatClient]:
    """Return a function that opens a client; without retries by default, so that faults show at once."""

    def connected(
        server: FaultServer, model: str = "gpt-4.1-mini", *, retries: int = 0, timeout: float = 20
    ) -> ChatClient:
        settings = environment(
            OPENAI_API_KEY=KEY,
            OPENAI_BASE_URL=server.base_url,
            CITEBRIEF_RETRIES=str(retries),
            CITEBRIEF_TIMEOUT=str(timeout),
        )
        return ChatClient(resolve(f"openai:{model}", settings), settings)

    return connected


def ask(model: ChatClient, schema: type[BaseModel] = Sentence) -> Any:
    return model.ask("Be brief.", "What fell?", schema, max_tokens=50, name="merge")


# --- requests --------------------------------------------------------------------------------------------------------


def test_a_request_has_the_prompt_a_strict_schema_a_seed_and_temperature_zero(
    connect: Callable[..., ChatClient],
) -> None:
    with FaultServer([good({"sentence": "It rained."})]) as server, connect(server) as model:
        assert ask(model).sentence == "It rained."
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert [m["content"] for m in request.body["messages"]] == ["Be brief.", "What fell?"]
    assert (request.body["temperature"], request.body["seed"]) == (0, 7)
    sent = request.body["response_format"]["json_schema"]
    assert sent["strict"] is True
    assert sent["schema"]["additionalProperties"] is False
    assert sent["schema"]["required"] == ["sentence"]
    assert 50 in (request.body.get("max_tokens"), request.body.get("max_completion_tokens"))


def test_citations_are_an_enum_of_the_evidence(connect: Callable[..., ChatClient]) -> None:
    with FaultServer() as server, connect(server) as model:
        assert ask(model, Section).sentences[0].citations == ["E1"]
    assert '"enum": ["E1", "E2"]' in str(server.requests[0].body).replace("'", '"')


def test_a_reasoning_model_gets_no_temperature_and_more_tokens(connect: Callable[..., ChatClient]) -> None:
    with FaultServer() as server, connect(server, "gpt-5-mini") as model:
        ask(model)
    body = server.requests[0].body
    assert "temperature" not in body
    assert body["reasoning_effort"] in ("minimal", "low")
    assert body["max_completion_tokens"] > 1000  # reasoning counts against the limit


def test_tokens_and_cost_are_counted(connect: Callable[..., ChatClient]) -> None:
    with FaultServer() as server, connect(server) as model:
        ask(model)
        ask(model)
        assert dict(model.tokens) == {"calls": 2, "prompt": 200, "cached": 80, "completion": 40}
        assert model.cost == pytest.approx((120 * 0.4 + 80 * 0.1 + 40 * 1.6) / 1e6)
        assert model.seconds > 0


def test_without_a_price_there_is_no_cost(connect: Callable[..., ChatClient]) -> None:
    with FaultServer() as server, connect(server, "home-made") as model:
        ask(model)
        assert model.cost is None


def test_calls_from_many_threads_are_all_counted(connect: Callable[..., ChatClient]) -> None:
    with FaultServer() as server, connect(server) as model:
        threads = [threading.Thread(target=lambda: [ask(model) for _ in range(5)]) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert model.tokens["calls"] == len(server.requests) == 30
        assert model.tokens["prompt"] == 3000


def test_langchain_callbacks_see_the_call_under_the_prompts_name(connect: Callable[..., ChatClient]) -> None:
    seen: list[str | None] = []

    class Watching(BaseCallbackHandler):
        def on_chat_model_start(self, *_: Any, **kwargs: Any) -> None:
            seen.append(kwargs.get("name"))

    with FaultServer() as server, connect(server) as model, watched_by(Watching()):
        ask(model)
    assert seen == ["merge"]


# --- faults of the connection ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [rate_limited(), failing(500), failing(503), dropped()])
def test_a_transient_fault_is_retried(fault: ScriptedReply, connect: Callable[..., ChatClient]) -> None:
    with FaultServer([fault, good({"sentence": "It rained."})]) as server, connect(server, retries=1) as model:
        assert ask(model).sentence == "It rained."
    assert len(server.requests) == 2


def test_retry_after_is_obeyed(connect: Callable[..., ChatClient]) -> None:
    with FaultServer([rate_limited(retry_after=1.5)]) as server, connect(server, retries=1) as model:
        ask(model)
    first, second = server.requests
    assert second.at - first.at >= 1.5


@pytest.mark.parametrize(
    ("faults", "named"),
    [
        ([rate_limited(0), rate_limited(0)], "rate limit"),
        ([failing(502), failing(502)], "the server failed"),
        ([dropped(), dropped()], "no connection"),
        ([slow(2), slow(2)], "CITEBRIEF_TIMEOUT"),
    ],
)
def test_a_lasting_fault_names_the_model_the_host_and_the_fix(
    faults: Sequence[ScriptedReply], named: str, connect: Callable[..., ChatClient]
) -> None:
    with FaultServer(faults) as server, connect(server, retries=1, timeout=0.5) as model:
        with pytest.raises(ModelError, match=named) as caught:
            ask(model)
        assert not isinstance(caught.value, ReplyError)
        assert "gpt-4.1-mini at 127.0.0.1:" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert len(server.requests) == 2


@pytest.mark.parametrize(("status", "named"), [(401, "OPENAI_API_KEY"), (403, "permissions"), (404, "OPENAI_BASE_URL")])
def test_a_refused_request_is_not_retried_and_the_key_is_not_shown(
    status: int, named: str, connect: Callable[..., ChatClient]
) -> None:
    with FaultServer([failing(status, f"bad key {KEY}")]) as server, connect(server, retries=3) as model:
        with pytest.raises(ModelError, match=named) as caught:
            ask(model)
        assert KEY not in str(caught.value)
    assert len(server.requests) == 1


def test_a_refused_connection_names_the_host(environment: Callable[..., Settings]) -> None:
    with FaultServer() as gone:
        url = gone.base_url
    settings = environment(OPENAI_BASE_URL=url, CITEBRIEF_RETRIES="0")
    with ChatClient(resolve("auto", settings), settings) as model, pytest.raises(ModelError, match=r"127\.0\.0\.1"):
        ask(model)


# --- faults of the reply ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (truncated(), "JSON"),
        (good({"sentence": 3}), "sentence"),
        (good({"sentence": "It rained.", "mood": "wet"}), "mood"),
        (cut_off(), "cut off"),
        (empty(), "empty"),
        (refused(), "cannot help"),
        (withheld(), "content filter"),
    ],
)
def test_an_unusable_reply_raises_an_error_that_says_what_is_wrong(
    fault: ScriptedReply, named: str, connect: Callable[..., ChatClient]
) -> None:
    with FaultServer([fault]) as server, connect(server, retries=3) as model:
        with pytest.raises(ReplyError, match=f"(?i){named}"):
            ask(model)
        assert len(server.requests) == 1  # whether to repeat the request is up to the writer
        assert model.tokens["calls"] == 1
        if fault != withheld():  # for which the client reports no tokens
            assert model.tokens["completion"] == 20  # an unusable reply is paid for


def test_a_citation_outside_the_evidence_is_refused_and_named(connect: Callable[..., ChatClient]) -> None:
    reply = {"heading": "Rain", "sentences": [{"text": "It rained.", "citations": ["E7"]}]}
    with FaultServer([good(reply)]) as server, connect(server) as model, pytest.raises(ReplyError) as caught:
        ask(model, Section)
    assert "E7" in str(caught.value)
    assert "citations" in str(caught.value)


@pytest.mark.parametrize("fault", [web_page(), no_choices()])
def test_a_response_that_is_no_completion_is_an_error_of_one_line(
    fault: ScriptedReply, connect: Callable[..., ChatClient]
) -> None:
    with FaultServer([fault]) as server, connect(server) as model, pytest.raises(ModelError) as caught:
        ask(model)
    assert "\n" not in str(caught.value)


# --- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY", "OPENAI_PROXY"])
def test_a_server_on_loopback_is_reached_without_a_proxy(
    variable: str, connect: Callable[..., ChatClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer() as proxy, FaultServer() as server:
        monkeypatch.setenv(variable, proxy.base_url.removesuffix("/v1"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with connect(server) as model:
            ask(model)
        assert len(server.requests) == 1
        assert proxy.requests == []


def test_without_a_base_url_the_server_is_openai_whatever_other_variables_are_set(
    environment: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses: list[str] = []

    class RecordingTransport(ModelTransport):
        def __init__(self, **_: object) -> None:
            """Take no settings: nothing is sent."""

        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            addresses.append(str(request.url))
            raise httpx2.ConnectError("not sent")

    monkeypatch.setattr(factory, "NetworkTransport", RecordingTransport)
    settings = environment(
        OPENAI_API_KEY=KEY,
        OPENAI_API_BASE="http://127.0.0.1:9/v1",
        LANGSMITH_GATEWAY="true",
        CITEBRIEF_RETRIES="0",
    )
    with ChatClient(resolve("auto", settings), settings) as model, pytest.raises(ModelError, match="no connection"):
        ask(model)
    assert addresses == ["https://api.openai.com/v1/chat/completions"]


def test_a_password_in_the_base_url_is_not_shown(environment: Callable[..., Settings]) -> None:
    settings = environment(OPENAI_BASE_URL="http://me:hunter2@127.0.0.1:9/v1", CITEBRIEF_RETRIES="0")
    choice = resolve("openai:m", settings)
    with ChatClient(choice, settings) as model, pytest.raises(ModelError) as caught:
        ask(model)
    assert "hunter2" not in choice.why + str(caught.value)
    assert "127.0.0.1:9" in str(caught.value)


# --- the local model -------------------------------------------------------------------------------------------------


@pytest.mark.integration
def test_the_local_model_answers_through_the_same_client(local_model: ChatClient) -> None:
    before = local_model.tokens["calls"]
    system = "Merge two sentences into ONE sentence."
    user = "Sentence 1: Oslo met on 3 May 2011.\nSentence 2: The vote was secret."
    reply = local_model.ask(system, user, Sentence, max_tokens=60, name="merge")
    assert reply.sentence.strip()
    assert local_model.tokens["calls"] == before + 1
    assert local_model.small
    assert local_model.cost == 0


@pytest.mark.integration
def test_the_local_model_cites_only_what_the_schema_allows(local_model: ChatClient) -> None:
    system = "Write one section with one sentence; cite E9."
    reply = local_model.ask(system, "E1: Rain fell on Oslo.", Section, max_tokens=120, name="section")
    assert {cited for item in reply.sentences for cited in item.citations} <= {"E1", "E2"}


@pytest.mark.integration
def test_a_local_reply_over_its_limit_is_an_error(local_model: ChatClient) -> None:
    with pytest.raises(ReplyError, match="cut off"):
        local_model.ask("Tell a long story.", "Begin.", Sentence, max_tokens=5, name="merge")
