"""Parsing briefs that others wrote in Markdown: which sentence cites what."""

from __future__ import annotations

import pytest

from rag.check.markdown import parse_markdown

FOREIGN = """# What did Manafort do?

Executive summary
Manafort met Kilimnik in May.[1] He gave him data [1, 3]; prosecutors objected [2-3]. Nobody knows why.

## Sources
1. Mueller report, report.pdf
[2] https://example.org/story
- [3]: `notes.md`, a memo
  in two lines
"""


def citations(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(claim.text, claim.citations) for claim in parse_markdown(text).claims]


def entries(text: str) -> dict[str, str]:
    return {key: source.entry for key, source in parse_markdown(text).sources.items()}


def test_a_marker_belongs_to_the_sentence_that_contains_it_or_that_it_follows() -> None:
    assert citations(FOREIGN) == [
        ("Manafort met Kilimnik in May.", ("1",)),
        ("He gave him data; prosecutors objected.", ("1", "3", "2")),
        ("Nobody knows why.", ()),
    ]


def test_a_full_stop_behind_a_mark_ends_a_sentence_before_any_word() -> None:
    text = (
        "It says so [1]. 37signals pays half [2]. npm is no bank [1][3]. No. 5 of v2. 3 is. Smith et al. [4] pay half."
    )
    assert citations(text) == [
        ("It says so.", ("1",)),
        ("37signals pays half.", ("2",)),
        ("npm is no bank.", ("1", "3")),
        ("No. 5 of v2. 3 is.", ()),
        ("Smith et al. pay half.", ("4",)),
    ]


def test_the_source_list_is_read_in_every_common_form_and_is_no_claim() -> None:
    assert entries(FOREIGN) == {
        "1": "Mueller report, report.pdf",
        "2": "https://example.org/story",
        "3": "`notes.md`, a memo in two lines",
    }


def test_a_claim_is_located_by_its_heading_and_headings_are_no_claims() -> None:
    assert [claim.where for claim in parse_markdown(FOREIGN).claims] == ["Executive summary"] * 3


def test_links_and_footnotes_as_markers_name_their_own_source() -> None:
    text = "Ozone recovers [1](https://example.org/ozone). It did.[^2]\n\n[^2]: ozone.txt\n"
    assert [cited for _, cited in citations(text)] == [("1",), ("2",)]
    assert entries(text) == {"1": "https://example.org/ozone", "2": "ozone.txt"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Who met him? He met Kilimnik [1].", [("He met Kilimnik.", ("1",))]),
        ("Was it May? [1]", [("Was it May?", ("1",))]),
        ("Ozone recovers [1].\n\n*citebrief 0.1.0: checked by a rule.*", [("Ozone recovers.", ("1",))]),
        ("## What was not found\n\n- Nothing about rain.", []),
        ("## What the corpus does not say\n\n- Nothing about rain.", []),  # of briefs by earlier versions
    ],
    ids=["question", "cited question", "provenance", "gaps", "earlier gaps"],
)
def test_uncited_questions_provenance_and_gaps_are_no_claims(
    text: str, expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    assert citations(text) == expected


def test_what_a_disagreement_is_about_is_no_claim_however_long_it_is() -> None:
    about = "Whether the old pier at the mouth of the river was paid by the state or by the town"
    sides = "- The state paid [1].\n- The town paid [2]."
    text = f"## Where the sources disagree\n\n**{about}**\n\n{sides}\n\n**It cost 41 million.**"
    assert [claim.text for claim in parse_markdown(text).claims] == [
        "The state paid.",
        "The town paid.",
        "It cost 41 million.",
    ]


@pytest.mark.parametrize("heading", ["## 2. Sources", "## 3. References", "2. Literature"])
def test_a_numbered_section_of_prose_may_be_named_like_a_source_list(heading: str) -> None:
    section = f"{heading}\n\nThe papers lie in Bergen [1]. They are few [1]."
    text = f"## 1. Cost\n\nIt was dear [1].\n\n{section}\n\n## Sources\n\n[1] a.md\n"
    assert [claim.text for claim in parse_markdown(text).claims] == [
        "It was dear.",
        "The papers lie in Bergen.",
        "They are few.",
    ]
    assert entries(f"It was dear [1].\n\n{heading}\n\n1. a.md, a report\n") == {"1": "a.md, a report"}
