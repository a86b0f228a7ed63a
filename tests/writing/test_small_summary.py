"""The summary of a small model: each sentence cites the passage that states it, and an uncertain one has a fault."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fault_server import FaultServer, ScriptedReply, good

from rag.errors import ReplyError
from rag.llm import ChatClient, load_prompt
from rag.types import Chunk
from rag.verify import default_verifier
from rag.writing.small_prompts import SUMMARY_PROMPT
from rag.writing.small_summary import SummaryWriter

Connect = Callable[[FaultServer], SummaryWriter]

COST = "The pier in Oslo cost 41 million kroner."


@pytest.fixture
def writer(connect: Callable[[FaultServer], ChatClient], meeting: Chunk, cost: Chunk) -> Connect:
    """Connect a writer that reads both documents on the pier to a scripted server."""
    return lambda server: SummaryWriter(
        model=connect(server),
        question="What did the pier in Oslo cost, and how did the board vote?",
        prompt=load_prompt(SUMMARY_PROMPT),
        passages=(meeting, cost),
        verifier=default_verifier(),
    )


def reply(*sentences: tuple[str, int]) -> ScriptedReply:
    return good({"sentences": [{"text": text, "passage": passage} for text, passage in sentences]})


@pytest.mark.integration
def test_a_sentence_cites_the_passage_that_states_it_and_not_the_one_that_the_model_names(
    writer: Connect, cost: Chunk
) -> None:
    with FaultServer([reply((COST, 1))]) as server:
        [draft] = writer(server).drafts()
    assert (draft.text, draft.chunks, draft.fault) == (COST, (cost,), None)


@pytest.mark.integration
@pytest.mark.parametrize(
    "text",
    [
        "The pier in Oslo cost the board 3 May 2011 million kroner and a secret vote.",
        "The auditor voted on the cost.",
        "The pier in Oslo cost 41 million kroner because the vote was secret.",
        "It cost 41 million kroner.",
    ],
)
def test_a_sentence_that_no_passage_states_for_certain_or_that_opens_with_a_reference_has_a_fault(
    writer: Connect, text: str
) -> None:
    with FaultServer([reply((text, 2))]) as server:
        [draft] = writer(server).drafts()
    assert draft.fault


def test_the_model_reads_the_passages_under_their_numbers_and_the_question(
    writer: Connect, meeting: Chunk, cost: Chunk
) -> None:
    with FaultServer([reply(("cut off", 1))]) as server:
        assert writer(server).drafts() == ()
        user = str(server.requests[0].body["messages"][1]["content"])
    assert user.index(meeting.text) < user.index("[2]") < user.index(cost.text) < user.index("how did the board vote?")


def test_a_reply_that_names_no_passage_is_unusable(writer: Connect) -> None:
    with FaultServer([reply((COST, 3))]) as server, pytest.raises(ReplyError):
        writer(server).drafts()
