"""The writer for a large model: it cites only passages that it was shown, and returns whole sentences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from briefs import chunk
from fault_server import FaultServer, ScriptedReply, good

from rag.errors import ReplyError
from rag.llm import ChatClient, prompts
from rag.types import Chunk, Quote, Section, Sentence
from rag.writing.drafts import Draft, RefusedDraft
from rag.writing.large_writer import LargeWriter
from rag.writing.thematic_outline import KeyPoint, ThematicOutline, Theme

Connect = Callable[[FaultServer], LargeWriter]


@pytest.fixture
def writer(connect: Callable[[FaultServer], ChatClient], meeting: Chunk, cost: Chunk) -> Connect:
    """Connect a writer to a scripted server."""
    return lambda server: LargeWriter(
        model=connect(server),
        question="What of the pier?",
        outline_prompt=prompts.load_prompt("outline"),
        section_prompt=prompts.load_prompt("section"),
        summary_prompt=prompts.load_prompt("summary"),
        revise_prompt=prompts.load_prompt("revise"),
        evidence=(meeting, cost),
    )


@pytest.fixture
def outline(meeting: Chunk, cost: Chunk) -> ThematicOutline:
    """A theme of both passages and one of ``cost``."""
    return ThematicOutline(
        themes=(
            Theme(
                heading="The pier",
                key_points=(
                    KeyPoint(text="The board met.", passages=(meeting,)),
                    KeyPoint(text="The pier was dear.", passages=(cost,)),
                ),
            ),
            Theme(heading="Money", key_points=(KeyPoint(text="An audit found the cost.", passages=(cost,)),)),
        ),
        answer="The board approved a dear pier.",
        glossary=(("the board", "the harbour board of Oslo"),),
    )


def section_reply(*sentences: tuple[str, list[str]]) -> ScriptedReply:
    return good({"sentences": [{"text": text, "citations": ids} for text, ids in sentences]})


def body_sentence(text: str, *sources: Chunk) -> Sentence:
    """Return a sentence that quotes the first sentence of each of ``sources``."""
    ends = [source.text.index(".") + 1 for source in sources]
    quotes = tuple(
        Quote(chunk_id=source.id, start=0, end=end, text=source.text[:end])
        for source, end in zip(sources, ends, strict=True)
    )
    return Sentence(text=text, citations=tuple(s.id for s in sources), support="full", score=1.0, quotes=quotes)


def test_the_outline_request_has_all_passages_and_defines_their_aliases_once(
    writer: Connect, meeting: Chunk, cost: Chunk
) -> None:
    point = {"text": "The board met.", "evidence": ["E1"]}
    reply = {
        "answered": "fully",
        "answer": "The board approved the pier [E1].",
        "sections": [{"heading": "A secret vote", "key_points": [point]}],
        "not_answered": [],
        "disagreements": [],
        "glossary": [],
    }
    with FaultServer([good(reply)]) as server:
        outline = writer(server).outline(4)
    [theme] = outline.themes
    assert (theme.heading, theme.passages) == ("A secret vote", (meeting,))
    assert outline.answer == "The board approved the pier."
    system, user = (message["content"] for message in server.requests[0].body["messages"])
    assert "at most 4" in system
    assert all(f"E{n}: {source.text}" in user for n, source in enumerate((meeting, cost), 1))
    schema = str(server.requests[0].body["response_format"])
    assert schema.count("'E2'") == 1
    assert server.requests[0].body["response_format"]["json_schema"]["strict"] is True


def test_a_section_request_has_its_points_and_passages_the_other_sections_and_the_glossary(
    writer: Connect, outline: ThematicOutline, cost: Chunk
) -> None:
    with FaultServer([section_reply(("It cost much.", ["E2"]))]) as server:
        writer(server).section(outline.themes[1], outline)
    body = server.requests[0].body
    user = body["messages"][1]["content"]
    assert "This section: Money\n- An audit found the cost. (E2)" in user
    assert "(it is no evidence): The board approved a dear pier.\n" in user
    assert "Sections before it: The pier\nSections after it: none\n" in user
    assert "the board = the harbour board of Oslo" in user
    assert f"[{cost.document_id}]\nE2: {cost.text}" in user
    assert "E1:" not in user
    assert "'enum': ['E2']" in str(body["response_format"])


def test_a_section_reads_what_stands_behind_its_passages_and_serves_no_theme_and_the_outline_does_not(
    writer: Connect, outline: ThematicOutline, meeting: Chunk, cost: Chunk
) -> None:
    behind = chunk("oslo.md", "In June 2011 the council took the vote back.", start=len(meeting.text) + 2)
    more = {meeting.id: (behind,), behind.id: (cost,)}
    empty = {"answered": "no", "answer": "", "sections": [], "not_answered": [], "disagreements": [], "glossary": []}
    with FaultServer([good(empty), section_reply(("The council took it back.", ["E2"]))]) as server:
        further = replace(writer(server), companions=more)
        further.outline(4)
        [draft] = further.section(outline.themes[0], outline)
    plan, section = (request.body["messages"][1]["content"] for request in server.requests)
    assert behind.text not in plan
    assert f"E1: {meeting.text}\n\nE2: {behind.text}\n\n[{cost.document_id}]\nE3: {cost.text}" in section
    assert draft.chunks == (behind,)
    assert further.passages_read(outline) == [meeting, cost, behind]
    served = replace(further, companions={meeting.id: [cost]})
    assert served.passages_of(outline.themes[0], outline) == [meeting, cost]


def test_aliases_are_resolved_to_their_passages(
    writer: Connect, outline: ThematicOutline, meeting: Chunk, cost: Chunk
) -> None:
    sentences = (("The board met on 3 May 2011.", ["E1"]), ("The pier cost 41 million kroner.", ["E2", "E1", "E2"]))
    with FaultServer([section_reply(*sentences)]) as server:
        drafts = writer(server).section(outline.themes[0], outline)
    assert [draft.chunks for draft in drafts] == [(meeting,), (cost, meeting)]


@pytest.mark.parametrize("citations", [["E3"], []])
def test_an_alias_that_was_not_shown_and_a_sentence_without_one_are_refused(
    writer: Connect, outline: ThematicOutline, citations: list[str]
) -> None:
    faulty = section_reply(("The board met.", citations))
    with FaultServer([faulty, faulty]) as server:
        with pytest.raises(ReplyError, match=r"does not follow the schema: sentences\.0\.citations"):
            writer(server).section(outline.themes[0], outline)
        assert len(server.requests) == 2


def test_an_item_of_two_sentences_is_split_and_an_incomplete_one_left_out(
    writer: Connect, outline: ThematicOutline, meeting: Chunk
) -> None:
    reply = section_reply(("The board met on 3 May 2011 [E1]. The vote was secret (E1). The pier then", ["E1"]))
    with FaultServer([reply]) as server:
        drafts = writer(server).section(outline.themes[0], outline)
    assert [draft.text for draft in drafts] == ["The board met on 3 May 2011.", "The vote was secret."]
    assert {draft.chunks for draft in drafts} == {(meeting,)}


def test_summary_and_conclusion_come_from_one_request_and_inherit_the_citations_of_their_sources(
    writer: Connect, outline: ThematicOutline, meeting: Chunk, cost: Chunk
) -> None:
    texts = [("The board met.", meeting), ("It cost 41 million kroner.", cost, meeting), ("It rained.", meeting)]
    body = [body_sentence(text, *sources) for text, *sources in texts]
    sections = [Section(heading="The pier", sentences=tuple(body))]
    reply = {
        "revised": [],
        "summary": [{"text": "The board met over a pier of 41 million kroner.", "from": ["S1", "S2"]}],
        "conclusion": [],
        "repeats": [{"sentence": "S2", "same_as": "S1"}],
        "beside": ["S2", "S3"],
        "closed": [],
    }
    with FaultServer([good(reply)]) as server:
        drafts = writer(server).closing(sections, ["The passages do not say who paid."], outline)
    [draft] = drafts.parts["summary"]
    assert (draft.chunks, draft.sources) == ((meeting, cost), tuple(body[:2]))
    assert drafts.parts["conclusion"] == []
    assert drafts.repeats == (({body[1].text}, {body[0].text}),)
    assert drafts.beside == {body[2].text}  # the summary rests on S2
    user = server.requests[0].body["messages"][1]["content"]
    assert "# The pier\nS1: The board met.\nS2: It cost 41 million kroner.\nS3: It rained.\n\nListed" in user
    assert "Listed as unanswered:\nG1: The passages do not say who paid." in user
    assert "'enum': ['S1', 'S2', 'S3']" in str(server.requests[0].body["response_format"])


def refused(text: str, fault: str, *chunks: Chunk, sources: tuple[Sentence, ...] = ()) -> RefusedDraft:
    return RefusedDraft(draft=Draft(text=text, chunks=chunks, evidence=(), sources=sources), fault=fault)


def test_refused_sentences_are_revised_in_one_request_that_shows_other_near_passages_too(
    writer: Connect, outline: ThematicOutline, meeting: Chunk, cost: Chunk
) -> None:
    reply = {
        "revised": [
            {"number": 2, "text": "The pier cost 41 million kroner.", "citations": ["E2"]},
            {"number": 3, "text": "", "citations": []},
            {"number": 1, "text": "The board met on 3 May 2011 [E1].", "citations": ["E1"]},
        ],
        "summary": [{"text": "The board met over the pier.", "from": ["R1", "R3"]}],
        "conclusion": [{"text": "It may have rained.", "from": ["R3"]}],
        "repeats": [{"sentence": "R1", "same_as": "R2"}],
        "beside": [],
        "closed": [],
    }
    with FaultServer([good(reply)]) as server:
        drafts = writer(server).closing(
            [],
            [],
            outline,
            [
                refused("The board met on 4 May 2011.", "no cited passage has 4 May 2011", meeting),
                refused("The pier in Oslo was free.", "the evidence does not say “free”", meeting),
                refused("It rained.", "the evidence does not say it", meeting),
            ],
        )
    first, second, third = drafts.revised
    given_up = "it rests on a sentence that was given up"
    assert [(each.sources, each.fault) for each in drafts.parts["summary"]] == [(first, given_up)]
    assert [(each.sources, each.fault) for each in drafts.parts["conclusion"]] == [((), given_up)]
    assert drafts.repeats == (({first[0].text}, {second[0].text}),)
    assert [(draft.text, draft.chunks) for draft in first] == [("The board met on 3 May 2011.", (meeting,))]
    assert [(draft.text, draft.chunks) for draft in second] == [("The pier cost 41 million kroner.", (cost,))]
    assert third == ()
    [request] = server.requests
    user = request.body["messages"][1]["content"]
    assert all(f"E{n}: {source.text}" in user for n, source in enumerate((meeting, cost), 1))
    assert "R1. The board met on 4 May 2011.\nCites: E1\nFault: no cited passage has 4 May 2011" in user
    assert "R2. The pier in Oslo was free.\nCites: E1\nFault: the evidence does not say “free”" in user


def test_a_refused_sentence_becomes_two_at_the_most_and_none_of_them_twice(
    writer: Connect, outline: ThematicOutline, meeting: Chunk, cost: Chunk
) -> None:
    texts = ["The board met.", "The board met.", "It cost 41 million kroner.", "The auditor found it."]
    reply = {
        "revised": [{"number": 1, "text": text, "citations": ["E1"]} for text in texts],
        "summary": [{"text": "The board met over the pier.", "from": ["R1"]}],
        "conclusion": [],
        "repeats": [],
        "beside": [],
        "closed": [],
    }
    both = [refused("It rained.", "unsupported", meeting), refused("It snowed.", "unsupported", meeting)]
    with FaultServer([good(reply)]) as server:
        first, second = writer(server).closing([], [], outline, both).revised
    assert [draft.text for draft in first] == ["The board met.", "It cost 41 million kroner."]
    assert second == ()


def test_refused_sentences_of_the_summary_are_revised_from_the_sections(
    writer: Connect, meeting: Chunk, cost: Chunk
) -> None:
    body = (body_sentence("The board met.", meeting), body_sentence("It cost 41 million kroner.", cost))
    reply = {"sentences": [{"number": 1, "text": "The pier cost 41 million kroner.", "citations": ["S2"]}]}
    with FaultServer([good(reply)]) as server:
        [(revised,)] = writer(server).revise_closing(
            [refused("The board paid 41 million kroner.", "unsupported", meeting, cost, sources=body)],
            [Section(heading="The pier", sentences=body)],
        )
    assert (revised.text, revised.chunks, revised.sources) == ("The pier cost 41 million kroner.", (cost,), (body[1],))
    user = server.requests[0].body["messages"][1]["content"]
    assert "S2: It cost 41 million kroner." in user
    assert "1. The board paid 41 million kroner.\nCites: S1, S2\nFault: unsupported" in user


def test_a_revision_of_the_summary_shows_the_sections_that_it_was_written_from(
    writer: Connect, meeting: Chunk, cost: Chunk
) -> None:
    used, other = body_sentence("It cost 41 million kroner.", cost), body_sentence("The board met.", meeting)
    sections = [Section(heading="Board", sentences=(other,)), Section(heading="Money", sentences=(used,))]
    reply = {"sentences": [{"number": 1, "text": "The pier cost 41 million kroner.", "citations": ["S1"]}]}
    with FaultServer([good(reply)]) as server:
        [(revised,)] = writer(server).revise_closing(
            [refused("It cost the board 41 million kroner.", "unsupported", cost, sources=(used,))], sections
        )
    assert revised.sources == (used,)
    user = server.requests[0].body["messages"][1]["content"]
    assert "# Money\nS1: It cost 41 million kroner." in user
    assert "The board met." not in user
