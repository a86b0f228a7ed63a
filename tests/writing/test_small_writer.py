"""The writer for a small model: a call for the heading of each section."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from fault_server import FaultServer, ScriptedReply, cut_off, good

from rag.errors import ReplyError
from rag.llm import ChatClient
from rag.types import Chunk, Hit
from rag.verify.chat_verifier import ChatVerifier
from rag.writing.outline import OutlineSection
from rag.writing.small_prompts import numbered_sources
from rag.writing.small_writer import MAX_SOURCES, SmallWriter, small_writer

Connect = Callable[[FaultServer], SmallWriter]


@pytest.fixture
def writer(connect: Callable[[FaultServer], ChatClient], meeting: Chunk) -> Connect:
    """Connect a writer to a scripted server."""

    def connected(server: FaultServer) -> SmallWriter:
        model = connect(server)
        hits = [Hit(chunk=meeting, rank=1, score=1.0)]
        return small_writer(model, "What of the pier?", hits, ChatVerifier(model=model))

    return connected


def reply(heading: str = "A secret vote") -> ScriptedReply:
    return good({"heading": heading})


def user_message(server: FaultServer) -> str:
    return str(server.requests[0].body["messages"][1]["content"])


def test_only_the_heading_of_a_section_is_asked_for(writer: Connect, section: OutlineSection) -> None:
    with FaultServer([reply()]) as server:
        assert writer(server).heading(section, []).text == "A secret vote"
    assert "sentences" not in str(server.requests[0].body["response_format"])


def test_a_section_of_one_note_keeps_the_heading_of_its_document_without_a_call(
    writer: Connect, section: OutlineSection
) -> None:
    with FaultServer([]) as server:
        alone = OutlineSection(heading="The pier", evidence=section.evidence[:1])
        assert writer(server).heading(alone, []).text is None
        assert not server.requests


def test_notes_are_numbered_below_the_question(writer: Connect, section: OutlineSection) -> None:
    with FaultServer([reply()]) as server:
        writer(server).heading(section, [])
    assert user_message(server).startswith("Question: What of the pier?\nNotes:\n1 [untitled] The harbour")
    assert section.evidence[2].text in user_message(server).splitlines()[-1]


def test_the_place_of_notes_that_follow_each_other_is_named_once() -> None:
    notes = [
        ("Minutes", "Pier", "It is dear."),
        ("Minutes", "Pier", "It is new."),
        ("Report", "", "It leaks."),
        ("", "", "It is."),
    ]
    assert (
        numbered_sources(notes)
        == "1 [Minutes | Pier] It is dear.\n2 It is new.\n3 [Report] It leaks.\n4 [untitled] It is."
    )


def test_a_section_has_a_bounded_number_of_notes(writer: Connect, section: OutlineSection) -> None:
    [note, *_] = section.evidence
    many = tuple(replace(note, end=note.end + at) for at in range(2 * MAX_SOURCES))
    with FaultServer([reply()]) as server:
        writer(server).heading(OutlineSection(heading="The pier", evidence=many), [])
    assert len(user_message(server).splitlines()) <= MAX_SOURCES + 2


def test_a_heading_without_words_of_content_refuses_no_other_one(writer: Connect, section: OutlineSection) -> None:
    with FaultServer([reply("A secret vote")]) as server:
        assert writer(server).heading(section, ["What it is"]).text == "A secret vote"


@pytest.mark.parametrize(
    ("heading", "fault"),
    [
        ("The secret pier of Bergen", "names Bergen, which the section does not"),
        ("Cost of the pier", "is the heading of another section"),
        ("Pier-cost in kroner", "says the same as the heading of another section"),
        ("The pier's cost in kroner", "says the same as the heading of another section"),
        ("The pier", "only repeats the question"),
        ("What-of-the-pier", "only repeats the question"),
    ],
)
def test_a_heading_that_may_not_stand_leaves_the_outlines(
    writer: Connect, section: OutlineSection, heading: str, fault: str
) -> None:
    with FaultServer([reply(heading)]) as server:
        named = writer(server).heading(section, ["Cost of the pier"])
    assert named.text is None
    assert fault in (named.fault or "")


def test_a_reply_that_is_cut_off_is_an_error_after_one_call(writer: Connect, section: OutlineSection) -> None:
    with FaultServer([cut_off()]) as server:
        with pytest.raises(ReplyError):
            writer(server).heading(section, [])
        assert len(server.requests) == 1
