"""What is left out is counted by kind and place, and told in words."""

from __future__ import annotations

from rag.ingest.omissions import Tally, describe_omission
from rag.types import Omission


def test_omissions_are_counted_by_kind_and_losses_come_first() -> None:
    tally = Tally()
    for page in (3, 1, 2):
        tally.add("footnotes", part=page, count=2)
    tally.add("no text layer", part=7)
    tally.add("images", count=0)
    assert tally.omissions() == (
        Omission(what="no text layer", count=1, parts=(7,), lost=True),
        Omission(what="footnotes", count=6, parts=(1, 2, 3)),
    )
    assert tally.has(7)
    assert not tally.has(4)


def test_an_omission_is_told_with_its_number_and_its_places() -> None:
    omission = Omission(what="footnotes", count=9, parts=(1, 2, 3, 7), detail="font A")
    assert describe_omission(omission, "page") == "9 footnotes (pages 1–3, 7: font A)"
    assert describe_omission(Omission(what="no text layer", parts=(4,)), "page") == "no text layer (page 4)"
    assert describe_omission(Omission(what="comments", count=2)) == "2 comments"


def test_details_are_few_and_short() -> None:
    tally = Tally()
    for n in range(50):
        tally.add("hidden text", detail=f"{n} " + "words " * 50)
    (omission,) = tally.omissions()
    assert omission.count == 50
    assert len(omission.detail) < 450
    assert omission.detail.endswith("; …")
