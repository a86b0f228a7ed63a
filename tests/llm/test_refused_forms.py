"""Servers that refuse OpenAI's form of request: which parameters, schema and roles are sent instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fault_server import FaultServer, ScriptedReply, failing, good, raw_json
from server_forms import UNKNOWN, Connect, Section, ask, refusing, reply_format, schema_text

from rag.errors import ReplyError


def roles(body: dict[str, Any]) -> list[str]:
    return [message["role"] for message in body["messages"]]


# --- refused parameters ----------------------------------------------------------------------------------------------

EXTRA = "Extra inputs are not permitted"
PYDANTIC = [{"type": "extra_forbidden", "loc": ["body", "max_completion_tokens"], "msg": EXTRA, "input": 50}]
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
