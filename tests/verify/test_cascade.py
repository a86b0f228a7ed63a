"""The packaged verifier first, then a chat model: who is asked about what, and whose word decides. Real verifier."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from briefs import chunk
from fault_server import FaultServer, failing, good, truncated

from rag.errors import ModelError
from rag.llm import ChatClient
from rag.verify import default_verifier
from rag.verify.cascade import CascadeVerifier
from rag.verify.chat_verifier import ChatVerifier

pytestmark = pytest.mark.integration

Connect = Callable[[FaultServer], ChatClient]

PIER = chunk("oslo.md", "The harbour board of Oslo met on 3 May 2011. The board's vote on the pier was secret.")
WEATHER = [chunk(f"{n}.md", f"Report {n} is about the weather in Bergen.") for n in range(4)]
COPY = "The harbour board of Oslo met on 3 May 2011."
PROSE = "How the members of Oslo's harbour board voted on the pier was never made public."
FREE = "Nobody outside the room learned how the members of the board voted in 2012."


def cascade(model: ChatClient, candidates: int | None = 2) -> CascadeVerifier:
    chat = ChatVerifier(model=model, candidates=candidates)
    return CascadeVerifier(first=default_verifier(), second=chat, candidates=candidates)


def says(support: str) -> object:
    return {"C1": {"support": support, "unsupported": ""}}


def test_a_near_copy_that_the_packaged_verifier_accepts_costs_no_call(connect: Connect) -> None:
    with FaultServer() as server:
        verifier = cascade(connect(server))
        [verdict] = verifier.verify([(COPY, (PIER,))])
    assert (verdict.support, verdict.judge) == ("full", default_verifier().name)
    assert server.requests == []
    assert verifier.name == f"{default_verifier().name}; then {verifier.second.name}"


def test_free_prose_that_the_packaged_verifier_accepts_for_printing_is_still_put_to_the_model(connect: Connect) -> None:
    with FaultServer([good(says("none"))]) as server:
        verifier = cascade(connect(server))
        [alone] = verifier.first.verify([(PROSE, (PIER,))])
        [verdict] = verifier.verify([(PROSE, (PIER,))])
    assert (alone.support, alone.certain) == ("full", False)
    assert (verdict.support, verdict.judge) == ("none", verifier.second.name)


def test_citations_are_judged_without_calls(connect: Connect) -> None:
    with FaultServer() as server:
        verifier = cascade(connect(server))
        verifier.citation_judge.verify([(FREE, (each,)) for each in [*WEATHER, PIER]])
    assert server.requests == []


@pytest.mark.parametrize("support", ["full", "none"])
def test_the_models_word_decides_on_what_is_refused(support: str, connect: Connect) -> None:
    with FaultServer([good(says(support))]) as server:
        verifier = cascade(connect(server))
        copied, free = verifier.verify([(COPY, (PIER,)), (FREE, (PIER,))])
        [request] = server.requests
    assert COPY not in request.body["messages"][1]["content"].partition("Claims:")[2]
    assert copied.judge == default_verifier().name
    assert (free.support, free.judge) == (support, verifier.second.name)


def test_an_unreadable_word_leaves_the_claim_unscored(connect: Connect) -> None:
    with FaultServer([truncated(), truncated()]) as server:
        [verdict] = cascade(connect(server)).verify([(FREE, (PIER,))])
    assert verdict.support is None


def test_a_failed_call_raises_its_error(connect: Connect) -> None:
    with FaultServer([failing(400)] * 12) as server, pytest.raises(ModelError, match="the request was refused"):
        cascade(connect(server)).verify([(FREE, (PIER.text,))])


def test_of_a_search_the_model_reads_two_passages_and_none_if_one_is_accepted(connect: Connect) -> None:
    passages = [*WEATHER, PIER]
    with FaultServer([good(says("none"))] * 2) as server:
        refused = cascade(connect(server)).verify([(FREE, (each,)) for each in passages])
        assert len(server.requests) == 2
    assert [verdict.support for verdict in refused] == ["none"] * 5
    with FaultServer() as server:
        accepted = cascade(connect(server)).verify([(COPY, (each,)) for each in passages])
    assert [verdict.support for verdict in accepted].count("full") == 1
    assert server.requests == []


def test_a_judge_of_all_pairs_puts_each_refused_one_to_the_model(connect: Connect) -> None:
    with FaultServer() as server:
        cascade(connect(server), candidates=None).verify([(COPY, (each,)) for each in [*WEATHER, PIER]])
        assert len(server.requests) >= 4
