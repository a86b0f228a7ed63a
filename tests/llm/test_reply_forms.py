"""Replies in another place or notation than OpenAI's, and errors in a response of status 200: what is read of them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from fault_server import USAGE, FaultServer, ScriptedReply, raw_json, raw_message
from server_forms import UNKNOWN, Connect, Section, ask, refusing

from rag.errors import ModelError, ReplyError

# --- replies in other places -----------------------------------------------------------------------------------------

RAIN = {"sentence": "It rained."}
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


THOUGHTS = {"type": "thinking", "thinking": [{"type": "text", "text": "First, the user"}]}


@pytest.mark.parametrize(
    "message",
    [
        {"content": "<think>First, the user"},
        {},  # Gemini
        {"content": ""},
        {"content": [THOUGHTS]},  # Mistral
        {"content": [THOUGHTS, {"type": "text", "text": '{"sent'}]},
    ],
)
def test_a_model_that_thinks_up_to_the_limit_gets_a_higher_one(message: dict[str, Any], connect: Connect) -> None:
    cut = raw_message(message, finish_reason="length")
    with FaultServer([cut]) as server:
        model = connect(server)
        ask(model)
        ask(model)
    limits = [request.body["max_completion_tokens"] for request in server.requests]
    assert limits == [50, 4050, 4050]


@pytest.mark.parametrize(
    "message",
    [
        {"content": '{"sentence": "It rained all'},
        {"tool_calls": [{"id": "1", "type": "function", "function": {"name": "merge", "arguments": '{"sent'}}]},
    ],
)
def test_a_reply_that_is_cut_off_is_not_taken_for_reasoning(message: dict[str, Any], connect: Connect) -> None:
    with FaultServer([raw_message(message, finish_reason="length")]) as server:
        with pytest.raises(ReplyError, match="cut off"):
            ask(connect(server))
        assert len(server.requests) == 1


# --- a stream that nobody asked for ----------------------------------------------------------------------------------


def events(*chunks: object, before: str = "") -> ScriptedReply:
    lines = [f"data: {chunk if isinstance(chunk, str) else json.dumps(chunk)}\n\n" for chunk in (*chunks, "[DONE]")]
    return ScriptedReply(raw=(before + "".join(lines)).encode(), headers={"Content-Type": "text/event-stream"})


def delta(finish_reason: str | None = None, **fields: object) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish_reason}]}


@pytest.mark.parametrize("before", ["", ": OPENROUTER PROCESSING\n\n", "event: message\n"])
def test_the_usage_of_a_stream_is_counted(before: str, connect: Connect) -> None:
    usage = {"choices": [], "usage": USAGE}
    stream = events(delta(content='{"sentence": '), delta("stop", content='"It rained."}'), usage, before=before)
    with FaultServer([stream]) as server:
        model = connect(server)
        assert ask(model).sentence == "It rained."
    assert (model.tokens["prompt"], model.tokens["completion"]) == (100, 20)


def test_a_whole_completion_with_the_end_of_a_stream_behind_it_is_read(connect: Connect) -> None:
    whole = raw_message({"content": '{"sentence": "It rained."}'}).raw or b""
    with FaultServer([ScriptedReply(raw=whole + b"data: [DONE]\n\n")]) as server:
        model = connect(server)
        assert ask(model).sentence == "It rained."
    assert model.tokens["completion"] == 20


def test_reasoning_in_a_stream_raises_the_limit(connect: Connect) -> None:
    with FaultServer([events(delta(content=[THOUGHTS]), delta("length", content=""))]) as server:
        ask(connect(server))
        assert [request.body["max_completion_tokens"] for request in server.requests] == [50, 4050]


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
        events({"error": {"message": "overloaded", "code": 503}}),
        events(delta(content='{"sentence": "It'), {"error": "gone"}),
        events(),
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
