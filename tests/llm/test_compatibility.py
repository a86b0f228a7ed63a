"""Servers that do not take OpenAI's form of request, or reply in another place: what is sent, and what comes back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from fault_server import FaultServer, Rule, ScriptedReply, failing, good, overflow, raw_json, raw_message
from pydantic import BaseModel, ConfigDict, Field

from rag.config import load_settings
from rag.errors import ModelError, ReplyError, TooLong
from rag.llm import ChatClient, resolve

KEY = "sk-secret-0123456789"
RAIN = {"sentence": "It rained."}


class Sentence(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sentence: str


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str
    kind: Literal["said"] = "said"
    citations: Annotated[list[Literal["E1", "E2"]], Field(min_length=1, max_length=2)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid")
    heading: str
    sentences: Annotated[list[Item], Field(min_length=1, max_length=3)]


Connect = Callable[..., ChatClient]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: list[str]) -> Iterator[Connect]:
    monkeypatch.chdir(tmp_path)
    opened: list[ChatClient] = []

    def connected(server: FaultServer, model: str = "m", **flags: Any) -> ChatClient:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        settings = load_settings({"retries": 0, "timeout": 20, **flags})
        opened.append(ChatClient(resolve(f"openai:{model}", settings), settings, on_wait=said.append))
        return opened[-1]

    yield connected
    for model in opened:
        model.close()


def ask(model: ChatClient, schema: type[BaseModel] = Sentence, **options: Any) -> Any:
    return model.ask("Be brief.", "What fell?", schema, **{"max_tokens": 50, "name": "merge", **options})


def refusing(present: Callable[[dict[str, Any]], bool], reply: ScriptedReply) -> Rule:
    """Return the rule of a server that refuses requests in which something is present."""
    return lambda body: reply if present(body) else None


def roles(body: dict[str, Any]) -> list[str]:
    return [message["role"] for message in body["messages"]]


def reply_format(body: dict[str, Any]) -> str:
    return (body.get("response_format") or {}).get("type", "none")


def schema_text(body: dict[str, Any]) -> str:
    return json.dumps(body.get("response_format") or {})


# --- refused parameters ----------------------------------------------------------------------------------------------

EXTRA = "Extra inputs are not permitted"
PYDANTIC = [{"type": "extra_forbidden", "loc": ["body", "max_completion_tokens"], "msg": EXTRA, "input": 50}]
UNKNOWN = 'Invalid JSON payload received. Unknown name "%s": Cannot find field.'
LITELLM = "litellm.UnsupportedParamsError: m does not support parameters: ['%s'], for model=m. To drop these, set drop."
REFUSALS_OF_LIMIT = [
    raw_json({"object": "error", "message": {"detail": PYDANTIC}}, 422),
    raw_json({"object": "error", "message": str(PYDANTIC), "code": 400}, 400),
    raw_json({"detail": PYDANTIC}, 422),
    failing(400, "Unrecognized request argument supplied: max_completion_tokens"),
    failing(500, LITELLM % "max_completion_tokens"),
    failing(400, "Bad Request"),
    ScriptedReply(status=400, raw=b""),
]


@pytest.mark.parametrize("refusal", REFUSALS_OF_LIMIT)
def test_a_server_that_only_knows_max_tokens_gets_it_from_then_on(
    refusal: ScriptedReply, connect: Connect, said: list[str]
) -> None:
    with FaultServer(rule=refusing(lambda body: "max_completion_tokens" in body, refusal)) as server:
        model = connect(server)
        assert [ask(model).sentence for _ in range(3)] == ["Rain fell on Oslo."] * 3
    assert [request.body.get("max_tokens") for request in server.requests] == [None, 50, 50, 50]
    assert len(said) == 1
    assert "max_tokens" in said[0]


@pytest.mark.parametrize("field", ["seed", "temperature", "stream"])
@pytest.mark.parametrize(
    "refusal",
    [
        lambda field: raw_json([{"error": {"code": 400, "message": UNKNOWN % field}}], 400),
        lambda field: failing(400, f"Unsupported value: '{field}' does not support 0 with this model."),
        lambda field: failing(400, LITELLM % field),
        lambda field: failing(501, f"{field} is not implemented"),
        lambda _: failing(422, "Unprocessable entity"),
    ],
)
def test_a_refused_field_is_left_out_and_no_other(
    field: str, refusal: Callable[[str], ScriptedReply], connect: Connect, said: list[str]
) -> None:
    with FaultServer(rule=refusing(lambda body: field in body, refusal(field))) as server:
        model = connect(server)
        ask(model)
        ask(model)
    first, *_, last = [request.body for request in server.requests]
    assert first.keys() - last.keys() == {field}
    assert server.requests[-2].body == last
    assert said == [f"{model._where}: {field} is not sent"]


def test_a_reasoning_effort_that_the_server_refuses_is_left_out(connect: Connect) -> None:
    refusal = failing(400, "Unrecognized request argument supplied: reasoning_effort")
    with FaultServer(rule=refusing(lambda body: "reasoning_effort" in body, refusal)) as server:
        assert ask(connect(server, "gpt-5-mini")).sentence
    assert len(server.requests) == 2


def test_several_refusals_in_a_row_are_all_learned(connect: Connect, said: list[str]) -> None:
    def rule(body: dict[str, Any]) -> ScriptedReply | None:
        for field in ("max_completion_tokens", "seed", "temperature"):
            if field in body:
                return raw_json([{"error": {"code": 400, "message": UNKNOWN % field}}], 400)
        return None

    with FaultServer(rule=rule) as server:
        model = connect(server)
        ask(model)
        ask(model)
    assert len(server.requests) == 5
    assert len(said) == 1


def test_a_server_that_refuses_several_things_and_names_none_gets_the_messages_only(connect: Connect) -> None:
    def strict(body: dict[str, Any]) -> bool:
        return bool({"seed", "temperature", "max_completion_tokens", "response_format"} & body.keys())

    with FaultServer(rule=refusing(strict, failing(400, "invalid request"))) as server:
        model = connect(server)
        assert ask(model).sentence == "Rain fell on Oslo."
        found = len(server.requests)
        ask(model)
    assert len(server.requests) == found + 1
    assert server.requests[-1].body.keys() == {"model", "messages", "max_tokens"}


def test_a_field_that_a_refusal_lists_as_known_is_kept(connect: Connect) -> None:
    message = (
        "Unknown field 'seed'. Known fields: model, messages, temperature, max_completion_tokens, response_format."
    )
    with FaultServer(rule=refusing(lambda body: "seed" in body, failing(400, message))) as server:
        ask(connect(server))
    assert {"temperature", "max_completion_tokens", "response_format"} <= server.requests[-1].body.keys()


# --- the schema ------------------------------------------------------------------------------------------------------

UNAVAILABLE = [
    failing(400, "This response_format type is unavailable now"),
    failing(400, "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."),
    failing(400, "response_format value as json_schema is enabled only for api versions 2024-08-01-preview and later"),
    raw_json({"detail": [{"loc": ["body", "response_format", "type"], "msg": "Input should be 'text'"}]}, 422),
    failing(400, "Structured outputs are off."),
    failing(400, "?"),
]


def test_without_json_schema_the_schema_is_sent_with_json_object_and_without_that_in_the_prompt_alone(
    connect: Connect,
) -> None:
    def refuses(body: dict[str, Any]) -> bool:
        return reply_format(body) == "json_schema" or (strict and "schema" in body.get("response_format", {}))

    for strict in (False, True):
        with FaultServer(rule=refusing(refuses, failing(400, "response_format: unknown field"))) as server:
            assert ask(connect(server), Section).sentences[0].citations == ["E1"]
        sent = server.requests[-1].body
        assert sent["response_format"].keys() == ({"type"} if strict else {"type", "schema"})
        assert sent["response_format"]["type"] == "json_object"
        assert '"enum": ["E1", "E2"]' in sent["messages"][0]["content"]


@pytest.mark.parametrize("refusal", UNAVAILABLE)
def test_without_json_schema_the_schema_goes_into_the_prompt_with_json_object(
    refusal: ScriptedReply, connect: Connect
) -> None:
    with FaultServer(rule=refusing(lambda body: reply_format(body) == "json_schema", refusal)) as server:
        model = connect(server)
        assert ask(model, Section).sentences[0].citations == ["E1"]
        ask(model, Section)
    last = server.requests[-1].body
    assert last["response_format"]["type"] == "json_object"
    assert '"enum": ["E1", "E2"]' in last["messages"][0]["content"]
    assert last["messages"][0]["content"].startswith("Be brief.")
    assert reply_format(server.requests[-2].body) == "json_object"


@pytest.mark.parametrize("refusal", UNAVAILABLE)
def test_without_any_response_format_the_schema_goes_into_the_prompt_alone(
    refusal: ScriptedReply, connect: Connect
) -> None:
    with FaultServer(rule=refusing(lambda body: "response_format" in body, refusal)) as server:
        assert ask(connect(server), Section).sentences
    assert "response_format" not in server.requests[-1].body
    assert "JSON schema" in server.requests[-1].body["messages"][0]["content"]


@pytest.mark.parametrize(
    "message",
    [
        "output_config.format.schema: For 'array' type, property 'maxItems' is not supported",
        "Invalid schema for response_format 'merge': In context=('items',), 'minItems' is not permitted.",
        "failed to parse grammar",
        "400",
    ],
)
def test_limits_on_lists_that_a_server_refuses_are_said_in_words_and_checked_here(
    message: str, connect: Connect
) -> None:
    def limited(body: dict[str, Any]) -> bool:
        return '"maxItems"' in schema_text(body) or '"minItems"' in schema_text(body)

    with FaultServer(rule=refusing(limited, failing(400, message))) as server:
        model = connect(server)
        assert ask(model, Section).heading
        sent = schema_text(server.requests[-1].body)
        assert reply_format(server.requests[-1].body) == "json_schema"
        assert "1 to 3 items" in sent
        assert '"additionalProperties": false' in sent
        server.fail_from(1, good({"heading": "Rain", "sentences": []}))
        with pytest.raises(ReplyError, match="sentences"):
            ask(model, Section)


def test_references_and_constants_that_a_server_refuses_are_written_out(connect: Connect) -> None:
    def rule(body: dict[str, Any]) -> ScriptedReply | None:
        for keyword in ("$ref", "additionalProperties", "const"):
            if f'"{keyword}"' in schema_text(body):
                message = f"Unknown name \"{keyword}\" at 'generation_config.response_schema': Cannot find field."
                return raw_json([{"error": {"code": 400, "message": message}}], 400)
        return None

    with FaultServer(rule=rule) as server:
        assert ask(connect(server), Section).sentences[0].kind == "said"
    assert len(server.requests) == 2
    assert reply_format(server.requests[-1].body) == "json_schema"
    assert '"enum": ["E1", "E2"]' in schema_text(server.requests[-1].body)


def test_a_server_that_ignores_the_schema_gets_it_in_the_prompt_next_time(connect: Connect, said: list[str]) -> None:
    def rule(body: dict[str, Any]) -> ScriptedReply | None:
        shown = "JSON schema" in body["messages"][0]["content"]
        return None if shown else ScriptedReply(content="Rain fell, mostly.")

    with FaultServer(rule=rule) as server:
        model = connect(server)
        with pytest.raises(ReplyError, match="JSON"):
            ask(model)
        assert ask(model).sentence == "Rain fell on Oslo."
    assert reply_format(server.requests[-1].body) == "json_schema"
    assert len(said) == 1


# --- roles -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "refusal",
    [
        raw_json({"object": "error", "message": "System role not supported", "code": 400}, 400),
        failing(500, "Jinja Exception: System role not supported"),
        failing(400, "Developer instruction is not enabled for models/gemma-3-27b-it"),
        failing(400, "Unsupported value: 'messages[0].role' does not support 'system' with this model."),
        failing(400, "Conversation roles must alternate user/assistant"),
        failing(400, "template error"),
    ],
)
def test_system_text_goes_into_the_user_message(refusal: ScriptedReply, connect: Connect) -> None:
    with FaultServer(rule=refusing(lambda body: "system" in roles(body), refusal)) as server:
        model = connect(server)
        ask(model)
        ask(model)
    for request in server.requests[-2:]:
        assert request.body["messages"] == [{"role": "user", "content": "Be brief.\n\nWhat fell?"}]


def test_the_schema_stays_in_the_prompt_where_neither_it_nor_a_system_message_can_be_sent(connect: Connect) -> None:
    def rule(body: dict[str, Any]) -> ScriptedReply | None:
        if "system" in roles(body):
            return failing(400, "only user and assistant roles are supported")
        return failing(400, "response_format: unknown") if "response_format" in body else None

    with FaultServer(rule=rule) as server:
        assert ask(connect(server)).sentence
    (message,) = server.requests[-1].body["messages"]
    assert "JSON schema" in message["content"]
    assert message["content"].endswith("What fell?")


# --- failures at a form that the server did not foresee --------------------------------------------------------------

FAILURES = [
    ScriptedReply(status=500, raw=b"Internal Server Error", headers={"Content-Type": "text/plain"}),
    ScriptedReply(status=500, raw=b""),
    failing(500, "'NoneType' object is not subscriptable"),
]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("field", ["response_format", "seed", "max_completion_tokens"])
def test_what_a_server_fails_at_without_a_word_is_found_and_left_out(
    field: str, failure: ScriptedReply, connect: Connect, said: list[str]
) -> None:
    with FaultServer(rule=refusing(lambda body: field in body, failure)) as server:
        model = connect(server, retries=1)
        assert ask(model).sentence == "Rain fell on Oslo."
        found = len(server.requests)
        assert ask(model).sentence == "Rain fell on Oslo."
    first, last = server.requests[0].body, server.requests[-1].body
    assert len(server.requests) == found + 1
    assert first.keys() - last.keys() == {field}
    assert len(said) == 1


def test_a_server_that_fails_at_the_schema_of_one_prompt_only_gets_another_form(connect: Connect) -> None:
    failing_at_lists = refusing(lambda body: '"maxItems"' in schema_text(body), FAILURES[0])
    with FaultServer(rule=failing_at_lists) as server:
        model = connect(server, retries=1)
        ask(model)
        assert ask(model, Section, name="section").heading
    assert reply_format(server.requests[-1].body) == "json_schema"
    assert "maxItems" not in schema_text(server.requests[-1].body)


def test_what_a_server_refuses_and_what_it_fails_at_are_both_left_out(connect: Connect) -> None:
    def rule(body: dict[str, Any]) -> ScriptedReply | None:
        if "seed" in body:
            return failing(400, UNKNOWN % "seed")
        return FAILURES[0] if "response_format" in body else None

    with FaultServer(rule=rule) as server:
        model = connect(server, retries=1)
        ask(model)
        ask(model)
    assert not {"seed", "response_format"} & server.requests[-1].body.keys()
    assert "temperature" in server.requests[-1].body


@pytest.mark.parametrize("failure", FAILURES)
def test_a_server_that_fails_at_anything_gets_one_request_more(failure: ScriptedReply, connect: Connect) -> None:
    with FaultServer() as server:
        server.fail_from(1, failure)
        model = connect(server, retries=2)
        for _ in range(2):
            with pytest.raises(ModelError, match="the server failed"):
                ask(model)
        assert len(server.requests) == 2 * 3 + 1
        assert model.capabilities is not None
        assert not model.capabilities.learned


def test_a_server_that_recovers_during_the_search_is_not_blamed_for_the_form(connect: Connect, said: list[str]) -> None:
    with FaultServer([FAILURES[0], FAILURES[0]]) as server:
        model = connect(server, retries=1)
        assert ask(model).sentence == "Rain fell on Oslo."
        ask(model)
    assert server.requests[-1].body == server.requests[0].body
    assert said == []


def test_a_failure_after_a_reply_is_not_the_fault_of_the_form(connect: Connect) -> None:
    with FaultServer() as server:
        model = connect(server, retries=2)
        ask(model)
        server.fail_from(2, FAILURES[0])
        with pytest.raises(ModelError, match="the server failed"):
            ask(model)
    assert len({json.dumps(request.body) for request in server.requests}) == 1


def test_many_calls_that_fail_at_the_form_wait_for_the_one_that_searches(connect: Connect, said: list[str]) -> None:
    with FaultServer(rule=refusing(lambda body: "seed" in body, FAILURES[0])) as server:
        model = connect(server, retries=1, patience=600)
        with ThreadPoolExecutor(8) as pool:
            assert len(list(pool.map(lambda _: ask(model), range(24)))) == 24
    assert "seed" not in server.requests[-1].body
    assert len(said) == 1


# --- refusals that no form mends -------------------------------------------------------------------------------------


def test_a_refusal_without_a_remedy_is_reported_in_its_words_and_searched_once(connect: Connect) -> None:
    with FaultServer() as server:
        server.fail_from(1, failing(400, f"The account of {KEY} has no credit"))
        model = connect(server, retries=3)
        with pytest.raises(ModelError, match="no credit") as caught:
            ask(model)
        assert KEY not in str(caught.value)
        searched = len(server.requests)
        with pytest.raises(ModelError, match="no credit"):
            ask(model)
    assert searched < 16
    assert len(server.requests) == searched + 1


@pytest.mark.parametrize("status", [400, 418, 422, 401, 404, 429, 502])
@pytest.mark.parametrize(
    "body",
    [
        b'{"detail": "pinned to another model"}',
        b'{"detail": [{"loc": ["body", "model"], "msg": "pinned to another model"}]}',
        b'{"error": "pinned to another model"}',
        b'{"message": "pinned to another model"}',
        b'{"error": {"message": "pinned to another model"}}',
        b"pinned to another model",
    ],
)
def test_what_the_server_says_reaches_the_user_wherever_it_stands(body: bytes, status: int, connect: Connect) -> None:
    with FaultServer() as server:
        server.fail_from(1, ScriptedReply(status=status, raw=body))
        with pytest.raises(ModelError, match="pinned to another model") as caught:
            ask(connect(server))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (overflow(), TooLong),
        (failing(400, "The response was filtered by the content_filter: response_format"), ModelError),
    ],
)
def test_a_request_that_is_refused_for_its_text_is_not_sent_in_other_forms(
    refusal: ScriptedReply, error: type[ModelError], connect: Connect
) -> None:
    with FaultServer([refusal]) as server, pytest.raises(error):
        ask(connect(server))
    assert len(server.requests) == 1


def test_a_reply_that_the_server_itself_finds_wrong_is_an_unusable_reply(connect: Connect) -> None:
    error = {"message": "Failed to generate JSON.", "code": "json_validate_failed", "failed_generation": "{"}
    with FaultServer([raw_json({"error": error}, 400)]) as server:
        model = connect(server)
        with pytest.raises(ReplyError, match="does not follow the schema"):
            ask(model)
        ask(model)
    assert server.requests[0].body == server.requests[1].body


def test_a_search_that_a_busy_server_interrupts_goes_on_with_the_retry(connect: Connect) -> None:
    busy = [failing(503)]

    def rule(body: dict[str, Any]) -> ScriptedReply | None:
        if "max_completion_tokens" not in body and busy:
            return busy.pop()
        return failing(400, "?") if "max_completion_tokens" in body else None

    with FaultServer(rule=rule) as server:
        assert ask(connect(server, retries=1)).sentence
    assert "max_tokens" in server.requests[-1].body


def test_calls_from_many_threads_learn_together(connect: Connect, said: list[str]) -> None:
    refusal = failing(400, UNKNOWN % "seed")
    with FaultServer(rule=refusing(lambda body: "seed" in body, refusal)) as server:
        model = connect(server)
        with ThreadPoolExecutor(8) as pool:
            assert len(list(pool.map(lambda _: ask(model), range(24)))) == 24
    assert len(server.requests) <= 24 + 8
    assert len(said) == 1


def test_another_client_of_the_same_model_knows_what_was_learned(connect: Connect, said: list[str]) -> None:
    refusal = failing(400, UNKNOWN % "seed")
    with FaultServer(rule=refusing(lambda body: "seed" in body, refusal)) as server:
        ask(connect(server))
        ask(connect(server))
        assert len(server.requests) == 3
        ask(connect(server, "another"))
        assert len(server.requests) == 5
    assert len(said) == 2


def test_kept_responses_are_found_again_without_a_server(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = failing(400, UNKNOWN % "seed")
    replies = tmp_path / "replies"
    with FaultServer(rule=refusing(lambda body: "seed" in body, refusal)) as server:
        ask(connect(server, replies=replies))
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    settings = load_settings({"replies": replies})
    with ChatClient(resolve("openai:m", settings), settings) as offline:
        assert ask(offline).sentence == "Rain fell on Oslo."
        assert offline.tokens["replayed"] == 1


# --- replies in other places -----------------------------------------------------------------------------------------

TEXT = json.dumps(RAIN)
CALL = {"id": "t", "type": "function", "function": {"name": "merge", "arguments": TEXT}}
PARTS = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": TEXT}]
EVENTS = "".join(
    f"data: {json.dumps({'choices': [{'delta': {'content': part}, 'finish_reason': None}]})}\n\n" for part in TEXT
)


@pytest.mark.parametrize(
    "reply",
    [
        ScriptedReply(content=f'<think>\nThey want {{"sentence": "…"}}. So:\n</think>\n\n```json\n{TEXT}\n```'),
        ScriptedReply(content=f"Here is the JSON you asked for:\n\n{TEXT}\n\nAnything else?"),
        ScriptedReply(content=f"```\n{TEXT}\n```"),
        ScriptedReply(content=f"[{TEXT}]"),
        ScriptedReply(content=json.dumps({"merge": RAIN})),
        ScriptedReply(content=f'<tool_call>{{"name": "merge", "arguments": {TEXT}}}</tool_call>'),
        ScriptedReply(content=f'{{"sentence": "draft"}}\nBetter:\n{TEXT}'),
        raw_message({"content": None, "reasoning_content": f"I say {TEXT}"}),
        raw_message({"content": "", "reasoning": TEXT}),
        raw_message({"content": None, "tool_calls": [CALL]}, finish_reason="tool_calls"),
        raw_message({"content": None, "function_call": CALL["function"]}, finish_reason="function_call"),
        raw_message({"content": PARTS}),
        raw_message({"content": RAIN}),
        raw_json({"choices": [{"text": TEXT, "finish_reason": "stop", "index": 0}], "object": "text_completion"}),
        ScriptedReply(raw=(EVENTS + "data: [DONE]\n\n").encode(), headers={"Content-Type": "text/event-stream"}),
    ],
)
def test_the_reply_is_found_wherever_it_stands(reply: ScriptedReply, connect: Connect) -> None:
    with FaultServer([reply]) as server:
        assert ask(connect(server)).sentence == "It rained."
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "content",
    [
        '{"sentence": "It rained.",}',
        '{"sentence": "It rained." /* on Oslo */}',
        '{\n  // what fell\n  "sentence": "It rained.", // nothing else\n}',
        "{'sentence': 'It rained.'}",
        "{sentence: 'It rained.'}",
        "```json5\n{sentence: 'It rained.',}\n```",
        "Sure!\n\n{'sentence': 'It rained.',}\n\nAnything else?",
    ],
)
def test_a_reply_in_json5_is_read(content: str, connect: Connect) -> None:
    with FaultServer([ScriptedReply(content=content)]) as server:
        assert ask(connect(server)).sentence == "It rained."
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"sentence": "It rained\non Oslo.",}', "It rained\non Oslo."),
        (
            "{'sentence': 'It \"rained\", see http://a.example // there.',}",
            'It "rained", see http://a.example // there.',
        ),
        ('{"sentence": "It rained, /* they say */ twice.",}', "It rained, /* they say */ twice."),
        ('{"sentence": "The town\'s rain didn\'t stop.",}', "The town's rain didn't stop."),
    ],
)
def test_no_word_of_a_reply_in_json5_changes(content: str, sentence: str, connect: Connect) -> None:
    with FaultServer([ScriptedReply(content=content)]) as server:
        assert ask(connect(server)).sentence == sentence


@pytest.mark.parametrize(
    "content",
    [
        "{'sentence': 'It didn't rain, the town's clerk wrote.'}",  # a guess would end at "didn"
        '{"sentence": "He called it "rain", and left."}',
        "{'sentence': 'It rained all",
        "{'sentence': 'It rained.', 'more': [",
        '{"sentence": "It rained\\\non Oslo."}',  # JSON5 would make it "rainedon"
    ],
)
def test_a_reply_that_could_only_be_guessed_is_unusable(content: str, connect: Connect) -> None:
    with FaultServer([ScriptedReply(content=content)]) as server, pytest.raises(ReplyError, match="schema"):
        ask(connect(server))


def test_a_reply_in_json5_is_held_to_the_whole_schema(connect: Connect) -> None:
    reply = ScriptedReply(content="{heading: 'Rain', sentences: [{text: 'It rained.', citations: ['E7'],},],}")
    with FaultServer([reply]) as server, pytest.raises(ReplyError, match="E7"):
        ask(connect(server), Section)


def test_a_long_reply_without_an_object_costs_little_time(connect: Connect) -> None:
    started = time.process_time()
    with FaultServer([ScriptedReply(content='{"a": [' * 4000)]) as server, pytest.raises(ReplyError):
        ask(connect(server))
    assert time.process_time() - started < 5


def test_a_reply_found_in_other_text_is_held_to_the_whole_schema(connect: Connect) -> None:
    wrong = {"heading": "Rain", "sentences": [{"text": "It rained.", "citations": ["E7"]}]}
    reply = ScriptedReply(content=f"<think>Well.</think>{json.dumps(wrong)}")
    with FaultServer([reply]) as server, pytest.raises(ReplyError, match="E7"):
        ask(connect(server), Section)


def test_a_model_that_thinks_up_to_the_limit_gets_a_higher_one(connect: Connect) -> None:
    cut = raw_message({"content": "<think>First, the user"}, finish_reason="length")
    with FaultServer([cut]) as server:
        model = connect(server)
        ask(model)
        ask(model)
    limits = [request.body["max_completion_tokens"] for request in server.requests]
    assert limits == [50, 4050, 4050]


# --- errors in a 200 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        raw_json({"choices": [], "object": "", "usage": None, "prompt_filter_results": [{"prompt_index": 0}]}),
        raw_json({"choices": None, "object": "chat.completion"}),
        raw_json({"error": {"message": "Provider returned error", "code": 502}, "user_id": "u"}),
        raw_json({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}),
        raw_json({"error": "upstream connect error"}),
        raw_json({"object": "error", "message": "overloaded", "code": 50001}),
        raw_message({"content": ""}, choices=[{"error": {"code": 503, "message": "gone"}, "finish_reason": "error"}]),
    ],
)
def test_an_error_in_a_response_of_status_200_is_tried_again(fault: ScriptedReply, connect: Connect) -> None:
    with FaultServer([fault]) as server:
        assert ask(connect(server, retries=1)).sentence == "Rain fell on Oslo."
        assert len(server.requests) == 2
    with FaultServer() as server:
        server.fail_from(1, fault)
        with pytest.raises(ModelError) as caught:
            ask(connect(server, retries=1))
    assert "\n" not in str(caught.value)


def test_a_refusal_in_a_response_of_status_200_is_learned_from(connect: Connect) -> None:
    refusal = raw_json({"error": {"message": UNKNOWN % "seed", "code": 400}})
    with FaultServer(rule=refusing(lambda body: "seed" in body, refusal)) as server:
        ask(connect(server))
    assert "seed" not in server.requests[-1].body


def test_tokens_of_a_completion_without_choices_are_counted(connect: Connect) -> None:
    empty = raw_json({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 0}})
    with FaultServer([empty]) as server:
        model = connect(server, retries=1)
        ask(model)
    assert model.tokens["prompt"] == 107
