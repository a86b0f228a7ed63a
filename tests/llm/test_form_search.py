"""Servers that fail or refuse without a reason: how their form of request is found, and when it is not looked for."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fault_server import FaultServer, ScriptedReply, failing, overflow, raw_json
from server_forms import KEY, UNKNOWN, Connect, Section, ask, refusing, reply_format, schema_text

from rag.config import load_settings
from rag.errors import ModelError, ReplyError, TooLong
from rag.llm import ChatClient, resolve

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
