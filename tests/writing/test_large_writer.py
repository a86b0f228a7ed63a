"""The writer for a large model: it cites only chunks that it was shown, and returns whole sentences."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fault_server import FaultServer, ScriptedReply, good

from rag.errors import ReplyError
from rag.llm import ChatClient, prompts
from rag.types import Chunk, Quote, Sentence
from rag.writing.drafts import Draft, RefusedDraft
from rag.writing.large_writer import LargeWriter
from rag.writing.outline import OutlineSection

Connect = Callable[[FaultServer], LargeWriter]


@pytest.fixture
def writer(connect: Callable[[FaultServer], ChatClient], meeting: Chunk, cost: Chunk) -> Connect:
    """Connect a writer to a scripted server."""
    return lambda server: LargeWriter(
        model=connect(server),
        question="What of the pier?",
        section_prompt=prompts.load_prompt("section"),
        summary_prompt=prompts.load_prompt("summary"),
        revise_prompt=prompts.load_prompt("revise"),
        evidence={source.id: source for source in (meeting, cost)},
    )


def section_reply(*sentences: tuple[str, list[str]], heading: str = "Oslo's pier") -> ScriptedReply:
    return good({"heading": heading, "sentences": [{"text": text, "citations": ids} for text, ids in sentences]})


def body_sentence(text: str, *sources: Chunk) -> Sentence:
    quotes = tuple(Quote(chunk_id=source.id, start=0, end=9, text=source.text[:9]) for source in sources)
    return Sentence(text=text, citations=tuple(s.id for s in sources), support="full", score=1.0, quotes=quotes)


def test_a_section_request_has_the_chunks_and_an_enum_of_their_aliases(
    writer: Connect, section: OutlineSection, meeting: Chunk, cost: Chunk
) -> None:
    with FaultServer([section_reply(("The board met.", ["E1"]))]) as server:
        writer(server).section(section, ["Money"])
    body = server.requests[0].body
    user = body["messages"][1]["content"]
    for n, source in enumerate((meeting, cost), 1):
        assert f"E{n} [{source.context}]\n{source.text}" in user
    assert "Money" in user
    assert '"enum": ["E1", "E2"]' in str(body["response_format"]).replace("'", '"')
    assert body["response_format"]["json_schema"]["strict"] is True


def test_aliases_are_resolved_to_their_chunks(
    writer: Connect, section: OutlineSection, meeting: Chunk, cost: Chunk
) -> None:
    sentences = (("The board met on 3 May 2011.", ["E1"]), ("The pier cost 41 million kroner.", ["E2", "E1", "E2"]))
    with FaultServer([section_reply(*sentences)]) as server:
        written = writer(server).section(section, [])
    assert [draft.chunks for draft in written.drafts] == [(meeting,), (cost, meeting)]
    assert written.heading == "Oslo's pier"
    assert [draft.evidence[0].chunk for draft in written.drafts] == [meeting, meeting]


def test_an_alias_that_was_not_shown_is_refused(writer: Connect, section: OutlineSection) -> None:
    invented = section_reply(("The board met.", ["E3"]))
    with FaultServer([invented, invented]) as server:
        with pytest.raises(ReplyError, match=r"does not follow the schema: sentences\.0\.citations"):
            writer(server).section(section, [])
        assert len(server.requests) == 2


def test_a_sentence_without_a_citation_is_refused(writer: Connect, section: OutlineSection) -> None:
    uncited = section_reply(("The board met.", []))
    with (
        FaultServer([uncited, uncited]) as server,
        pytest.raises(ReplyError, match=r"does not follow the schema: sentences\.0\.citations"),
    ):
        writer(server).section(section, [])


def test_an_item_of_two_sentences_is_split_and_an_incomplete_one_left_out(
    writer: Connect, section: OutlineSection, meeting: Chunk
) -> None:
    reply = section_reply(("The board met on 3 May 2011 [E1]. The vote was secret (E1). The pier then", ["E1"]))
    with FaultServer([reply]) as server:
        written = writer(server).section(section, [])
    assert [draft.text for draft in written.drafts] == ["The board met on 3 May 2011.", "The vote was secret."]
    assert {draft.chunks for draft in written.drafts} == {(meeting,)}


def test_a_heading_with_a_name_that_no_chunk_has_leaves_the_outlines(writer: Connect, section: OutlineSection) -> None:
    with FaultServer([section_reply(("The board met.", ["E1"]), heading="The secret pier of Bergen")]) as server:
        written = writer(server).section(section, [])
    assert written.heading is None
    assert written.fault == "'The secret pier of Bergen' names Bergen, which the section does not"


def test_a_summary_sentence_inherits_all_citations_of_its_sources(
    writer: Connect, section: OutlineSection, meeting: Chunk, cost: Chunk
) -> None:
    body = [body_sentence("The board met.", meeting), body_sentence("It cost 41 million kroner.", cost, meeting)]
    summary = good({"sentences": [{"text": "The board met over a pier of 41 million kroner.", "from": ["S1", "S2"]}]})
    with FaultServer([summary]) as server:
        (draft,) = writer(server).closing("summary", section.evidence[:1], body)
    assert draft.chunks == (meeting, cost)
    assert draft.sources == tuple(body)
    assert "S2: It cost 41 million kroner." in server.requests[0].body["messages"][1]["content"]
    assert '"enum": ["S1", "S2"]' in str(server.requests[0].body).replace("'", '"')


def test_a_heading_in_the_models_own_words_is_cleaned_and_kept(writer: Connect, section: OutlineSection) -> None:
    reply = section_reply(("The board met.", ["E1"]), heading="2. Secrecy And Rising Costs Around Oslo's Pier.")
    with FaultServer([reply]) as server:
        written = writer(server).section(section, [])
    assert (written.heading, written.fault) == ("Secrecy And Rising Costs Around Oslo's Pier", None)


def test_refused_sentences_of_a_section_are_revised_in_one_request_from_its_evidence(
    writer: Connect, section: OutlineSection, meeting: Chunk, cost: Chunk
) -> None:
    refused = [
        RefusedDraft(
            draft=Draft(text="The board met on 4 May 2011.", chunks=(meeting,), evidence=()),
            fault="no cited passage has 4 May 2011",
        ),
        RefusedDraft(
            draft=Draft(text="The pier was free.", chunks=(meeting, cost), evidence=()),
            fault="the evidence does not say “free”",
        ),
        RefusedDraft(draft=Draft(text="It rained.", chunks=(cost,), evidence=()), fault="the evidence does not say it"),
    ]
    reply = good(
        {
            "sentences": [
                {"number": 2, "text": "The pier cost 41 million kroner.", "citations": ["E2"]},
                {"number": 3, "text": "", "citations": []},
                {"number": 1, "text": "The board met on 3 May 2011 [E1].", "citations": ["E1"]},
            ]
        }
    )
    with FaultServer([reply]) as server:
        first, second, third = writer(server).revise_section(refused, section)
    assert [(draft.text, draft.chunks) for draft in first] == [("The board met on 3 May 2011.", (meeting,))]
    assert [(draft.text, draft.chunks) for draft in second] == [("The pier cost 41 million kroner.", (cost,))]
    assert third == ()
    [request] = server.requests
    user = request.body["messages"][1]["content"]
    assert f"E1 [{meeting.context}]\n{meeting.text}" in user
    assert "1. The board met on 4 May 2011.\nCites: E1\nFault: no cited passage has 4 May 2011" in user
    assert "2. The pier was free.\nCites: E1, E2\nFault: the evidence does not say “free”" in user


def test_refused_sentences_of_the_summary_are_revised_from_the_sections(
    writer: Connect, meeting: Chunk, cost: Chunk
) -> None:
    body = [body_sentence("The board met.", meeting), body_sentence("It cost 41 million kroner.", cost)]
    draft = Draft(text="The board paid 41 million kroner.", chunks=(meeting, cost), evidence=(), sources=tuple(body))
    reply = {"sentences": [{"number": 1, "text": "The pier cost 41 million kroner.", "citations": ["S2"]}]}
    with FaultServer([good(reply)]) as server:
        [(revised,)] = writer(server).revise_closing([RefusedDraft(draft=draft, fault="unsupported")], body)
    assert (revised.text, revised.chunks, revised.sources) == ("The pier cost 41 million kroner.", (cost,), (body[1],))
    user = server.requests[0].body["messages"][1]["content"]
    assert "S2: It cost 41 million kroner." in user
    assert "1. The board paid 41 million kroner.\nCites: S1, S2\nFault: unsupported" in user
