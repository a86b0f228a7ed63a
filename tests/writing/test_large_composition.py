"""A brief by a large model: its calls and drafts, and what stays of it when a reply is unusable or a server is lost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from fault_server import ScriptedReply, failing, refused
from pier_brief import (
    APPROVED,
    BOARD,
    CHEAP,
    CONCLUSION,
    COST,
    COST_FOUND,
    FERRY,
    LATE,
    MOVED,
    RIGHT,
    SUMMARY,
    SUPPORTED,
    WRONG_YEAR,
    Compose,
    ScriptedVerifier,
    actions,
    corrections,
    evidence,
    name_of,
    request_for,
    texts,
    verifier_of,
    written,
)

from rag.errors import Interrupted, ModelError
from rag.progress import Step
from rag.types import UNUSABLE_REPLY, Verdict
from rag.verify import Premise
from rag.writing.disagreements import Conflict


def test_a_brief_takes_a_call_for_what_to_read_one_for_its_text_and_one_for_corrections(composed: Compose) -> None:
    verifier = verifier_of()
    brief, requests = composed(verifier)
    assert [name_of(request) for request in requests] == ["select", "brief", "edit"]
    assert [each.heading for each in brief.sections] == ["Approval and price", "Use of the pier"]
    assert texts(brief) == [[SUMMARY], [RIGHT, CHEAP], [MOVED], [CONCLUSION]]
    assert [each.citations for each in brief.sections[0].sentences] == [(BOARD.id,), (COST.id,)]
    assert brief.conclusion[0].citations == (FERRY.id,)
    assert brief.trace.repairs == ()
    assert verifier.asked == [[RIGHT, CHEAP, MOVED, SUMMARY, CONCLUSION]]  # all of it at once


def test_every_draft_that_is_shown_is_a_verified_brief_and_they_get_better(composed: Compose) -> None:
    steps: list[Step] = []
    composed(ScriptedVerifier(stated=SUPPORTED), steps)
    shown = [step.brief for step in steps if step.brief]
    headings = [[section.heading for section in brief.sections] for brief in shown]
    themes = ["Approval and price", "Use of the pier"]
    assert headings == [["Board"], ["Board"], themes]  # the quote on the ferry stands outside the sections
    quoted = [sentence for each in shown[0].sections for sentence in each.sentences]
    assert all(" ".join(sentence.quotes[0].text.split()) == sentence.text for sentence in quoted)
    assert texts(shown[2]) == [[SUMMARY], [RIGHT, CHEAP], [MOVED], [CONCLUSION]]


@pytest.mark.parametrize("failed", ["select", "brief", "edit"])
def test_a_model_that_is_lost_leaves_the_brief_so_far(composed: Compose, failed: str) -> None:
    with pytest.raises(Interrupted) as caught:
        composed(ScriptedVerifier(stated=SUPPORTED), **{failed: [failing(401)]})
    draft = caught.value.draft
    assert draft.status == "answered"
    assert draft.summary
    assert draft.sections[0].heading == ("Approval and price" if failed == "edit" else "Board")
    assert (draft.sections[0].sentences[0].text == RIGHT) == (failed == "edit")
    assert (draft.summary[0].text == SUMMARY) == (failed == "edit")


def test_an_unusable_brief_reply_keeps_the_quotes_and_the_known_gaps(composed: Compose) -> None:
    brief, requests = composed(ScriptedVerifier(stated=SUPPORTED), brief=[refused(), refused()])
    assert [name_of(request) for request in requests] == ["select", "brief", "brief"]  # quotes are not edited
    assert [each.heading for each in brief.sections] == ["Board"]
    assert texts(brief) == [[APPROVED], [COST_FOUND], [FERRY.text]]
    assert actions(brief) == [("brief", "quote")]
    assert brief.trace.repairs[0].why.startswith(UNUSABLE_REPLY)
    assert brief.gaps == ("It is not known who paid.",)


def test_evidence_without_an_answer_is_told_and_not_edited(composed: Compose) -> None:
    gap = "No passage says who built the pier."
    for reply, why in (
        (written((), (), summary=(), answered="no", gaps=[(gap, "")]), gap),
        (written((), (), summary=(), answered="no"), "No passage that was found answers the question."),
    ):
        brief, requests = composed(ScriptedVerifier(), brief=[reply])
        assert (brief.status, brief.sections, brief.summary) == ("insufficient_evidence", (), ())
        assert brief.gaps == (why,)
        assert [name_of(request) for request in requests] == ["select", "brief"]


def test_without_a_usable_choice_the_best_passages_are_read_and_the_brief_says_so(composed: Compose) -> None:
    brief, requests = composed(verifier_of(), select=[refused(), refused()])
    assert all(each.text in request_for("brief", requests) for each in (BOARD, COST, FERRY))
    assert texts(brief)[1:3] == [[RIGHT, CHEAP], [MOVED]]
    assert brief.trace.repairs == ()
    assert brief.trace.notices[-1].startswith("The model did not choose what the brief is written from: ")


def test_a_section_without_words_is_left_out_and_logged(composed: Compose) -> None:
    brief, _ = composed(verifier_of(), brief=[written(use=[("…", ["E3"])])])
    assert texts(brief) == [[SUMMARY], [RIGHT, CHEAP], []]
    assert actions(brief) == [("heading", "quote")]
    assert brief.trace.repairs[0].why == "the section 'Use of the pier' has no complete sentence"


def test_a_brief_without_words_is_no_usable_reply(composed: Compose) -> None:
    pieces = [("…", ["E3"])]
    brief, _ = composed(ScriptedVerifier(stated=SUPPORTED), brief=[written(pieces, pieces)])
    assert texts(brief)[1] == [COST_FOUND]
    assert actions(brief) == [("brief", "quote")]


def test_where_nothing_of_the_model_can_be_verified_all_is_quoted_and_the_brief_says_so(composed: Compose) -> None:
    conflict = Conflict(stating=evidence(BOARD, APPROVED), disputing=evidence(COST, COST_FOUND))
    nothing = written([("Nobody liked anything.", ["E1"])], (), summary=[("All failed.", ["E1"])])
    refusing = ScriptedVerifier(of_citations=ScriptedVerifier())
    brief, requests = composed(refusing, conflicts=[conflict], brief=[nothing])
    assert texts(brief)[:2] == [[APPROVED], [COST_FOUND]]
    assert len(brief.disagreements) == 1
    assert "could be verified: the sections are quotations" in brief.trace.notices[-1]
    assert name_of(requests[-1]) == "edit"  # what was refused may be corrected


def test_repairs_stand_in_the_order_in_which_they_were_made(composed: Compose) -> None:
    told, moved = "Since 2015 boats of Nesodden moor there.", CHEAP
    brief, _ = composed(
        ScriptedVerifier(stated={**SUPPORTED, told: FERRY}),
        brief=[written([(RIGHT, ["E1"]), (moved, ["E1"])], [(WRONG_YEAR, ["E3"])])],
        edit=[corrections(("S4", "replace", told, ["E3"]))],
    )
    assert [repair.action for repair in brief.trace.repairs] == ["reattribute", "rewrite"]


@pytest.mark.parametrize(
    "unusable",
    [written((), ()), written(summary=()), written(answered="no")],
    ids=["no section", "no summary", "sections without an answer"],
)
def test_a_brief_that_contradicts_itself_is_asked_for_again(composed: Compose, unusable: ScriptedReply) -> None:
    brief, requests = composed(verifier_of(), brief=[unusable, written()])
    assert [name_of(request) for request in requests] == ["select", "brief", "brief", "edit"]
    assert texts(brief)[1:3] == [[RIGHT, CHEAP], [MOVED]]


def test_a_heading_with_a_name_that_no_passage_has_is_replaced_by_that_of_the_documents_and_logged(
    composed: Compose,
) -> None:
    brief, _ = composed(verifier_of(), brief=[written(headings=("The pier of Bergen", "Use of the pier"))])
    assert [each.heading for each in brief.sections] == ["Board", "Use of the pier"]
    assert [(each.where, each.why) for each in brief.trace.repairs] == [
        ("heading", "'The pier of Bergen' names Bergen, which the section does not")
    ]


def test_without_a_usable_reply_of_the_editor_the_brief_stands_and_says_so(composed: Compose) -> None:
    brief, _ = composed(
        verifier_of(),
        brief=[written(use=[(WRONG_YEAR, ["E3"])], conclusion=[(LATE, ["E1"])])],
        edit=[refused(), refused()],
    )
    assert texts(brief) == [[SUMMARY], [RIGHT, CHEAP], [FERRY.text], []]
    assert actions(brief) == [("Use of the pier", "quote"), ("conclusion", "drop")]
    assert brief.trace.notices[-1].startswith("The model did not read the finished brief once more: ")


def test_a_model_that_is_lost_before_the_last_call_leaves_quotes_in_place_of_what_was_refused(
    composed: Compose,
) -> None:
    with pytest.raises(Interrupted) as caught:
        composed(
            verifier_of(),
            brief=[written(use=[(WRONG_YEAR, ["E3"])], summary=[(LATE, ["E1"])])],
            edit=[failing(401)],
        )
    assert texts(caught.value.draft)[2] == [FERRY.text]
    assert actions(caught.value.draft) == [("Use of the pier", "quote"), ("summary", "drop")]


def test_a_verifier_that_is_lost_at_the_corrections_leaves_the_brief_before_them(composed: Compose) -> None:
    class LostVerifier(ScriptedVerifier):
        def verify(self, pairs: Sequence[tuple[str, Sequence[Premise]]]) -> list[Verdict]:
            if self.asked:
                raise ModelError("the server is gone")
            return super().verify(pairs)

    with pytest.raises(Interrupted) as caught:
        composed(
            LostVerifier(stated=SUPPORTED, of_citations=ScriptedVerifier()),
            brief=[written(use=[(WRONG_YEAR, ["E3"])])],
            edit=[corrections(("S4", "replace", MOVED, ["E3"]))],
        )
    assert texts(caught.value.draft) == [[SUMMARY], [RIGHT, CHEAP], [FERRY.text], []]
    assert actions(caught.value.draft) == [("Use of the pier", "quote")]


def test_a_verifier_that_is_lost_at_the_brief_leaves_its_quotes(composed: Compose) -> None:
    class LostVerifier(ScriptedVerifier):
        def verify(self, pairs: Sequence[tuple[str, Sequence[Premise]]]) -> list[Verdict]:
            raise ModelError("the server is gone")

    with pytest.raises(Interrupted, match="while writing 'brief'") as caught:
        composed(LostVerifier())
    assert [each.heading for each in caught.value.draft.sections] == ["Board"]
    assert texts(caught.value.draft)[1] == [COST_FOUND]
