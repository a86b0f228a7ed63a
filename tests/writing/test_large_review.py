"""The review of a corrected brief by a large model: what is verified of it is printed, and nothing is lost by it."""

from __future__ import annotations

from briefs import chunk
from fault_server import refused
from pier_brief import (
    APPROVAL_THEME,
    BOARD,
    CHEAP,
    CONCLUSION,
    COST,
    DISPUTED,
    FERRY,
    MOVED,
    ONE_SIDE,
    OTHER_SIDE,
    RIGHT,
    SUMMARY,
    WRONG_YEAR,
    Compose,
    actions,
    corrections,
    name_of,
    outline,
    request_for,
    texts,
    verifier_of,
    written,
)


def test_the_reviewer_reads_the_brief_as_the_editor_left_it_and_what_is_verified_of_its_corrections_is_printed(
    composed: Compose,
) -> None:
    told, dear = "The city's auditor found in 2014 that the pier cost 41 million kroner.", "The pier cost 90 million."
    verifier = verifier_of({told: COST})
    brief, requests = composed(
        verifier,
        brief=[written(use=[(WRONG_YEAR, ["E3"])], gaps=[("The documents do not say who paid.", "Who paid?")])],
        edit=[corrections(("S4", "replace", MOVED, ["E3"]))],
        review=[
            corrections(
                ("S2", "replace", dear, ["E2"]),
                ("S3", "replace", told, ["E2"]),
                headings={"H1": "Price of the pier"},
                closed={"G1": ("none", "The documents do not say who paid for it.")},
            )
        ],
    )
    seen = request_for("review", requests)
    assert f"S3 (E2): {CHEAP}\n# H2: Use of the pier\nS4 (E3): {MOVED}\n# Conclusion\n" in seen
    assert "G1: The documents do not say who paid." in seen
    assert (texts(brief)[1:3], brief.sections[0].heading) == ([[RIGHT, told], [MOVED]], "Price of the pier")
    assert brief.gaps == ("The documents do not say who paid for it.",)
    assert actions(brief) == [("Use of the pier", "rewrite"), ("Approval and price", "rewrite")]
    assert verifier.asked[-1] == [dear, told]


def test_the_reviewer_reads_only_what_is_cited_and_the_openings_of_these_documents(composed: Compose) -> None:
    opening = chunk("audit.md", "Report of the city's auditor, 2014.", heading_path=("Audit",))
    behind = chunk("ferry.md", "In 2017 the boats went back to the old quay.", start=200, heading_path=("Ferry",))
    _, requests = composed(verifier_of(), companions={COST.id: [opening], FERRY.id: [behind]})
    seen = request_for("review", requests)
    assert COST.text in seen
    assert opening.text in seen
    assert behind.text in request_for("brief", requests)
    assert behind.text not in seen


def test_without_a_usable_reply_of_the_reviewer_the_brief_stands_and_says_so(composed: Compose) -> None:
    brief, _ = composed(verifier_of(), review=[refused(), refused()])
    assert texts(brief) == [[SUMMARY], [RIGHT, CHEAP], [MOVED], [CONCLUSION]]
    assert brief.trace.notices[-1].startswith("The model did not review the corrected brief: ")


def test_a_comparison_that_is_refused_costs_none_of_the_sentences_that_it_was_to_replace(composed: Compose) -> None:
    both = "The board approved the pier although an audit put its cost at 41 million kroner."
    review = [corrections(("S2", "replace", both, ["E1", "E2"]), ("S3", "drop", "", []))]
    brief, _ = composed(verifier_of(), review=review)
    assert texts(brief)[1] == [RIGHT, CHEAP]
    assert brief.trace.repairs == ()


def test_the_sides_of_a_disagreement_stay_a_pair(composed: Compose) -> None:
    both = "The board stood by its approval, and the auditor disputed the cost."
    verifier = verifier_of({ONE_SIDE: BOARD, OTHER_SIDE: COST, both: BOARD})
    merged = [corrections(("S5", "replace", both, ["E1"]), ("S6", "drop", "", []))]
    brief, _ = composed(verifier, outline=[DISPUTED], review=merged)
    assert [side.text for side in brief.disagreements[0].sides] == [both, OTHER_SIDE]
    dropped = [corrections(("S5", "drop", "", []), ("S6", "drop", "", []))]
    brief, _ = composed(verifier, outline=[DISPUTED], review=dropped)
    assert brief.disagreements == ()
    assert actions(brief) == [("disagreement: The price", "drop")] * 2


def test_what_the_reviewer_is_shown_can_be_cited(composed: Compose) -> None:
    issue = chunk("later.md", "Issue #12345 was closed in 2018.", heading_path=("Later",))
    told = "The issue was closed in 2018."
    brief, _ = composed(
        verifier_of({told: issue}),
        companions={COST.id: [FERRY], FERRY.id: [issue]},
        outline=[outline(APPROVAL_THEME)],
        brief=[written(use=[])],
        edit=[corrections(("S3", "add", MOVED, ["E3"]))],
        review=[corrections(("S4", "replace", told, ["E4"]))],
    )
    assert texts(brief)[1] == [RIGHT, CHEAP, told]
    assert issue in [hit.chunk for hit in brief.evidence]


def test_no_section_is_named_like_another_part(composed: Compose) -> None:
    brief, _ = composed(verifier_of(), review=[corrections(headings={"H1": "Conclusion", "H2": "Summary"})])
    assert [section.heading for section in brief.sections] == ["Approval and price", "Use of the pier"]


def test_a_gap_stays_if_the_sentence_that_answers_it_is_not_printed(composed: Compose) -> None:
    gap = "The documents do not say who paid."
    asked = [written([(RIGHT, ["E1"]), ("The state paid it all.", ["E2"])], gaps=[(gap, "Who paid?")])]
    brief, _ = composed(verifier_of(), brief=asked, edit=[corrections(closed={"G1": ("S3", "")})])
    assert brief.gaps == (gap,)
    answered = [written(gaps=[(gap, "Who paid?")])]
    better = ("S3", "replace", "An auditor put the cost at 41 million kroner.", ["E2"])
    unused = ("S3", "fallback", "The state paid 90 million.", ["E2"])
    verifier = verifier_of({better[2]: COST})
    review = [corrections(better, unused, closed={"G1": ("S3", "")})]
    brief, _ = composed(verifier, brief=answered, review=review)
    assert (texts(brief)[1][1], brief.gaps) == (better[2], ())


def test_a_brief_of_quotes_is_not_reviewed_and_repairs_stand_in_the_order_in_which_they_were_made(
    composed: Compose,
) -> None:
    told = "Since 2015 boats of Nesodden moor there."
    brief, _ = composed(
        verifier_of({told: FERRY}),
        brief=[written(use=[(WRONG_YEAR, ["E3"])])],
        edit=[refused(), refused()],
        review=[corrections(("S4", "replace", told, ["E3"]))],
    )
    assert [repair.action for repair in brief.trace.repairs] == ["quote", "rewrite"]
    nothing = written([("Nobody liked it.", ["E1"])], [("All of it sank.", ["E3"])], summary=[("It failed.", ["E1"])])
    _, requests = composed(verifier_of(), brief=[nothing], edit=[refused(), refused()])
    assert name_of(requests[-1]) == "edit"
