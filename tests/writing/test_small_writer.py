"""The writer for a small model: a call a section, whose sentences cite the notes that their words are from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from briefs import chunk
from fault_server import FaultServer, ScriptedReply, cut_off, good

from rag.errors import ReplyError
from rag.llm import ChatClient
from rag.types import Chunk, Hit
from rag.verify.chat_verifier import ChatVerifier
from rag.writing.drafts import RefusedDraft
from rag.writing.evidence import EvidenceSentence
from rag.writing.outline import OutlineSection
from rag.writing.small_writer import MAX_SOURCES, SmallWriter, small_writer

Connect = Callable[[FaultServer], SmallWriter]

MET = "The harbour board of Oslo met on 3 May 2011 to consider the pier, which cost 41 million kroner."
SECRET = "The vote of the board on the pier was secret."


@pytest.fixture
def writer(connect: Callable[[FaultServer], ChatClient], meeting: Chunk) -> Connect:
    """Connect a writer to a scripted server."""

    def connected(server: FaultServer) -> SmallWriter:
        model = connect(server)
        hits = [Hit(chunk=meeting, rank=1, score=1.0)]
        return small_writer(model, "What of the pier?", hits, ChatVerifier(model=model))

    return connected


def section_reply(*sentences: tuple[list[int], str], heading: str = "A secret vote") -> ScriptedReply:
    return good({"heading": heading, "sentences": [{"notes": notes, "text": text} for notes, text in sentences]})


def user_message(server: FaultServer, number: int = 0) -> str:
    return str(server.requests[number].body["messages"][1]["content"])


def test_a_sentence_cites_the_chunks_of_the_notes_that_its_words_are_from(
    writer: Connect, section: OutlineSection, meeting: Chunk, cost: Chunk
) -> None:
    with FaultServer([section_reply(([2, 2], MET), ([1], f"{SECRET[:-1]} [2]."))]) as server:
        written = writer(server).section(section, [])
    joined, single = written.drafts
    assert (joined.text, set(joined.chunks)) == (MET, {meeting, cost})
    assert joined.evidence == (section.evidence[0], section.evidence[2])
    assert (single.text, single.chunks, single.evidence) == (SECRET, (meeting,), section.evidence[1:2])
    assert written.heading == "A secret vote"


def test_notes_of_different_passages_are_quoted_and_only_their_heading_is_asked_for(
    writer: Connect, section: OutlineSection
) -> None:
    apart = OutlineSection(heading="The pier", evidence=section.evidence[1:])
    with FaultServer([good({"heading": "A secret vote"})]) as server:
        written = writer(server).section(apart, [])
    assert written.heading == "A secret vote"
    assert [draft.evidence for draft in written.drafts] == [(each,) for each in apart.evidence]
    assert all(draft.is_quote for draft in written.drafts)
    assert "sentences" not in str(server.requests[0].body["response_format"])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("The board's vote on the pier was not secret.", "says not"),
        ("The board's vote on the pier was secret because of the pier.", "says because"),
        ("The board's vote on the pier of Bergen was secret.", "no note has Bergen"),
        ("The board's furtive ballot on the pier was secret.", "brings words of its own: ballot, furtive"),
        ("The pier in Oslo cost the city 41 million kroner in 2014.", "leaves out found"),
    ],
)
def test_a_sentence_that_departs_from_its_notes_has_a_fault(
    writer: Connect, section: OutlineSection, text: str, fault: str
) -> None:
    with FaultServer([section_reply(([1], text))]) as server:
        [draft, *_] = writer(server).section(section, []).drafts
    assert fault in (draft.fault or "")


def test_notes_are_numbered_and_the_schema_allows_no_other_number(writer: Connect, section: OutlineSection) -> None:
    with FaultServer([section_reply(([1], MET))]) as server:
        writer(server).section(section, [])
    assert user_message(server).startswith("Question: What of the pier?\nNotes:\n1 [")
    assert section.evidence[2].text in user_message(server).splitlines()[-1]
    assert "'enum': [1, 2, 3]" in str(server.requests[0].body)


def test_a_section_has_a_bounded_number_of_notes(writer: Connect, section: OutlineSection) -> None:
    [note, *_] = section.evidence
    many = tuple(replace(note, end=note.end + at) for at in range(2 * MAX_SOURCES))
    long = OutlineSection(heading="The pier", evidence=many)
    with FaultServer([section_reply(([1], MET))]) as server:
        writer(server).section(long, [])
    assert len(user_message(server).splitlines()) <= MAX_SOURCES + 2


@pytest.mark.parametrize(
    ("heading", "fault"),
    [
        ("The secret pier of Bergen", "names Bergen, which the section does not"),
        ("Cost of the pier", "is the heading of another section"),
        ("The pier's cost in kroner", "says the same as the heading of another section"),
        ("The pier", "only repeats the question"),
    ],
)
def test_a_heading_that_may_not_stand_leaves_the_outlines(
    writer: Connect, section: OutlineSection, heading: str, fault: str
) -> None:
    with FaultServer([section_reply(([1], MET), heading=heading)]) as server:
        written = writer(server).section(section, ["Cost of the pier"])
    assert written.heading is None
    assert fault in (written.fault or "")
    assert [draft.text for draft in written.drafts] == [MET]


def test_a_reply_that_is_cut_off_is_an_error_after_one_call(writer: Connect, section: OutlineSection) -> None:
    with FaultServer([cut_off()]) as server:
        with pytest.raises(ReplyError):
            writer(server).section(section, [])
        assert len(server.requests) == 1


def test_a_sentence_that_uses_a_note_again_gives_way_to_its_other_notes(
    writer: Connect, section: OutlineSection
) -> None:
    again = (
        "The harbour board of Oslo met on 3 May 2011 to consider the pier, and the board's vote on the pier was secret."
    )
    with FaultServer([section_reply(([1, 3], MET), ([1, 2], again))]) as server:
        drafts = writer(server).section(section, []).drafts
    assert [draft.text for draft in drafts] == [MET, section.evidence[1].text]


def test_a_note_that_takes_back_what_is_written_is_quoted_if_the_model_leaves_it_out(writer: Connect) -> None:
    text = "The board approved the pier in May. However, the council revoked the approval in June."
    source = chunk("board.md", text)
    start = text.index("the council")
    approved = EvidenceSentence(text=text[:35], chunk=source, start=0, end=35)
    revoked = EvidenceSentence(text="T" + text[start + 1 :], chunk=source, start=start, end=len(text))
    with FaultServer([section_reply(([1], "The board approved the pier in May."))]) as server:
        written = writer(server).section(OutlineSection(heading="The pier", evidence=(approved, revoked)), [])
    assert [draft.evidence for draft in written.drafts] == [(approved,), (revoked,)]
    assert written.drafts[1].is_quote


def test_a_refused_sentence_is_written_again_from_its_own_notes(writer: Connect, section: OutlineSection) -> None:
    replies = [
        section_reply(([1, 3], MET), ([2], SECRET)),
        section_reply(([1], "The board's vote on the pier was secret.")),
    ]
    with FaultServer(replies) as server:
        small_writer = writer(server)
        _, refused = small_writer.section(section, []).drafts
        [(revised,)] = small_writer.revise_section([RefusedDraft(draft=refused, fault="unsupported")], section)
    assert (revised.text, revised.evidence) == ("The board's vote on the pier was secret.", section.evidence[1:2])
    assert user_message(server, 1).count("\n") == 2  # the question, "Notes:" and one note


def test_a_refused_sentence_from_all_notes_is_not_written_again(writer: Connect, section: OutlineSection) -> None:
    everything = f"{MET[:-1]}, and whose vote on the pier the board kept secret."
    with FaultServer([section_reply(([1, 2, 3], everything))]) as server:
        small_writer = writer(server)
        [refused] = small_writer.section(section, []).drafts
        assert small_writer.revise_section([RefusedDraft(draft=refused, fault="unsupported")], section) == [()]
        assert len(server.requests) == 1


@pytest.fixture
def dependent(section: OutlineSection) -> OutlineSection:
    """The section's notes of one passage, of which the second cannot be understood without the first."""
    first, second, _ = section.evidence
    return OutlineSection(heading="The pier", evidence=(first, replace(second, after=first)))


def test_a_note_that_refers_to_another_one_stays_behind_it(writer: Connect, dependent: OutlineSection) -> None:
    first, second = dependent.evidence
    with FaultServer([section_reply(([2], second.text))]) as server:
        drafts = writer(server).section(dependent, []).drafts
    assert [draft.text for draft in drafts] == [first.text, second.text]


def test_a_sentence_without_the_note_that_it_refers_to_has_a_fault(writer: Connect, dependent: OutlineSection) -> None:
    with FaultServer([section_reply(([2], SECRET))]) as server:
        _, written = writer(server).section(dependent, []).drafts
    assert written.fault == "leaves out what it refers to"
