"""What is searched for and read for a brief by a large model, and which gaps it leaves."""

from __future__ import annotations

from briefs import chunk
from pier_brief import (
    APPROVAL,
    BACK,
    BOARD,
    COST,
    FERRY,
    HITS,
    MOVED,
    QUAY,
    QUAY_HIT,
    QUERY,
    RIGHT,
    USE,
    Compose,
    Search,
    corrections,
    request_for,
    selection,
    texts,
    verifier_of,
    written,
)

from rag.types import Hit


def test_what_the_model_chooses_and_what_its_searches_find_is_what_the_brief_is_written_from(
    composed: Compose,
) -> None:
    brief, requests = composed(
        verifier_of({BACK: QUAY}),
        finds={QUERY: [HITS[2], QUAY_HIT]},
        select=[selection("E3", "E1", searches=[QUERY])],
        brief=[written([(RIGHT, ["E1"])], [(MOVED, ["E3"]), (BACK, ["E4"])])],
    )
    assert all(each.text in request_for("select", requests) for each in (BOARD, COST, FERRY))
    assert "- It is not known who paid.\n" in request_for("select", requests)
    read = request_for("brief", requests)
    assert all(each.text in read for each in (BOARD, FERRY, QUAY))
    assert COST.text not in read
    assert f"Searched for already:\n- {QUERY}\n" in read
    assert texts(brief)[2] == [MOVED, BACK]
    assert [(hit.chunk, hit.rank) for hit in brief.evidence[3:]] == [(QUAY, 4)]


def test_what_stands_behind_a_chosen_passage_is_evidence_of_the_brief_and_may_be_cited(composed: Compose) -> None:
    behind = chunk("ferry.md", "In 2017 the boats went back to the old quay.", start=200, heading_path=("Ferry",))
    brief, requests = composed(
        verifier_of({BACK: behind}),
        companions={FERRY.id: [behind]},
        brief=[written(use=[*USE, (BACK, ["E4"])])],
    )
    assert behind.text not in request_for("select", requests)
    assert texts(brief)[2] == [MOVED, BACK]
    assert [(hit.chunk, hit.rank, hit.found_by) for hit in brief.evidence[3:]] == [(behind, 4, ("neighbour",))]


def test_the_opening_of_a_document_is_evidence_of_the_brief_and_may_be_cited(composed: Compose) -> None:
    opening = chunk("cost.md", "Status: audited in 2014.")
    told = "The audit was made in 2014."
    brief, _ = composed(
        verifier_of({told: opening}),
        companions={COST.id: [opening]},
        select=[selection("E1", "E2", "E4")],
        brief=[written([*APPROVAL[:1], (told, ["E3"])], [(MOVED, ["E4"])])],
    )
    assert texts(brief)[1] == [RIGHT, told]
    assert brief.sections[0].sentences[1].citations == (opening.id,)
    assert [(hit.chunk, hit.rank, hit.found_by) for hit in brief.evidence[3:]] == [(opening, 4, ("neighbour",))]


IS_OPEN = "The old quay is open."


def test_the_opening_of_a_document_that_was_searched_for_may_be_cited(composed: Compose) -> None:
    opening = chunk("quay.md", "Status: the quay is open.")
    quay = chunk("quay.md", "Since 2017 the old quay serves the boats again.", start=90)
    brief, _ = composed(
        verifier_of({IS_OPEN: opening}),
        finds={QUERY: [Hit(chunk=quay, rank=1, score=0.5)]},
        beside_found={quay.id: [opening]},
        brief=[written(searches=[QUERY])],
        edit=[corrections(("S4", "add", IS_OPEN, ["E4"]))],
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


def test_the_gaps_of_the_brief_replace_those_that_were_known_and_are_searched_for(composed: Compose) -> None:
    gap = "The passages do not say where the boats are now."
    brief, requests = composed(verifier_of(), finds={QUERY: [QUAY_HIT]}, brief=[written(gaps=[(gap, QUERY)])])
    # The writer is told what is known to be missing, and says what is.
    assert "- It is not known who paid.\n" in request_for("brief", requests)
    assert brief.gaps == (gap,)
    assert f"G1: {gap}\n" in request_for("edit", requests)
    assert QUAY.text in request_for("edit", requests)


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


def test_both_searches_are_told_what_is_at_hand_and_what_is_read_already(composed: Compose) -> None:
    beside = chunk("ferry.md", "In 2017 the boats went back.", start=200, heading_path=("Ferry",))
    gap, gap_query = "The documents found do not say who paid.", "who paid for the pier"
    searched: list[Search] = []
    composed(
        verifier_of(),
        companions={FERRY.id: [beside]},
        searched=searched,
        select=[selection("E3", "E1", searches=[QUERY])],
        brief=[written([(RIGHT, ["E1"])], gaps=[(gap, gap_query)], searches=["the pier today"])],
    )
    read = {BOARD.id, FERRY.id, beside.id}
    assert searched == [
        ([], [QUERY], [FERRY.id, BOARD.id], read),
        ([gap_query], ["the pier today"], [BOARD.id, FERRY.id], read),
    ]


def test_a_passage_that_is_evidence_already_keeps_its_rank_where_a_search_finds_it(composed: Compose) -> None:
    brief, _ = composed(
        verifier_of(),
        finds={QUERY: [HITS[1], QUAY_HIT]},
        select=[selection("E1", "E3", searches=[QUERY])],
        brief=[written()],
    )
    assert [(hit.chunk, hit.rank) for hit in brief.evidence] == [*((hit.chunk, hit.rank) for hit in HITS), (QUAY, 4)]


def test_the_editor_is_told_what_was_found_for_it(composed: Compose) -> None:
    _, requests = composed(verifier_of(), finds={QUERY: [QUAY_HIT]}, brief=[written(searches=[QUERY])])
    assert "Found since the brief was written: E4\n" in request_for("edit", requests)
    _, requests = composed(verifier_of())
    assert "Found since the brief was written: nothing\n" in request_for("edit", requests)
