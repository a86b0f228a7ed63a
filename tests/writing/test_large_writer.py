"""The writer for a large model: it cites only passages that it was shown, and returns whole sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from briefs import chunk
from fault_server import FaultServer, good
from pier_brief import large_writer

from rag.errors import ReplyError
from rag.llm import ChatClient
from rag.types import Chunk, Quote, Sentence
from rag.writing.drafts import Draft, DraftBrief, RefusedDraft
from rag.writing.editing import PartToEdit
from rag.writing.large_writer import OPENING_WORDS, LargeWriter

Connect = Callable[[FaultServer], LargeWriter]


@pytest.fixture
def writer(connect: Callable[[FaultServer], ChatClient], meeting: Chunk, cost: Chunk) -> Connect:
    """Connect a writer to a scripted server."""
    return lambda server: large_writer(connect(server), (meeting, cost))


Written = Sequence[tuple[str, list[str]]]


def brief_reply(*sections: tuple[str, Written], **parts: Written) -> dict[str, Any]:
    def items(written: Written) -> list[dict[str, Any]]:
        return [{"text": text, "citations": ids} for text, ids in written]

    return {
        "answered": "partly",
        "outline": "The pier, then its price.",
        "sections": [{"heading": heading, "sentences": items(own)} for heading, own in sections],
        "summary": items(parts.get("summary", [("It was built.", ["E1"])])),
        "conclusion": items(parts.get("conclusion", [])),
        "disagreements": [],
        "gaps": [],
        "searches": [],
    }


def brief_by(writer: LargeWriter) -> DraftBrief:
    """Have a brief written from all passages."""
    return writer.brief(writer.evidence, (), 4)


def asked(server: FaultServer, number: int = 0) -> str:
    """Return the user's text of a request."""
    return str(server.requests[number].body["messages"][1]["content"])


def body_sentence(text: str, *sources: Chunk) -> Sentence:
    """Return a sentence that quotes the first sentence of each of ``sources``."""
    ends = [source.text.index(".") + 1 for source in sources]
    quotes = tuple(
        Quote(chunk_id=source.id, start=0, end=end, text=source.text[:end])
        for source, end in zip(sources, ends, strict=True)
    )
    return Sentence(text=text, citations=tuple(s.id for s in sources), support="full", score=1.0, quotes=quotes)


def test_the_request_for_a_brief_has_all_passages_and_defines_their_aliases_once(
    writer: Connect, meeting: Chunk, cost: Chunk
) -> None:
    with FaultServer([good(brief_reply(("Money", [("It cost much.", ["E2"])])))]) as server:
        brief = replace(writer(server), latest="2014-02-01").brief(
            (meeting, cost), ["It is not said who paid."], 4, ["the pier today"]
        )
    assert [(each.heading, [draft.text for draft in each.drafts]) for each in brief.sections] == [
        ("Money", ["It cost much."])
    ]
    body, user = server.requests[0].body, asked(server)
    assert "at most 4" in body["messages"][0]["content"]
    assert "Latest document of the collection: 2014-02-01\n" in user
    assert "- It is not said who paid.\n" in user
    assert "Searched for already:\n- the pier today\n" in user
    assert all(f"[{each.document_id}]\nE{n}: {each.text}" in user for n, each in enumerate((meeting, cost), 1))
    assert str(body["response_format"]).count("'enum': ['E1', 'E2']") == 1
    assert body["response_format"]["json_schema"]["strict"] is True


def test_the_choice_sees_passages_shortened_with_the_beginning_of_the_opening_of_their_document(
    writer: Connect, meeting: Chunk, cost: Chunk
) -> None:
    status = "Status: rejected"
    opening = chunk("later.md", f"{status}\n" + "The board gives its reasons here. " * OPENING_WORDS)
    later = chunk("later.md", "The pier was proposed again. It rained.", start=3000)
    with FaultServer([good({"read": ["E4", "E1", "E4"], "searches": ["the pier  today", ""]})]) as server:
        chosen, searches = replace(
            writer(server),
            evidence=(meeting, cost, later),
            shortened={later.id: "The pier was proposed again. […]"},
            companions={later.id: (opening,)},
        ).select(["It is not said who paid."])
    assert (chosen, searches) == ([later, meeting], ("the pier today",))
    assert f"E3: {status} […]\n\nE4: The pier was proposed again. […]" in asked(server)
    assert "It rained." not in asked(server)
    assert "- It is not said who paid.\n" in asked(server)
    assert "'enum': ['E1', 'E2', 'E3', 'E4']" in str(server.requests[0].body["response_format"])


def test_the_writer_reads_in_full_what_was_chosen_and_what_stands_beside_it(
    writer: Connect, meeting: Chunk, cost: Chunk
) -> None:
    behind = chunk("oslo.md", "In June 2011 the council took the vote back.", start=len(meeting.text) + 2)
    more = {meeting.id: (behind,), behind.id: (chunk("rain.md", "It rained."),)}
    reply = brief_reply(("The vote", [("The council took it back.", ["E2"])]))
    with FaultServer([good(reply)]) as server:
        further = replace(writer(server), companions=more, shortened={meeting.id: "The board […]"})
        [section] = further.brief((meeting,), (), 4).sections
    assert f"E1: {meeting.text}\n\nE2: {behind.text}" in asked(server)
    assert "It rained." not in asked(server)
    assert cost.text not in asked(server)
    assert section.drafts[0].chunks == (behind,)
    assert further.passages_to_write([meeting]) == [meeting, behind]


def test_aliases_are_resolved_to_their_passages_in_every_part(writer: Connect, meeting: Chunk, cost: Chunk) -> None:
    sentences = [("The board met on 3 May 2011.", ["E1"]), ("The pier cost 41 million kroner.", ["E2", "E1", "E2"])]
    summary, conclusion = [("The board met over a dear pier.", ["E1", "E2"])], [("It was dear.", ["E2"])]
    with FaultServer([good(brief_reply(("A", sentences), summary=summary, conclusion=conclusion))]) as server:
        brief = brief_by(writer(server))
    assert [draft.chunks for draft in brief.sections[0].drafts] == [(meeting,), (cost, meeting)]
    assert [draft.chunks for draft in brief.closing["summary"]] == [(meeting, cost)]
    assert [draft.chunks for draft in brief.closing["conclusion"]] == [(cost,)]


@pytest.mark.parametrize("citations", [["E3"], []])
def test_an_alias_that_was_not_shown_and_a_sentence_without_one_are_refused(
    writer: Connect, citations: list[str]
) -> None:
    faulty = good(brief_reply(("The vote", [("The board met.", citations)])))
    with FaultServer([faulty, faulty]) as server:
        with pytest.raises(ReplyError, match=r"does not follow the schema: sections\.0\.sentences\.0\.citations"):
            brief_by(writer(server))
        assert len(server.requests) == 2


def test_an_item_of_two_sentences_is_split_and_a_question_or_an_incomplete_one_left_out(
    writer: Connect, meeting: Chunk
) -> None:
    text = "The board met on 3 May 2011 [E1]. Who paid? The vote was secret (E1). The pier then …"
    with FaultServer([good(brief_reply(("The vote", [(text, ["E1"])])))]) as server:
        [section] = brief_by(writer(server)).sections
    assert [draft.text for draft in section.drafts] == ["The board met on 3 May 2011.", "The vote was secret."]
    assert {draft.chunks for draft in section.drafts} == {(meeting,)}


def test_the_last_sentence_of_an_item_needs_no_full_stop(writer: Connect) -> None:
    text = "The board gave the pier its approval. The council revoked it in June [E1]"
    reply = brief_reply(("The vote", [(text, ["E1"]), ("Who revoked it?", ["E1"]), ("and who paid", ["E1"])]))
    with FaultServer([good(reply | {"gaps": [{"gap": "They do not say who paid", "search": ""}]})]) as server:
        brief = brief_by(writer(server))
    assert [draft.text for draft in brief.sections[0].drafts] == [
        "The board gave the pier its approval.",
        "The council revoked it in June.",
    ]
    assert brief.gaps == ("They do not say who paid.",)


def test_an_item_without_any_full_stop_is_a_sentence(writer: Connect) -> None:
    with FaultServer([good(brief_reply(("The vote", [(" The board met in May [E1]", ["E1"])])))]) as server:
        [section] = brief_by(writer(server)).sections
    assert [draft.text for draft in section.drafts] == ["The board met in May."]


def test_a_section_without_words_is_left_out_and_a_brief_without_any_is_unusable(writer: Connect) -> None:
    piece = ("The price", [("…", ["E2"])])
    with FaultServer(
        [good(brief_reply(piece, ("The vote", [("The board met.", ["E1"])]))), good(brief_reply(piece))]
    ) as server:
        brief = brief_by(writer(server))
        with pytest.raises(ReplyError, match="no section of the brief has a complete sentence"):
            brief_by(writer(server))
    assert [each.heading for each in brief.sections] == ["The vote"]
    assert brief.faults == ("the section 'The price' has no complete sentence",)


def test_headings_are_cleaned_and_one_with_a_fault_is_replaced_by_that_of_the_documents(writer: Connect) -> None:
    met = [("The board met.", ["E1"])]
    written = brief_reply(("1. The vote:", met), ("the vote", met), ("The pier of Bergen", met))
    with FaultServer([good(written)]) as server:
        brief = brief_by(writer(server))
    first, second, third = (each.heading for each in brief.sections)
    assert first == "The vote"
    assert len({first.casefold(), second.casefold(), third.casefold()}) == 3
    assert "Bergen" not in third
    assert brief.faults[1] == "'The pier of Bergen' names Bergen, which the section does not"


def test_a_heading_names_what_its_own_section_cites(writer: Connect, meeting: Chunk, cost: Chunk) -> None:
    dear = chunk("costs.md", f"{cost.text} The boats of Nesodden use it.")
    reply = brief_reply(
        ("Boats of Nesodden", [("The board met.", ["E1"])]), ("The pier of Nesodden", [("It is dear.", ["E2"])])
    )
    with FaultServer([good(reply)]) as server:
        brief = brief_by(replace(writer(server), evidence=(meeting, dear)))
    assert [each.heading for each in brief.sections][1] == "The pier of Nesodden"
    assert brief.faults == ("'Boats of Nesodden' names Nesodden, which the section does not",)


def test_a_heading_may_have_the_date_of_a_document(writer: Connect, meeting: Chunk) -> None:
    met = brief_reply(("Approval, June 2013", [("The board met.", ["E1"])]))
    with FaultServer([good(met), good(met)]) as server:
        dated = replace(writer(server), evidence=(replace(meeting, date="2013-06-03"),))
        assert brief_by(dated).faults == ()
        assert brief_by(writer(server)).faults


def test_gaps_are_whole_sentences_with_searches_apart_from_those_for_what_a_reader_would_ask(writer: Connect) -> None:
    reply = brief_reply(("The vote", [("The board met.", ["E1"])])) | {
        "gaps": [
            {"gap": "The documents found do not say who paid [E2].", "search": "who paid  for the pier"},
            {"gap": "who built", "search": ""},
            {"gap": f"They do not say {'very ' * 50}much.", "search": ""},
        ],
        "searches": ["the pier today", "who paid for the pier"],
    }
    with FaultServer([good(reply)]) as server:
        brief = brief_by(writer(server))
    assert brief.gaps == ("The documents found do not say who paid.",)
    assert brief.gap_searches == ("who paid for the pier",)
    assert brief.searches == ("the pier today", "who paid for the pier")


def test_the_editor_reads_the_brief_with_its_citations_and_their_passages_and_cites_these(
    writer: Connect, meeting: Chunk, cost: Chunk
) -> None:
    told = body_sentence("It cost 41 million kroner.", cost)
    wrong = RefusedDraft(
        draft=Draft(text="The board met on 4 May 2011.", chunks=(meeting,), evidence=()), fault="wrong day"
    )
    parts = [
        PartToEdit(kind="summary", entries=(told,), required=True),
        PartToEdit(kind="section", name="The pier", entries=(wrong,)),
        PartToEdit(kind="conclusion", entries=()),
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
        found = writer(server).edit(parts, ["It is not said who paid."])
        assert writer(server).edit(parts, ["It is not said who paid."]).headings == {}
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


def test_the_editor_reads_what_is_cited_or_found_and_the_openings_of_these_and_nothing_else(
    writer: Connect, meeting: Chunk, cost: Chunk
) -> None:
    status, opening = chunk("costs.md", "Status: audited"), chunk("later.md", "Status: closed")
    audit = chunk("costs.md", cost.text, start=40)
    behind = chunk("costs.md", "The audit took a year.", start=200)
    later = chunk("later.md", "In 2017 the pier was closed.", start=20)
    nothing = {"edits": [], "headings": [], "closed": [], "open": []}
    told = PartToEdit(kind="section", name="Money", entries=(body_sentence("It is dear.", audit),))
    with FaultServer([good(nothing)]) as server:
        first = replace(
            writer(server),
            evidence=(meeting, audit),
            shortened={audit.id: "It cost […]"},  # the editor reads all of a passage
            companions={audit.id: [status, behind], meeting.id: [audit]},
        )
        further = first.with_found([later], {later.id: [opening]})
        further.edit([told], (), [later])
    user = asked(server)
    assert all(each.text in user for each in (status, audit, opening, later))
    assert meeting.text not in user and behind.text not in user
    assert "'enum': ['E2', 'E3', 'E5', 'E6']" in str(server.requests[0].body["response_format"])


def test_a_question_that_is_answered_is_none_of_its_own_gaps(writer: Connect) -> None:
    gaps = [{"gap": text, "search": ""} for text in ("What of the pier?", "No passage says who paid.")]
    reply = brief_reply(("The vote", [("The board met.", ["E1"])])) | {"gaps": gaps}
    with FaultServer([good(reply)]) as server:
        assert brief_by(writer(server)).gaps == ("No passage says who paid.",)


def side(text: str, *citations: str) -> dict[str, Any]:
    return {"text": text, "citations": list(citations)}


@pytest.mark.parametrize(
    ("sides", "stands"),
    [
        ([side("The board approved the pier.", "E1"), side("The auditor disputed it.", "E2")], True),
        ([side("The board approved the pier.", "E1"), side("The board revoked it.", "E1")], False),
        ([side("The board met. It approved the pier.", "E1"), side("The council revoked it.", "E2")], False),
        ([side("", "E1"), side("The council revoked it.", "E2")], False),
        ([side("The board approved the pier.", "E1")], False),
    ],
)
def test_a_disagreement_has_a_sentence_on_different_passages_for_each_side(
    writer: Connect, meeting: Chunk, cost: Chunk, sides: list[Any], stands: bool
) -> None:
    reply = brief_reply(("The vote", [("The board met.", ["E1"])]))
    with FaultServer([good(reply | {"disagreements": [{"about": "the pier.", "sides": sides}]})]) as server:
        found = brief_by(writer(server)).disagreements
    expected = [("The pier", [(meeting,), (cost,)])] if stands else []
    assert [(each.about, [draft.chunks for draft in each.sides]) for each in found] == expected
