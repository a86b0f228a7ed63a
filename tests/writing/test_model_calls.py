"""ChatClient calls: one retry for an unusable reply, and complete sentences without markers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fault_server import FaultServer, ScriptedReply, cut_off, dropped, good, overflow, truncated
from pydantic import BaseModel, ConfigDict

from rag.errors import ModelError, ReplyError, TooLong
from rag.llm import ChatClient, prompts
from rag.llm.chat_model import ChatModel
from rag.writing.model_calls import ask_with_retry, clean_sentences

GOOD = good({"sentence": "The board met on 3 May 2011."})


class SentenceReply(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sentence: str


def ask(model: ChatModel) -> str:
    values = {"question": "When did the board meet?", "notes": "1 [Minutes] The board met on 3 May 2011."}
    return ask_with_retry(model, prompts.load_prompt("small_heading"), SentenceReply, max_tokens=140, **values).sentence


@pytest.mark.parametrize("fault", [truncated(), cut_off(), good({"sentence": 3})])
def test_an_unusable_reply_gets_one_retry_that_carries_the_error_and_more_tokens(
    fault: ScriptedReply, connect: Callable[[FaultServer], ChatClient]
) -> None:
    with FaultServer([fault, GOOD]) as server:
        model = connect(server)
        assert ask(model) == "The board met on 3 May 2011."
    first, second = (request.body["messages"][1]["content"] for request in server.requests)
    assert second.startswith(first)
    assert "could not be used" in second
    assert server.requests[1].body["max_completion_tokens"] == 2 * server.requests[0].body["max_completion_tokens"]
    assert model.tokens["calls"] == 2


def test_a_second_unusable_reply_is_an_error(connect: Callable[[FaultServer], ChatClient]) -> None:
    with FaultServer([good({"sentence": 3})] * 2) as server:
        with pytest.raises(ReplyError, match="does not follow the schema: sentence: "):
            ask(connect(server))
        assert len(server.requests) == 2


def test_a_request_that_does_not_fit_is_not_repeated(connect: Callable[[FaultServer], ChatClient]) -> None:
    with FaultServer([overflow()]) as server:
        with pytest.raises(TooLong, match="does not fit the model's context"):
            ask(connect(server))
        assert len(server.requests) == 1


def test_a_lost_connection_is_not_an_unusable_reply(connect: Callable[[FaultServer], ChatClient]) -> None:
    with FaultServer([dropped()]) as server:
        with pytest.raises(ModelError) as caught:
            ask(connect(server))
        assert not isinstance(caught.value, ReplyError)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The board met [1].", ["The board met."]),
        ("The board met [E1][E2].", ["The board met."]),
        ("The board met [E1, E2 and E3] in May (E1–E4).", ["The board met in May."]),
        ("It met [1] in May [2, 3], and in June.", ["It met in May, and in June."]),
        ("A type such as Literal[4] is exact.", ["A type such as Literal[4] is exact."]),
        ("The array [0, 1, 2] has no type.", ["The array [0, 1, 2] has no type."]),
        ("The Minsk agreements (2014) failed.", ["The Minsk agreements (2014) failed."]),
        ('He said: "No."', ['He said: "No."']),
        ('They are shared. When are they torn down? He asked: "Why?"', ["They are shared.", 'He asked: "Why?"']),
        ("The board met on Monday. It then", ["The board met on Monday."]),
        ("no end in sight", []),
        ("  \n", []),
    ],
)
def test_sentences_are_complete_and_without_citation_markers(text: str, expected: list[str]) -> None:
    assert clean_sentences(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Meetings fall into hours that all share: 1 to 5 p.m. Eastern, which is 10 a.m. to 2 p.m. Pacific.",
        "The agency of the U.S. Senate approved it.",
    ],
)
def test_a_sentence_is_not_torn_after_letters_with_full_stops(text: str) -> None:
    assert clean_sentences(text) == [text]


def test_code_marks_are_left_out_and_the_code_stays() -> None:
    text = "The import `from __future__ import annotations` came in 3.7 (``__annotate__`` later). A lone ` stays."
    plain = "The import from __future__ import annotations came in 3.7 (__annotate__ later)."
    assert clean_sentences(text) == [plain, "A lone ` stays."]
