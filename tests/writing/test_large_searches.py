"""What is searched for and read for a brief by a large model, and which gaps it leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from briefs import chunk
from fault_server import ScriptedReply, refused
from pier_brief import (
    APPROVAL_THEME,
    BACK,
    FERRY,
    HITS,
    MOVED,
    QUAY,
    QUAY_HIT,
    QUERY,
    SEARCHING,
    USE,
    USE_THEME,
    Compose,
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

from rag.types import Hit
from rag.writing.large_composition import FOUND_PER_SEARCH


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
