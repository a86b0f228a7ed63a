"""The writer for a small model: a call a section, one for the closing parts, citations that follow from the notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from briefs import chunk
from fault_server import FaultServer, ScriptedReply, cut_off, good

from rag.errors import ReplyError
from rag.llm import ChatClient, prompts
from rag.types import Chunk, Quote, Section, Sentence
from rag.writing.drafts import RefusedDraft
from rag.writing.evidence import EvidenceSentence
from rag.writing.outline import OutlineSection
from rag.writing.small_prompts import CLOSING_PROMPT, SECTION_PROMPT
from rag.writing.small_writer import MAX_NOTES, SmallWriter

Connect = Callable[[FaultServer], SmallWriter]

MET = "Oslo's harbour board considered the pier, which cost 41 million kroner, on 3 May 2011."
SECRET = "Its vote on the pier was secret."


@pytest.fixture
def writer(connect: Callable[[FaultServer], ChatClient], meeting: Chunk, cost: Chunk) -> Connect:
    """Connect a writer to a scripted server."""
    return lambda server: SmallWriter(
        model=connect(server),
        question="What of the pier?",
        section_prompt=prompts.load_prompt(SECTION_PROMPT),
        closing_prompt=prompts.load_prompt(CLOSING_PROMPT),
        chunks={each.id: each for each in (meeting, cost)},
    )


def section_reply(*sentences: tuple[list[int], str], heading: str = "A secret vote") -> ScriptedReply:
    return good({"heading": heading, "sentences": [{"notes": notes, "text": text} for notes, text in sentences]})


def closing_reply(summary: tuple[list[int], str], conclusion: tuple[list[int], str]) -> ScriptedReply:
    parts = {"summary": summary, "conclusion": conclusion}
    return good({part: [{"from": numbers, "text": text}] for part, (numbers, text) in parts.items()})


def sections_of(*sentences: tuple[str, Sequence[Chunk]]) -> list[Section]:
    """Return a section of one sentence for each text and the chunks that it cites, which it quotes in full."""
    sections = []
    for number, (text, chunks) in enumerate(sentences, 1):
        quotes = tuple(Quote(chunk_id=each.id, start=0, end=len(each.text), text=each.text) for each in chunks)
        citations = tuple(each.id for each in chunks)
        printed = Sentence(text=text, citations=citations, support="full", score=1.0, quotes=quotes)
        sections.append(Section(heading=f"Part {number}", sentences=(printed,)))
    return sections


def user_message(server: FaultServer, number: int = 0) -> str:
    return str(server.requests[number].body["messages"][1]["content"])


def test_a_sentence_cites_the_chunks_of_the_notes_that_it_names_and_no_others(
    writer: Connect, section: OutlineSection, meeting: Chunk, cost: Chunk
) -> None:
    with FaultServer([section_reply(([3, 1, 1], MET), ([2], f"{SECRET[:-1]} [2]."))]) as server:
        written = writer(server).section(section, [])
    joined, single = written.drafts
    assert (joined.text, set(joined.chunks)) == (MET, {meeting, cost})
    assert joined.evidence == (section.evidence[0], section.evidence[2])
    assert (single.text, single.chunks, single.evidence) == (SECRET, (meeting,), section.evidence[1:2])
    assert written.heading == "A secret vote"


def test_notes_are_numbered_and_the_schema_allows_no_other_number(writer: Connect, section: OutlineSection) -> None:
    with FaultServer([section_reply(([1], MET))]) as server:
        writer(server).section(section, [])
    assert user_message(server).startswith("Question: What of the pier?\nNotes:\n1 [")
    assert section.evidence[2].text in user_message(server).splitlines()[-1]
    assert "'enum': [1, 2, 3]" in str(server.requests[0].body)


def test_a_section_has_a_bounded_number_of_notes(writer: Connect, section: OutlineSection) -> None:
    long = OutlineSection(heading="The pier", evidence=section.evidence * MAX_NOTES)
    with FaultServer([section_reply(([1], MET))]) as server:
        writer(server).section(long, [])
    assert len(user_message(server).splitlines()) <= MAX_NOTES + 2


@pytest.mark.parametrize(
    ("heading", "fault"),
    [
        ("The secret pier of Bergen", "names Bergen, which the section does not"),
        ("Cost of the pier", "is the heading of another section"),
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


def test_a_note_that_takes_back_what_is_written_is_quoted_if_the_model_leaves_it_out(writer: Connect) -> None:
    text = "The board approved the pier in May. However, the council revoked the approval in June."
    source = chunk("board.md", text)
    start = text.index("the council")
    approved = EvidenceSentence(text=text[:35], chunk=source, start=0, end=35)
    revoked = EvidenceSentence(text="T" + text[start + 1 :], chunk=source, start=start, end=len(text))
    with FaultServer([section_reply(([1], "In May the board said yes to the pier."))]) as server:
        written = writer(server).section(OutlineSection(heading="The pier", evidence=(approved, revoked)), [])
    assert [draft.evidence for draft in written.drafts] == [(approved,), (revoked,)]
    assert written.drafts[1].is_quote


def test_a_refused_sentence_is_written_again_from_its_own_notes(writer: Connect, section: OutlineSection) -> None:
    replies = [section_reply(([1, 3], MET), ([2], SECRET)), section_reply(([1], "The board voted in secret."))]
    with FaultServer(replies) as server:
        small_writer = writer(server)
        _, refused = small_writer.section(section, []).drafts
        [(revised,)] = small_writer.revise_section([RefusedDraft(draft=refused, fault="unsupported")], section)
    assert (revised.text, revised.evidence) == ("The board voted in secret.", section.evidence[1:2])
    assert user_message(server, 1).count("\n") == 2  # the question, "Notes:" and one note


def test_a_refused_sentence_from_all_notes_is_not_written_again(writer: Connect, section: OutlineSection) -> None:
    with FaultServer([section_reply(([1, 2, 3], MET))]) as server:
        small_writer = writer(server)
        [refused] = small_writer.section(section, []).drafts
        assert small_writer.revise_section([RefusedDraft(draft=refused, fault="unsupported")], section) == [()]
        assert len(server.requests) == 1


def test_summary_and_conclusion_come_from_one_call_and_inherit_the_citations_of_their_sources(
    writer: Connect, section: OutlineSection, meeting: Chunk, cost: Chunk
) -> None:
    sections = sections_of(("The board met.", [meeting]), ("The pier cost 41 million kroner.", [cost, meeting]))
    reply = closing_reply(([2, 1], "The board met over a pier of 41 million kroner."), ([1], "That it met is certain."))
    with FaultServer([reply]) as server:
        small_writer = writer(server)
        [summary] = small_writer.closing("summary", section.evidence[:1], sections)
        [conclusion] = small_writer.closing("conclusion", section.evidence[:1], sections)
        assert len(server.requests) == 1
    assert (set(summary.chunks), conclusion.chunks) == ({meeting, cost}, (meeting,))
    assert [source.text for source in summary.sources] == ["The pier cost 41 million kroner.", "The board met."]
    assert user_message(server).endswith("[Part 1]\n1 The board met.\n[Part 2]\n2 The pier cost 41 million kroner.")
