"""Sentence boundaries in text of several domains."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text import is_wordless_code, split_sentences, split_statements


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    "expected",
    [
        # law and business
        ["Trump Org. LLC signed the letter.", "Acme Inc. Holdings did not."],
        ["See Sec. 4 of the lease.", "The tenant pays on the first day."],
        # medicine
        ["Patients took 2.5 mg twice a day.", "Dr. Lee saw no relapse in 12 weeks."],
        # technical manuals
        ["Set the valve to approx. 3 bar.", "Then read gauge No. 7."],
        ["When Ember.Handlebars.SafeString went, java.util.List stayed.", "In Node.js Ember.A works."],
        ["In .NET, turn it off.", "It lies in a folder (.Net or .Config).", "The share fell (P = .04)."],
        ["The vec! macro calls panic!() and stops.", "Ruby has include? too!", "See https://a.org/b?c=1 for more."],
        # history and biography
        ["J.D. Gordon spoke first.", "The crowd at Ft. Worth waited until 9 p.m. on Sunday."],
        # law and science
        ["See Sec. 230, Fig. 3 and No. 5 on p. 12 of v2. 3 from last year.", "Approx. 10 people were there to see it."],
        ["As Eq. 3 and paras. 5 to 7 of the note say, it is 37 Stat. 119 and in force.", "The max. 10 mg were given."],
        ["It is in Circulation Reviews. 33, 1674-1685.", "So is Vol. 8 of them."],
        ["The court rejected the argument. 12 The plaintiff appealed."],  # the number of a note
        # minutes, with a quotation
        ["“We adjourn.” said nobody.", "Was there a quorum?", "There was."],
    ],
)
def test_abbreviations_initials_and_decimals_end_no_sentence(expected: list[str]) -> None:
    assert sentences(" ".join(expected)) == expected


@pytest.mark.parametrize(
    "expected",
    [
        [
            "Our retirement plan is with Vanguard.",
            "37signals matches half of your contributions.",
            "48% of us save more.",
        ],
        ["It lists the versions of all packages.", "npm install takes no other version of them."],
        ["The series begins in January.", "1996 is the earliest year for which it has figures."],
    ],
)
def test_a_sentence_may_begin_with_a_digit_or_a_name_in_lower_case(expected: list[str]) -> None:
    assert sentences(" ".join(expected)) == expected


def test_a_blank_line_ends_a_sentence_and_a_line_break_does_not() -> None:
    assert sentences("The budget\nwas approved\n\nItem two was not") == ["The budget\nwas approved", "Item two was not"]


def test_sentences_on_lines_of_their_own_stay_apart() -> None:
    lines = ["The vote was secret.", "The pier cost 41 million kroner.", "It was dear."]
    assert sentences("\n".join(lines)) == lines


def test_empty_text_has_no_sentence() -> None:
    assert split_sentences("") == split_sentences(" \n\n\t") == []


@given(st.text(alphabet=st.sampled_from("aB1 .?!\n\t“”'é中"), max_size=60))
def test_sentences_hold_every_character_but_white_space_once_and_in_order(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())
    assert all(sentence == sentence.strip() for sentence in sentences(text))


def test_code_is_no_statement() -> None:
    text = "Install it first.\n\n    pip install x. Then wait.\n      --quiet\n\nRun it later."
    assert [text[start:end] for start, end in split_statements(text)] == ["Install it first.", "Run it later."]


@pytest.mark.parametrize(
    ("text", "wordless"),
    [
        ("    57936c04e421d5626dae6384645d2c04c50fade9  pier-5.2.4.gem", True),
        ("    9A:B7:5C:BB:5C:75:9C:FD:5E:29:D7:0A:F6:04:63:54\n    5D:49:02:02:5D:AC:8C:27:ED:02:20:74", True),
        ("    bundle update the harbour pier", False),
        ("    CONCURRENT_REQUESTS = 16\n    DOWNLOAD_DELAY = 0", False),
        ("Here are the checksums:\n\n    57936c04e421d5626dae6384645d2c04c50fade9", False),
        ("12; 14; 19", False),
    ],
)
def test_code_without_words_states_nothing(text: str, wordless: bool) -> None:
    assert is_wordless_code(text) == wordless
