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
from rag.writing.editing import PartToEdit
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
        edit_prompt=prompts.load_prompt("edit"),
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
        "sections": [{"heading": "A secret vote", "key_points": [point], "searches": ["votes of  the board"]}],
        "not_answered": [],
        "disagreements": [],
        "glossary": [],
    }
    with FaultServer([good(reply)]) as server:
        outline = writer(server).outline(4)
    [theme] = outline.themes
    assert (theme.heading, theme.passages) == ("A secret vote", (meeting,))
    assert theme.searches == ("votes of the board",)
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
    assert "may be mistaken): The board approved a dear pier.\n" in user
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
        "summary": [{"text": "The board met over a pier of 41 million kroner.", "from": ["S1", "S2"]}],
        "conclusion": [],
        "searches": ["the pier  today", ""],
    }
    with FaultServer([good(reply)]) as server:
        drafts = writer(server).closing(sections, outline)
    assert drafts.searches == ("the pier today",)
    [draft] = drafts.parts["summary"]
    assert (draft.chunks, draft.sources) == ((meeting, cost), tuple(body[:2]))
    assert drafts.parts["conclusion"] == []
    user = server.requests[0].body["messages"][1]["content"]
    assert "# The pier\nS1: The board met.\nS2: It cost 41 million kroner.\nS3: It rained." in user
    assert "'enum': ['S1', 'S2', 'S3']" in str(server.requests[0].body["response_format"])


def test_the_editor_reads_the_brief_with_its_citations_and_all_passages_and_cites_these(
    writer: Connect, outline: ThematicOutline, meeting: Chunk, cost: Chunk
) -> None:
    told = body_sentence("It cost 41 million kroner.", cost)
    wrong = RefusedDraft(
        draft=Draft(text="The board met on 4 May 2011.", chunks=(meeting,), evidence=()), fault="wrong day"
    )
    parts = [
        PartToEdit(name="summary", entries=(told,), required=True),
        PartToEdit(name="The pier", entries=(wrong,), is_section=True),
        PartToEdit(name="conclusion", entries=()),
    ]
    edits = [
        {
            "sentence": "S2",
            "action": "replace",
            "text": "The board met on 3 May 2011 [E1].",
            "citations": ["E1"],
            "why": "wrong  day",
        },
        {"sentence": "S1", "action": "add", "text": "It met. It voted.", "citations": ["E1", "E2"], "why": "missing"},
        {"sentence": "S1", "action": "replace", "text": "It was dear.", "citations": [], "why": "no citation"},
        {"sentence": "S1", "action": "drop", "text": "", "citations": [], "why": "beside"},
    ]
    headings = [{"section": "H1", "heading": "2. The board's vote"}, {"section": "H1", "heading": "The pier in Bergen"}]
    reply = {
        "edits": edits,
        "headings": headings[:1],
        "closed": [{"gap": "G1", "sentence": "S2", "left": "It is not said when."}],
        "open": [],
    }
    other = {"edits": [], "headings": headings[1:], "closed": [], "open": []}
    with FaultServer([good(reply), good(other)]) as server:
        found = writer(server).edit(parts, ["It is not said who paid."], outline)
        assert writer(server).edit(parts, ["It is not said who paid."], outline).headings == {}
    written = [(each.entry, each.action, [draft.text for draft in each.drafts], each.why) for each in found.edits]
    assert written == [
        (1, "replace", ["The board met on 3 May 2011."], "wrong day"),
        (0, "add", ["It met.", "It voted."], "missing"),
        (0, "replace", [], "no citation"),
        (0, "drop", [], "beside"),
    ]
    assert found.edits[1].drafts[1].chunks == (meeting, cost)
    assert found.headings == {1: "The board's vote"}
    assert found.closed_gaps == {"It is not said who paid.": (1, "It is not said when.")}
    user = server.requests[0].body["messages"][1]["content"]
    assert "# Summary\nS1 (E2): It cost 41 million kroner.\n# H1: The pier\nS2 (E1; refused: wrong day): The" in user
    assert "G1: It is not said who paid." in user
    assert all(f"E{n}: {source.text}" in user for n, source in enumerate((meeting, cost), 1))


def test_what_a_search_found_is_shown_to_its_section_and_to_the_editor(
    writer: Connect, outline: ThematicOutline, meeting: Chunk, cost: Chunk
) -> None:
    later = chunk("later.md", "In 2017 the pier was closed.")
    behind = chunk("later.md", "It opened again in 2018.", start=40)
    theme = replace(outline.themes[1], searches=("the pier today",), found=(later,))
    searched = replace(outline, themes=(outline.themes[0], theme))
    nothing = {"edits": [], "headings": [], "closed": [], "open": []}
    with FaultServer([section_reply(("It was closed.", ["E3"])), good(nothing)]) as server:
        further = writer(server).with_found([later, cost], {later.id: [behind]})
        further.section(theme, searched)
        further.edit(
            [PartToEdit(name="Money", entries=(body_sentence("It is dear.", cost),), is_section=True)], (), searched
        )
    section, edit = (request.body["messages"][1]["content"] for request in server.requests)
    assert (
        "(E2)\n- what a search for “the pier today” found, and what stands beside these, where it helps (E3)\n"
        in section
    )
    assert f"E3: {later.text}" in section and behind.text not in section
    assert later.text in edit and behind.text not in edit
