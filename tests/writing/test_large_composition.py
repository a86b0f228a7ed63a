"""A brief by a large model: written, verified and corrected, never a sentence twice, and a brief at any moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from briefs import chunk
from fault_server import ScriptedReply, failing, refused
from pier_brief import (
    APPROVAL_THEME,
    APPROVED,
    BACK,
    BOARD,
    CHEAP,
    CONCLUSION,
    COST,
    COST_FOUND,
    DISPUTED,
    FERRY,
    HITS,
    LATE,
    MOVED,
    ONE_SIDE,
    OTHER_SIDE,
    PRAISED,
    QUAY,
    QUAY_HIT,
    QUERY,
    REVOKED,
    RIGHT,
    SEARCHING,
    SUMMARY,
    SUPPORTED,
    USE,
    USE_THEME,
    WRONG_YEAR,
    Compose,
    ScriptedVerifier,
    actions,
    corrections,
    name_of,
    not_answered,
    outline,
    request_for,
    selection,
    short,
    texts,
    verifier_of,
    written,
)

from rag.errors import Interrupted, ModelError
from rag.progress import Step
from rag.types import UNUSABLE_REPLY, Hit, Verdict
from rag.verify import Premise
from rag.writing.large_composition import FOUND_PER_SEARCH


def test_a_brief_takes_a_call_for_the_outline_one_for_its_text_and_two_for_corrections(composed: Compose) -> None:
    verifier = verifier_of()
    brief, requests = composed(verifier)
    assert [name_of(request) for request in requests] == ["outline", "brief", "edit", "review"]
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
    assert headings == [["Board"], themes, themes, themes]  # the quote on the ferry stands outside the sections
    quoted = [sentence for each in shown[1].sections for sentence in each.sentences]
    assert all(" ".join(sentence.quotes[0].text.split()) == sentence.text for sentence in quoted)
    assert texts(shown[2]) == texts(shown[3]) == [[SUMMARY], [RIGHT, CHEAP], [MOVED], [CONCLUSION]]


@pytest.mark.parametrize("failed", ["outline", "select", "brief", "edit", "review"])
def test_a_model_that_is_lost_leaves_the_brief_so_far(composed: Compose, failed: str) -> None:
    with pytest.raises(Interrupted) as caught:
        composed(
            ScriptedVerifier(stated=SUPPORTED),
            finds={QUERY: [QUAY_HIT]},
            **{"outline": [SEARCHING], failed: [failing(401)]},
        )
    draft = caught.value.draft
    assert draft.status == "answered"
    assert draft.summary
    assert draft.sections[0].heading == ("Board" if failed in ("outline", "select") else "Approval and price")
    assert (draft.sections[0].sentences[0].text == RIGHT) == (failed in ("edit", "review"))
    assert (draft.summary[0].text == SUMMARY) == (failed in ("edit", "review"))


def test_an_unusable_outline_leaves_that_of_the_evidence_sentences(composed: Compose) -> None:
    brief, requests = composed(ScriptedVerifier(stated=SUPPORTED), outline=[refused(), refused()])
    plan = request_for("brief", requests)
    assert f"Board\n- {APPROVED} (E1)\n- {COST_FOUND} (E2)\n\nFerry\n- {FERRY.text} (E3)\n" in plan
    assert texts(brief)[1:3] == [[RIGHT, CHEAP], [MOVED]]
    assert actions(brief)[0] == ("outline", "quote")


@pytest.mark.parametrize(("answered", "known"), [("partly", ("It is not known who paid.",)), ("fully", ())])
def test_an_unusable_brief_reply_keeps_the_quotes_and_the_gaps_of_the_outline(
    composed: Compose, answered: str, known: tuple[str, ...]
) -> None:
    gap = "No passage says who built the pier."
    planned = outline(APPROVAL_THEME, USE_THEME, answered=answered, not_answered=[not_answered(gap)])
    brief, requests = composed(ScriptedVerifier(stated=SUPPORTED), outline=[planned], brief=[refused(), refused()])
    assert [name_of(request) for request in requests] == ["outline", "brief", "brief"]  # quotes are not edited
    assert [each.heading for each in brief.sections] == ["Approval and price", "Use of the pier"]
    assert texts(brief)[1:3] == [[COST_FOUND], [FERRY.text]]
    assert actions(brief) == [("brief", "quote")]
    assert brief.trace.repairs[0].why.startswith(UNUSABLE_REPLY)
    assert brief.gaps == (*known, gap)  # to the model that read all passages the question is answered or not


def test_evidence_without_an_answer_is_told_after_the_first_call(composed: Compose) -> None:
    nothing = outline(answered="no", not_answered=[not_answered("No passage says who built the pier.")])
    brief, requests = composed(ScriptedVerifier(), outline=[nothing])
    assert (brief.status, brief.sections, brief.summary) == ("insufficient_evidence", (), ())
    assert brief.gaps == ("It is not known who paid.", "No passage says who built the pier.")
    assert len(requests) == 1


def test_a_section_without_words_is_left_out_and_logged(composed: Compose) -> None:
    brief, _ = composed(verifier_of(), brief=[written(use=[("…", ["E3"])])])
    assert texts(brief) == [[SUMMARY], [RIGHT, CHEAP], []]
    assert actions(brief) == [("heading", "quote")]
    assert brief.trace.repairs[0].why == "the section 'Use of the pier' has no complete sentence"


def test_a_brief_without_words_is_no_usable_reply(composed: Compose) -> None:
    pieces = [("…", ["E3"])]
    brief, _ = composed(ScriptedVerifier(stated=SUPPORTED), brief=[written(pieces, pieces)])
    assert texts(brief)[2] == [FERRY.text]
    assert actions(brief) == [("brief", "quote")]


def test_a_heading_with_a_name_that_no_passage_has_is_replaced_by_that_of_the_documents_and_logged(
    composed: Compose,
) -> None:
    brief, _ = composed(verifier_of(), brief=[written(headings=("The pier of Bergen", "Use of the pier"))])
    assert [each.heading for each in brief.sections] == ["Board", "Use of the pier"]
    assert [(each.where, each.why) for each in brief.trace.repairs] == [
        ("heading", "'The pier of Bergen' names Bergen, which the section does not")
    ]


def test_what_stands_behind_a_passage_of_a_theme_is_evidence_of_the_brief_and_may_be_cited(composed: Compose) -> None:
    behind = chunk("ferry.md", "In 2017 the boats went back to the old quay.", start=200, heading_path=("Ferry",))
    brief, _ = composed(
        verifier_of({BACK: behind}),
        companions={FERRY.id: [behind]},
        brief=[written(use=[*USE, (BACK, ["E4"])])],
    )
    assert texts(brief)[2] == [MOVED, BACK]
    assert brief.sections[1].sentences[1].citations == (behind.id,)
    assert [(hit.chunk, hit.rank, hit.found_by) for hit in brief.evidence[3:]] == [(behind, 4, ("neighbour",))]


def test_what_is_chosen_of_what_the_outline_searches_for_is_read_in_full_and_is_evidence(composed: Compose) -> None:
    hotel = Hit(
        chunk=chunk("hotel.md", "The hotel beside the pier in Oslo has forty rooms and a bar."), rank=1, score=0.6
    )
    brief, requests = composed(
        verifier_of({BACK: QUAY}),
        finds={QUERY: [hotel, HITS[2], QUAY_HIT]},
        outline=[SEARCHING],
        select=[selection("E2")],
        brief=[written(use=[*USE, (BACK, ["E4"])])],
    )
    assert [name_of(request) for request in requests] == ["outline", "select", "brief", "edit", "review"]
    seen = request_for("select", requests)
    assert f"- searched: “{QUERY}”" in seen
    assert f"E1: {short(hotel.chunk)}\n\n[quay.md]\nE2: {short(QUAY)}" in seen
    assert "Nesodden" not in seen  # what the outline names is read in any case
    read = request_for("brief", requests)
    assert f"Searched for already:\n- {QUERY}\nFound by these searches: E4\n" in read
    assert f"E4: {QUAY.text}" in read
    assert short(hotel.chunk)[:-4] not in read
    assert texts(brief)[2] == [MOVED, BACK]
    assert [(hit.chunk, hit.rank) for hit in brief.evidence[3:]] == [(QUAY, 4)]


def test_what_stands_beside_the_passages_of_a_theme_and_may_answer_can_be_chosen(composed: Compose) -> None:
    quay = chunk("ferry.md", "Since 2017 the old quay serves the boats again.", start=300)
    brief, requests = composed(
        verifier_of({BACK: quay}),
        beside=[Hit(chunk=quay, rank=1, score=0.0), HITS[0]],
        select=[selection("E1")],
        brief=[written(use=[*USE, (BACK, ["E4"])])],
    )
    assert texts(brief)[2] == [MOVED, BACK]
    assert [(hit.chunk, hit.rank) for hit in brief.evidence[3:]] == [(quay, 4)]
    assert "E2" not in request_for("select", requests)


def test_the_further_searches_of_a_choice_add_what_was_not_seen(composed: Compose) -> None:
    further = "why the boats left the pier"
    storm = chunk("storm.md", "A storm of 2016 broke the pier, and the boats of Nesodden left it.")
    hotel = Hit(chunk=chunk("hotel.md", "The hotel beside the pier has forty rooms."), rank=1, score=0.6)
    found = [hotel, QUAY_HIT, HITS[2], Hit(chunk=storm, rank=3, score=0.4)]
    left = "The boats left when a storm had broken the pier."
    for chosen in (["E2"], []):  # what was seen and left out is not read, whatever was chosen
        brief, requests = composed(
            verifier_of({left: storm}),
            finds={QUERY: [hotel, QUAY_HIT], further: found},
            outline=[SEARCHING],
            select=[selection(*chosen, searches=[further])],
            brief=[written(use=[*USE, (left, [f"E{4 + len(chosen)}"])])],
        )
        assert texts(brief)[2] == [MOVED, left]
        assert [hit.chunk for hit in brief.evidence[3:]] == [*([QUAY] if chosen else []), storm]
        assert hotel.chunk.text not in request_for("brief", requests)


def test_without_a_usable_choice_the_first_hits_of_each_search_are_read_and_the_brief_says_so(
    composed: Compose,
) -> None:
    many = [
        Hit(chunk=chunk(f"{n}.md", f"Report {n} on the boats of Oslo."), rank=n, score=1 / n)
        for n in range(1, FOUND_PER_SEARCH + 3)
    ]
    brief, requests = composed(
        verifier_of(),
        finds={QUERY: [HITS[2], *many], "the price today": [many[0], QUAY_HIT]},
        outline=[outline(APPROVAL_THEME, USE_THEME, searches=[QUERY, "the price today"])],
        select=[refused(), refused()],
    )
    first = [hit.chunk for hit in many[:FOUND_PER_SEARCH]]
    assert [hit.chunk for hit in brief.evidence[3:]] == [*first, QUAY]
    read = request_for("brief", requests)
    assert all(each.text in read for each in (*first, QUAY))
    assert many[FOUND_PER_SEARCH].chunk.text not in read
    assert brief.trace.repairs == ()  # no sentence is a quotation for that
    assert brief.trace.notices[-1].startswith("The model did not choose among what its searches found: ")


def test_a_search_that_finds_nothing_new_is_told_to_the_writer(composed: Compose) -> None:
    _, requests = composed(verifier_of(), finds={QUERY: [HITS[2]]}, outline=[SEARCHING])
    assert [name_of(request) for request in requests] == ["outline", "brief", "edit", "review"]
    assert f"Searched for already:\n- {QUERY}\nFound by these searches: none\n" in request_for("brief", requests)


IS_OPEN = "The old quay is open."


@pytest.mark.parametrize(
    "replies",
    [
        {
            "outline": [SEARCHING],
            "select": [selection("E1")],
            "brief": [written(use=[*USE, (IS_OPEN, ["E4"])])],
        },
        {
            "brief": [written(searches=[QUERY])],
            "edit": [corrections(("S4", "add", IS_OPEN, ["E4"]))],
        },
    ],
    ids=["for the outline", "for the editor"],
)
def test_the_opening_of_a_document_that_was_searched_for_may_be_cited(
    composed: Compose, replies: Mapping[str, Sequence[ScriptedReply]]
) -> None:
    opening = chunk("quay.md", "Status: the quay is open.")
    quay = chunk("quay.md", "Since 2017 the old quay serves the boats again.", start=90)
    brief, _ = composed(
        verifier_of({IS_OPEN: opening}),
        finds={QUERY: [Hit(chunk=quay, rank=1, score=0.5)]},
        beside_found={quay.id: [opening]},
        **replies,
    )
    assert texts(brief)[2] == [MOVED, IS_OPEN]
    assert {opening.id, quay.id} <= {hit.chunk.id for hit in brief.evidence}


def test_what_a_reader_would_ask_next_is_searched_for_and_may_be_added(composed: Compose) -> None:
    brief, requests = composed(
        verifier_of({BACK: QUAY}),
        finds={QUERY: [HITS[2], QUAY_HIT]},
        brief=[written(searches=[QUERY])],
        edit=[corrections(("S4", "add", BACK, ["E4"]))],
    )
    assert texts(brief)[2] == [MOVED, BACK]
    assert [(hit.chunk, hit.rank) for hit in brief.evidence[3:]] == [(QUAY, 4)]
    asked = request_for("edit", requests)
    assert asked.count(FERRY.text) == 1
    assert f"E4: {QUAY.text}" in asked


def test_the_gaps_of_the_brief_replace_those_of_the_outline_and_are_searched_for(composed: Compose) -> None:
    planned, gap = "No passage says who built the pier.", "The passages do not say where the boats are now."
    brief, requests = composed(
        verifier_of(),
        finds={QUERY: [QUAY_HIT]},
        outline=[outline(APPROVAL_THEME, USE_THEME, answered="partly", not_answered=[not_answered(planned)])],
        brief=[written(gaps=[(gap, QUERY)])],
    )
    # The writer is told all that is known to be missing, and says what is.
    assert f"- It is not known who paid.\n- {planned}\n" in request_for("brief", requests)
    assert brief.gaps == (gap,)
    assert f"G1: {gap}\n" in request_for("edit", requests)
    assert QUAY.text in request_for("edit", requests)


@pytest.mark.parametrize("other_supported", [True, False])
def test_a_disagreement_is_told_to_the_writer_and_printed_if_both_sides_are_supported(
    composed: Compose, other_supported: bool
) -> None:
    verifier = verifier_of({ONE_SIDE: BOARD} | ({OTHER_SIDE: COST} if other_supported else {}))
    brief, requests = composed(verifier, outline=[DISPUTED])  # no quotation replaces a side that fails
    assert f"- The price: {ONE_SIDE} / {OTHER_SIDE}\n" in request_for("brief", requests)
    assert verifier.asked[0] == [RIGHT, CHEAP, MOVED, ONE_SIDE, OTHER_SIDE, SUMMARY, CONCLUSION]
    assert [each.about for each in brief.disagreements] == (["The price"] if other_supported else [])
    for each in brief.disagreements:
        assert [side.citations for side in each.sides] == [(BOARD.id,), (COST.id,)]


def test_a_side_of_a_disagreement_may_cite_the_opening_of_a_document_that_no_theme_names(composed: Compose) -> None:
    opening = chunk("cost.md", "Status: disputed by the auditor.")
    sides = [{"text": ONE_SIDE, "evidence": ["E1"]}, {"text": OTHER_SIDE, "evidence": ["E3"]}]
    disputed = [{"about": "the price", "sides": sides}]
    brief, requests = composed(
        verifier_of({ONE_SIDE: BOARD, OTHER_SIDE: opening}),
        companions={COST.id: [opening]},
        outline=[outline(("Approval", ["E1"]), ("Use of the pier", ["E4"]), disagreements=disputed)],
        brief=[written([(RIGHT, ["E1"])], [(MOVED, ["E4"])])],
    )
    assert f"E3: {opening.text}" in request_for("outline", requests)
    assert opening.text not in request_for("brief", requests)
    assert [side.citations for side in brief.disagreements[0].sides] == [(BOARD.id,), (opening.id,)]


def test_no_disagreement_is_printed_of_one_side_and_what_was_added_to_it(composed: Compose) -> None:
    more = "The auditor praised the stone work."
    brief, _ = composed(
        verifier_of({OTHER_SIDE: COST, more: COST}),
        outline=[DISPUTED],
        edit=[corrections(("S6", "add", more, ["E2"]))],
    )
    assert brief.disagreements == ()


def test_a_side_of_a_disagreement_that_becomes_two_sentences_is_given_up(composed: Compose) -> None:
    halves = ["The auditor wrote a report.", "The auditor disputed the price."]
    verifier = verifier_of({ONE_SIDE: BOARD} | dict.fromkeys(halves, COST))
    brief, requests = composed(
        verifier,
        outline=[DISPUTED],
        edit=[corrections(*(("S6", "replace", half, ["E2"]) for half in halves))],
    )
    assert f"# Disagreement: the price\nS5 (E1): {ONE_SIDE}" in request_for("edit", requests)
    assert brief.disagreements == ()
    brief, _ = composed(verifier, outline=[DISPUTED], edit=[corrections(("S6", "replace", halves[1], ["E2"]))])
    assert [side.text for side in brief.disagreements[0].sides] == [ONE_SIDE, halves[1]]


def test_refused_sentences_are_corrected_by_the_editor_who_reads_the_whole_brief(composed: Compose) -> None:
    wrong, dear = "The boats came in 2012.", "The pier cost the state 90 million kroner."
    verifier = verifier_of(unsupported={wrong: "in 2012"})
    brief, requests = composed(
        verifier,
        brief=[written([(RIGHT, ["E1"]), (dear, ["E2"])], [(wrong, ["E3"])])],
        edit=[corrections(("S3", "replace", CHEAP, ["E2"]), ("S4", "replace", MOVED, ["E3"]))],
    )
    assert texts(brief)[:3] == [[SUMMARY], [RIGHT, CHEAP], [MOVED]]
    assert [name_of(each) for each in requests] == ["outline", "brief", "edit", "review"]
    request = request_for("edit", requests)
    assert f"# Summary\nS1 (E1): {SUMMARY}\n# H1: Approval and price\nS2 (E1): {RIGHT}\nS3 (E2; refused: " in request
    assert f"# H2: Use of the pier\nS4 (E3; refused: the evidence does not say “in 2012”): {wrong}" in request
    assert verifier.asked[-1] == [CHEAP, MOVED]
    assert actions(brief) == [("Approval and price", "rewrite"), ("Use of the pier", "rewrite")]


def test_a_refused_sentence_may_become_two_with_citations_of_their_own(composed: Compose) -> None:
    wrong, half = "The board approved the pier, which cost 90 million kroner.", "The pier cost 90 million kroner."
    halves = [("S2", "replace", text, ids) for text, ids in ((RIGHT, ["E1"]), (half, ["E2"]), (CHEAP, ["E2"]))]
    brief, _ = composed(verifier_of(), brief=[written([(wrong, ["E1", "E2"])])], edit=[corrections(*halves)])
    assert texts(brief)[1] == [RIGHT, CHEAP]  # what is supported of the correction
    assert actions(brief) == [("Approval and price", "rewrite")] * 2
    assert [sentence.citations for sentence in brief.sections[0].sentences] == [(BOARD.id,), (COST.id,)]


def test_a_verified_sentence_stays_unless_all_of_its_correction_is_supported(composed: Compose) -> None:
    told = "The city's auditor found in 2014 that the pier cost 41 million kroner."
    dear = "The pier cost 90 million kroner."
    edits = [
        ("S2", "replace", told, ["E2"]),
        ("S2", "replace", dear, ["E2"]),
        ("S3", "replace", told, ["E2"]),
        ("S4", "replace", "", []),
    ]
    brief, _ = composed(verifier_of({told: COST}), edit=[corrections(*edits)])
    assert texts(brief)[1:3] == [[RIGHT, told], [MOVED]]  # the second correction may have words that were not printed
    brief, _ = composed(verifier_of({told: COST}), edit=[corrections(edits[2], edits[3])])
    assert texts(brief)[1:3] == [[RIGHT, told], [MOVED]]
    assert [(each.action, each.before, each.after, each.why) for each in brief.trace.repairs] == [
        ("rewrite", CHEAP, told, "replace it")
    ]


def test_what_is_added_stands_behind_its_sentence_if_it_is_supported_and_new(composed: Compose) -> None:
    praised, repeated = "The auditor later praised the stone work.", f"It is said that {CHEAP}"
    edits = [
        ("S2", "add", praised, ["E2"]),
        ("S2", "add", repeated, ["E2"]),
        ("S4", "add", "Boats sank.", ["E3"]),
    ]
    brief, _ = composed(verifier_of({praised: COST, repeated: COST}), edit=[corrections(*edits)])
    assert texts(brief)[1:3] == [[RIGHT, praised, CHEAP], [MOVED]]
    assert brief.sections[0].sentences[1].citations == (COST.id,)
    assert actions(brief) == [("Approval and price", "add"), ("Approval and price", "drop")]


def test_what_the_last_call_drops_goes_but_not_all_of_a_summary_or_of_the_only_section(composed: Compose) -> None:
    drops = [(sentence, "drop", "", []) for sentence in ("S1", "S3", "S4")]
    brief, _ = composed(verifier_of(), edit=[corrections(*drops)])
    assert texts(brief) == [[SUMMARY], [RIGHT], [CONCLUSION]]
    assert [each.heading for each in brief.sections] == ["Approval and price"]
    assert [(each.action, each.before, each.why) for each in brief.trace.repairs] == [
        ("drop", CHEAP, "drop it"),
        ("drop", MOVED, "drop it"),
    ]
    brief, _ = composed(
        verifier_of(),
        brief=[written(use=())],
        edit=[corrections(*((sentence, "drop", "", []) for sentence in ("S2", "S3")))],
    )
    assert texts(brief)[1] == [RIGHT]
    brief, _ = composed(verifier_of(), edit=[corrections(*((s, "drop", "", []) for s in ("S2", "S3", "S4")))])
    assert texts(brief)[1:] == [[RIGHT], [CONCLUSION]]
    assert [repair.before for repair in brief.trace.repairs] == [CHEAP, MOVED]


def test_a_heading_is_corrected_as_far_as_the_passages_bear_it_out(composed: Compose) -> None:
    new = {"H1": "Approval by the board", "H2": "Boats of the Fjordline company"}
    brief, _ = composed(verifier_of(), edit=[corrections(headings=new)])
    assert [each.heading for each in brief.sections] == ["Approval by the board", "Use of the pier"]


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
    assert [each.heading for each in caught.value.draft.sections] == ["Approval and price", "Use of the pier"]
    assert texts(caught.value.draft)[2] == [FERRY.text]


def test_a_refused_sentence_is_dropped_where_its_section_has_others_and_quoted_where_not(composed: Compose) -> None:
    told = "According to the auditor's finding of 2014, the pier cost Oslo 41 million kroner."
    wrong, also_wrong = "The auditor found a cost of 14 million kroner for the pier.", "The auditor liked the pier."
    verifier = ScriptedVerifier(stated=SUPPORTED | {told: COST})
    brief, _ = composed(verifier, brief=[written([(wrong, ["E2"]), (told, ["E2"]), (also_wrong, ["E2"])])])
    # The evidence of ``told`` stands already, so the first refused sentence gets the other one, and the second nothing.
    assert texts(brief)[1] == [PRAISED, told]
    assert actions(brief) == [("Approval and price", "quote"), ("Approval and price", "drop")]
    brief, _ = composed(verifier, brief=[written([(RIGHT, ["E1"]), (wrong, ["E2"]), (told, ["E2"])])])
    assert texts(brief)[1] == [RIGHT, told]


def test_a_replacement_keeps_the_qualification_that_follows_it(composed: Compose) -> None:
    wrong = "The harbour board of Bergen approved the new pier."
    brief, _ = composed(
        ScriptedVerifier(stated={MOVED: FERRY, SUMMARY: COST}),
        brief=[written([(wrong, ["E1"])], summary=[(SUMMARY, ["E2"])])],
    )
    assert texts(brief)[1] == [APPROVED, REVOKED]


def test_a_citation_moves_to_a_single_passage_above_its_threshold(composed: Compose) -> None:
    brief, _ = composed(ScriptedVerifier(stated=SUPPORTED), brief=[written([(CHEAP, ["E1"]), (RIGHT, ["E1"])])])
    assert brief.sections[0].sentences[0].citations == (COST.id,)
    assert actions(brief) == [("Approval and price", "reattribute")]


@pytest.mark.parametrize("judged_apart", [True, False])
def test_below_the_threshold_or_with_another_judge_of_citations_only_the_writer_moves_one(
    composed: Compose, judged_apart: bool
) -> None:
    praised = "The auditor later praised the stone work."
    stated = SUPPORTED | {praised: COST}
    verifier = ScriptedVerifier(stated=stated, score=0.95 if judged_apart else 0.6)
    if judged_apart:
        verifier.of_citations = ScriptedVerifier(stated=stated)
    brief, _ = composed(
        verifier,
        brief=[written([(CHEAP, ["E1"]), (praised, ["E2"])])],
        edit=[corrections(("S2", "replace", CHEAP, ["E2"]))],
    )
    assert brief.sections[0].sentences[0].citations == (COST.id,)
    assert actions(brief) == [("Approval and price", "rewrite")]


def test_what_the_verifier_does_not_need_is_not_cited(composed: Compose) -> None:
    verifier = verifier_of({SUMMARY: FERRY}, needed={RIGHT: (0,), SUMMARY: (1,)})
    brief, _ = composed(
        verifier,
        brief=[written([(RIGHT, ["E1", "E2"]), (CHEAP, ["E2"])], summary=[(SUMMARY, ["E1", "E3"])])],
    )
    assert brief.sections[0].sentences[0].citations == (BOARD.id,)
    assert brief.summary[0].citations == (FERRY.id,)
    assert {(each.where, each.action, each.why) for each in brief.trace.repairs} == {
        ("Approval and price", "reattribute", f"{COST.id}: not needed"),
        ("summary", "reattribute", f"{BOARD.id}: not needed"),
    }


def test_a_closing_sentence_that_fails_or_repeats_another_is_corrected_or_dropped(composed: Compose) -> None:
    better = "Approval came first and boats came last."
    verifier = ScriptedVerifier(
        stated={**SUPPORTED, better: BOARD, CONCLUSION: QUAY},
        unsupported={CONCLUSION: "settled"},
        of_citations=ScriptedVerifier(),
    )
    brief, requests = composed(
        verifier,
        brief=[
            written(
                summary=[(SUMMARY, ["E1"]), (RIGHT, ["E1"])],
                conclusion=[(CONCLUSION, ["E3"]), (f"In all, {MOVED}", ["E3"])],
            )
        ],
        edit=[corrections(("S2", "replace", better, ["E1"]), ("S7", "replace", MOVED, ["E3"]))],
    )
    assert verifier.asked[0] == [RIGHT, CHEAP, MOVED, SUMMARY, CONCLUSION]  # what repeats another is not judged
    assert texts(brief)[0] == [SUMMARY, better]
    assert brief.conclusion == ()
    request = request_for("edit", requests)
    assert f"S2 (E1; refused: it repeats another sentence: {RIGHT}): {RIGHT}" in request
    assert f"# Conclusion\nS6 (E3; refused: the evidence does not say “settled”): {CONCLUSION}" in request
    assert actions(brief) == [("summary", "rewrite"), *[("conclusion", "drop")] * 3]  # the correction repeats too


def test_a_gap_is_searched_for_in_the_documents_that_the_brief_cites_too(composed: Compose) -> None:
    reasons = chunk("ferry.md", "Fuel had become dear in 2014.", start=300)
    elsewhere = chunk("rain.md", "It rained.", start=300)
    gap = "The documents found do not say why the boats moved."
    hits = [Hit(chunk=each, rank=1, score=1.0) for each in (elsewhere, reasons)]
    _, requests = composed(
        verifier_of(), brief=[written(gaps=[(gap, "why the boats moved")])], finds={"why the boats moved (cited)": hits}
    )
    asked = request_for("edit", requests)
    assert reasons.text in asked
    assert elsewhere.text not in asked


def test_a_gap_that_the_brief_closes_is_not_printed(composed: Compose) -> None:
    gaps = ["It is not known who paid.", "The passages do not say what it cost.", "No passage says who built it."]
    brief, requests = composed(
        verifier_of(),
        brief=[written(gaps=[(gap, "") for gap in gaps])],
        edit=[
            corrections(
                closed={"G1": ("S1", ""), "G2": ("S1", "The passages do not say what was paid later [E2].")},
                opened=["Nobody says why it was built.", "why"],
            )
        ],
    )
    assert brief.gaps == ("The passages do not say what was paid later.", gaps[2], "Nobody says why it was built.")
    assert "\n".join(f"G{n}: {gap}" for n, gap in enumerate(gaps, 1)) in request_for("edit", requests)


def test_a_gap_that_was_put_wrongly_is_closed_without_a_sentence(composed: Compose) -> None:
    wrong, right = "The passages do not say when it was closed.", "The passages do not say whether it was closed."
    fixed = corrections(("S1", "add", "The state paid.", ["E1"]), closed={"G1": ("none", right)})
    brief, _ = composed(verifier_of(), brief=[written(gaps=[(wrong, "the end of the pier")])], edit=[fixed])
    assert brief.gaps == (right,)


def test_what_was_to_close_a_gap_and_is_not_printed_leaves_it(composed: Compose) -> None:
    gap = "The passages do not say who paid."
    paid = corrections(("S1", "add", "The state paid.", ["E1"]), closed={"G1": ("S1", "")})
    brief, _ = composed(verifier_of(), brief=[written(gaps=[(gap, "who paid for the pier")])], edit=[paid])
    assert brief.gaps == (gap,)


def test_no_sentence_stands_twice_in_summary_and_conclusion(composed: Compose) -> None:
    brief, _ = composed(verifier_of(), brief=[written(conclusion=[(SUMMARY, ["E1"])])])
    assert (texts(brief)[0], texts(brief)[3]) == ([SUMMARY], [])


def test_a_summary_is_never_empty_and_repeats_the_body_only_if_nothing_else_is_there(composed: Compose) -> None:
    late = [(LATE, ["E1"])]
    brief, _ = composed(ScriptedVerifier(stated=SUPPORTED), brief=[written(summary=late)])
    assert texts(brief)[0] == [APPROVED]  # the quote of the first draft
    quoting = ScriptedVerifier(stated={APPROVED: BOARD, COST_FOUND: COST, FERRY.text: FERRY})
    quotes = written([(APPROVED, ["E1"]), (COST_FOUND, ["E2"])], [(FERRY.text, ["E3"])], summary=late)
    brief, _ = composed(quoting, brief=[quotes])
    assert texts(brief)[0] == [APPROVED]


def test_more_sentences_than_a_section_has_may_be_corrected(composed: Compose) -> None:
    refused_texts = [f"The pier has {n} lamps." for n in range(61, 67)]
    right = [
        "An audit was made in 2014.",
        "It was the city that audited.",
        CHEAP,
        "Stone work pleased the auditor.",
        "A second report followed the first.",
        "Oslo has this pier.",
    ]
    brief, _ = composed(
        ScriptedVerifier(stated={MOVED: FERRY, SUMMARY: BOARD} | dict.fromkeys(right, COST)),
        brief=[written([(text, ["E2"]) for text in refused_texts])],
        edit=[corrections(*((f"S{n}", "replace", text, ["E2"]) for n, text in enumerate(right, 2)))],
    )
    assert texts(brief)[1] == right
