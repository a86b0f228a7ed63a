"""What is corrected, moved, dropped or replaced in a brief by a large model, and when its disagreements are printed."""

from __future__ import annotations

import pytest
from briefs import chunk
from pier_brief import (
    APPROVED,
    BOARD,
    CHEAP,
    CONCLUSION,
    COST,
    COST_FOUND,
    DISPUTED,
    FERRY,
    LATE,
    MOVED,
    ONE_SIDE,
    OTHER_SIDE,
    PRAISED,
    QUAY,
    REVOKED,
    RIGHT,
    SUMMARY,
    SUPPORTED,
    Compose,
    ScriptedVerifier,
    actions,
    corrections,
    name_of,
    request_for,
    selection,
    texts,
    verifier_of,
    written,
)


def test_refused_sentences_are_corrected_by_the_editor_who_reads_the_whole_brief(composed: Compose) -> None:
    wrong, dear = "The boats came in 2012.", "The pier cost the state 90 million kroner."
    verifier = verifier_of(unsupported={wrong: "in 2012"})
    brief, requests = composed(
        verifier,
        brief=[written([(RIGHT, ["E1"]), (dear, ["E2"])], [(wrong, ["E3"])])],
        edit=[corrections(("S3", "replace", CHEAP, ["E2"]), ("S4", "replace", MOVED, ["E3"]))],
    )
    assert texts(brief)[:3] == [[SUMMARY], [RIGHT, CHEAP], [MOVED]]
    assert [name_of(each) for each in requests] == ["select", "brief", "edit"]
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
    assert texts(brief)[0] == [SUMMARY, better]
    assert brief.conclusion == ()
    request = request_for("edit", requests)
    assert f"S2 (E1; refused: it repeats another sentence: {RIGHT}): {RIGHT}" in request
    assert f"# Conclusion\nS6 (E3; refused: the evidence does not say “settled”): {CONCLUSION}" in request
    assert actions(brief) == [("summary", "rewrite"), *[("conclusion", "drop")] * 3]  # the correction repeats too


def test_a_closing_sentence_may_repeat_what_was_refused_in_a_section(composed: Compose) -> None:
    sections = written([(RIGHT, ["E1"]), (CHEAP, ["E3"])], summary=[(SUMMARY, ["E1"]), (CHEAP, ["E2"])])
    brief, _ = composed(verifier_of(), brief=[sections])
    assert texts(brief)[0] == [SUMMARY, CHEAP]


def test_a_disagreement_whose_side_a_section_tells_is_printed(composed: Compose) -> None:
    sides = [("the price", [(CHEAP, ["E2"]), (OTHER_SIDE, ["E1"])])]
    brief, _ = composed(verifier_of({OTHER_SIDE: BOARD}), brief=[written(disagreements=sides)])
    assert [[side.text for side in each.sides] for each in brief.disagreements] == [[CHEAP, OTHER_SIDE]]


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


@pytest.mark.parametrize("other_supported", [True, False])
def test_a_disagreement_is_printed_if_both_sides_are_supported(composed: Compose, other_supported: bool) -> None:
    verifier = verifier_of({ONE_SIDE: BOARD} | ({OTHER_SIDE: COST} if other_supported else {}))
    brief, _ = composed(verifier, brief=[DISPUTED])  # no quotation replaces a side that fails
    assert verifier.asked[0] == [RIGHT, CHEAP, MOVED, ONE_SIDE, OTHER_SIDE, SUMMARY, CONCLUSION]
    assert [each.about for each in brief.disagreements] == (["The price"] if other_supported else [])
    for each in brief.disagreements:
        assert [side.citations for side in each.sides] == [(BOARD.id,), (COST.id,)]


def test_a_side_of_a_disagreement_may_cite_the_opening_of_a_document(composed: Compose) -> None:
    opening = chunk("cost.md", "Status: disputed by the auditor.")
    brief, _ = composed(
        verifier_of({ONE_SIDE: BOARD, OTHER_SIDE: opening}),
        companions={COST.id: [opening]},
        select=[selection("E1", "E2", "E4")],
        brief=[
            written(
                [(RIGHT, ["E1"])],
                [(MOVED, ["E4"])],
                disagreements=[("the price", [(ONE_SIDE, ["E1"]), (OTHER_SIDE, ["E3"])])],
            )
        ],
    )
    assert [side.citations for side in brief.disagreements[0].sides] == [(BOARD.id,), (opening.id,)]


def test_no_disagreement_is_printed_of_one_side_and_what_was_added_to_it(composed: Compose) -> None:
    more = "The auditor praised the stone work."
    brief, _ = composed(
        verifier_of({OTHER_SIDE: COST, more: COST}),
        brief=[DISPUTED],
        edit=[corrections(("S6", "add", more, ["E2"]))],
    )
    assert brief.disagreements == ()


def test_a_side_of_a_disagreement_that_becomes_two_sentences_is_given_up(composed: Compose) -> None:
    halves = ["The auditor wrote a report.", "The auditor disputed the price."]
    verifier = verifier_of({ONE_SIDE: BOARD} | dict.fromkeys(halves, COST))
    brief, requests = composed(
        verifier,
        brief=[DISPUTED],
        edit=[corrections(*(("S6", "replace", half, ["E2"]) for half in halves))],
    )
    assert f"# Disagreement: the price\nS5 (E1): {ONE_SIDE}" in request_for("edit", requests)
    assert brief.disagreements == ()
    brief, _ = composed(verifier, brief=[DISPUTED], edit=[corrections(("S6", "replace", halves[1], ["E2"]))])
    assert [side.text for side in brief.disagreements[0].sides] == [ONE_SIDE, halves[1]]


def test_a_comparison_that_is_refused_costs_none_of_the_sentences_that_it_was_to_replace(composed: Compose) -> None:
    both = "The board approved the pier although an audit put its cost at 41 million kroner."
    edit = [corrections(("S2", "replace", both, ["E1", "E2"]), ("S3", "drop", "", []))]
    brief, _ = composed(verifier_of(), edit=edit)
    assert texts(brief)[1] == [RIGHT, CHEAP]
    assert brief.trace.repairs == ()


def test_the_sides_of_a_disagreement_stay_a_pair(composed: Compose) -> None:
    both = "The board stood by its approval, and the auditor disputed the cost."
    verifier = verifier_of({ONE_SIDE: BOARD, OTHER_SIDE: COST, both: BOARD})
    merged = [corrections(("S5", "replace", both, ["E1"]), ("S6", "drop", "", []))]
    brief, _ = composed(verifier, brief=[DISPUTED], edit=merged)
    assert [side.text for side in brief.disagreements[0].sides] == [both, OTHER_SIDE]
    dropped = [corrections(("S5", "drop", "", []), ("S6", "drop", "", []))]
    brief, _ = composed(verifier, brief=[DISPUTED], edit=dropped)
    assert brief.disagreements == ()
    assert actions(brief) == [("disagreement: The price", "drop")] * 2


def test_no_section_is_named_like_another_part(composed: Compose) -> None:
    brief, _ = composed(verifier_of(), edit=[corrections(headings={"H1": "Conclusion", "H2": "Summary"})])
    assert [section.heading for section in brief.sections] == ["Approval and price", "Use of the pier"]


def test_a_gap_stays_if_the_sentence_that_answers_it_is_not_printed(composed: Compose) -> None:
    gap = "The documents do not say who paid."
    asked = [written([(RIGHT, ["E1"]), ("The state paid it all.", ["E2"])], gaps=[(gap, "Who paid?")])]
    brief, _ = composed(verifier_of(), brief=asked, edit=[corrections(closed={"G1": ("S3", "")})])
    assert brief.gaps == (gap,)
    answered = [written(gaps=[(gap, "Who paid?")])]
    better = ("S3", "replace", "An auditor put the cost at 41 million kroner.", ["E2"])
    unused = ("S3", "fallback", "The state paid 90 million.", ["E2"])
    edit = [corrections(better, unused, closed={"G1": ("S3", "")})]
    brief, _ = composed(verifier_of({better[2]: COST}), brief=answered, edit=edit)
    assert (texts(brief)[1][1], brief.gaps) == (better[2], ())
