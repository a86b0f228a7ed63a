from __future__ import annotations

from collections.abc import Callable

import pytest

from rag.types import Document

MARKDOWN = """---
title: "The Letter of Intent"
date: 2015-10-28
---

# The Letter of Intent

It was **signed** in [October](https://example.org)[^1] and
ran to *seventeen* pages.<sup>2</sup>

## Terms

- a licence fee
- a share of sales
  1. of flats
  2. of offices

| year | event |
| --- | --- |
| 2015 | signed |

> They said "yes".

```
code  stays
```

[^1]: A footnote that
    has two lines.
"""


def test_markdown_becomes_plain_text_with_headings_and_without_footnotes(
    read_document: Callable[..., Document],
) -> None:
    document = read_document("letter.md", MARKDOWN)
    assert (document.title, document.date) == ("The Letter of Intent", "2015-10-28")
    assert [(heading.level, heading.text) for heading in document.headings] == [(2, "Terms")]
    assert document.text == (
        "It was signed in October and ran to seventeen pages.\n\nTerms\n\n"
        "- a licence fee\n- a share of sales\n1. of flats\n2. of offices\n\n"
        'year; event\n2015; signed\n\nThey said "yes".\n\n    code  stays'
    )


def test_footnote_number_without_brackets_is_removed_and_other_numbers_stay(
    read_document: Callable[..., Document],
) -> None:
    text = "They met in 2016. 12 The next day they left. 40 people came, and 12 stayed.\n\n[^12]: A source.\n"
    assert read_document("a.md", text).text == (
        "They met in 2016. The next day they left. 40 people came, and 12 stayed."
    )


def test_group_of_digits_that_is_the_number_of_a_footnote_stays(read_document: Callable[..., Document]) -> None:
    text = "Twitter found 3,814 Twitter accounts,814 Facebook fewer.\n\n[^814]: A source.\n"
    assert read_document("a.md", text).text == "Twitter found 3,814 Twitter accounts, Facebook fewer."


def test_code_keeps_its_lines_in_a_block_of_its_own_also_within_a_list(read_document: Callable[..., Document]) -> None:
    text = "- Install it:\n\n  ```sh\n  pip install x\n    --quiet\n  ```\n\n- Run it.\n"
    assert read_document("a.md", text).text == "- Install it:\n\n    pip install x\n      --quiet\n\n- Run it."


def test_the_mark_of_an_item_says_how_deep_it_is_nested(read_document: Callable[..., Document]) -> None:
    text = "* Budget\n  * Approved\n    * by all\n      * but one\n* Pier\n  1. Postponed\n     * to May\n"
    assert read_document("a.md", text).text == (
        "- Budget\n– Approved\n* by all\n+ but one\n- Pier\n1. Postponed\n– to May"
    )


def test_header_block_gives_title_and_date_and_its_other_fields_stay(read_document: Callable[..., Document]) -> None:
    document = read_document(
        "a.md", "Title: On Arms\nAuthor: A. Writer\nDate: 2 May 2019\n\n# Scope\n\nText.\n\n# Means\n"
    )
    assert (document.title, document.date) == ("On Arms", "2019-05-02")
    assert document.text.startswith("Author: A. Writer\nDate: 2 May 2019\n\nScope")


def test_character_classes_in_code_are_no_footnote_marks(read_document: Callable[..., Document]) -> None:
    text = read_document(
        "m.md",
        "The pattern `[^a-f]+` skips.[^1] So does [^x] in prose.\n\n```\nre.sub('[^;]*$', '<sup>2</sup>')\n```\n\n"
        "| what | how |\n|---|---|\n| tail | `[^_]` |\n\n[^1]: A real footnote.\n",
    ).text
    assert "The pattern [^a-f]+ skips. So does [^x] in prose." in text
    assert "re.sub('[^;]*$', '<sup>2</sup>')" in text
    assert "tail; [^_]" in text
    assert "A real footnote" not in text


def test_sentence_over_a_rule_is_text_and_a_title_over_it_a_heading(read_document: Callable[..., Document]) -> None:
    document = read_document("r.md", "Tolls\n---\nThe lock costs three crowns on Sundays.\n---\nBoats go first.\n")
    assert document.text == "Tolls\n\nThe lock costs three crowns on Sundays.\n\nBoats go first." or (
        document.title == "Tolls" and document.text.startswith("The lock costs three crowns on Sundays.")
    )
    assert "The lock costs three crowns on Sundays." not in [heading.text for heading in document.headings]


def test_link_to_a_page_of_a_template_gives_its_text(read_document: Callable[..., Document]) -> None:
    text = 'Ask for [a room]({% page "/rooms/" %}#how) or [leave]({{ site.url }} "Home") [here](b.md).'
    assert read_document("a.md", text).text == "Ask for a room or leave here."
    beside = "Ask [a]({{ x }}/my page) and stay, see [b]({{ y }}) and `[c]({{ z }})`."
    assert read_document("b.md", beside).text == "Ask [a]({{ x }}/my page) and stay, see b and [c]({{ z }})."


def test_toml_front_matter_gives_title_and_date(read_document: Callable[..., Document]) -> None:
    front = '+++\npath = "2021/02/01/a"\ntitle = "Welcoming Ada"\ndate = 2021-02-01\n\n[extra]\nteam = "Core"\n+++\n'
    document = read_document("a.md", f"{front}\nAda joins the team.\n")
    assert (document.title, document.date, document.text) == ("Welcoming Ada", "2021-02-01", "Ada joins the team.")


def test_other_fields_of_the_front_matter_are_text_and_those_that_steer_the_site_are_counted(
    read_document: Callable[..., Document],
) -> None:
    kept = "title: Set code\nstatus: Final\nsummary: 'Accounts set\n  their code.'\nrequires: 2, 161\n"
    front = f"---\n{kept}layout: page\ntags: [a, b]\nmath: true\nrecords:\n  - x\n---\n"
    document = read_document("a.md", f"{front}\n# Abstract\n\nAccounts set their code.\n")
    assert document.text.startswith("status: Final\nsummary: Accounts set their code.\nrequires: 2, 161\n")
    assert "layout" not in document.text
    [left_out] = [each for each in document.coverage.omissions if each.what == "fields of the front matter"]
    assert left_out.count == 4


def test_a_front_matter_of_blocks_and_comments_is_read_and_one_that_is_no_yaml_line_by_line(
    read_document: Callable[..., Document],
) -> None:
    block = "---\ntitle: Locks\nnotes: >\n  Nobody opens\n  the lock.\nversions: # none yet\n---\n\nText.\n"
    assert read_document("a.md", block).text.startswith("notes: Nobody opens the lock.\n\n")
    plain = read_document("b.md", "---\ntitle: Part 2: Costs\nstatus: draft\n---\n\nText.\n")
    assert (plain.title, plain.text) == ("Part 2: Costs", "status: draft\n\nText.")


@pytest.mark.parametrize(
    "passage",
    [
        "\nThe fee is 40 euros.\n",
        "The quay is closed in May.\n\nIt costs 4 million: nobody objected.",
        "Note: the fee: 40 euros.\nIt is due in May.",
        "- The fee rises.\n- The quay is closed.",
    ],
)
def test_text_between_two_rules_is_no_front_matter(read_document: Callable[..., Document], passage: str) -> None:
    words = passage.replace("- ", "").split()
    for name in ("a.md", "a.html"):
        text = read_document(name, f"---\n{passage}\n---\n\nThe rest is here.\n").text
        assert " ".join(words) in " ".join(text.replace("- ", "").split())
        assert "The rest is here." in text


def test_a_page_without_a_date_has_that_of_its_last_change(read_document: Callable[..., Document]) -> None:
    document = read_document("a.md", "---\ntitle: Profiles\nlastmod: 2026-07-14\n---\n\nAn order names a profile.\n")
    assert document.date == "2026-07-14"


def test_a_front_matter_may_name_its_date_in_two_words_and_have_a_table(read_document: Callable[..., Document]) -> None:
    front = (
        "stage: released\nstart-date: 2019-02-14T00:00:00.000Z\nversions:\n  ember: v3.27\nlinks:\n  a: https://a.org/1"
    )
    document = read_document("a.md", f"---\n{front}\n---\n\nTemplates are strict.\n")
    assert document.date == "2019-02-14"
    assert document.text == "stage: released\nversions: ember v3.27\n\nTemplates are strict."


@pytest.mark.parametrize(
    ("opening", "date"),
    [
        ("- Feature Name: `lock`\n- Start Date: 2017-10-31\n", "2017-10-31"),
        ("# Locks\n\nAuthor: Ada Berg\n\nLast updated: October 2, 2018\n", "2018-10-02"),
        ("* Status: **Draft**\n* Updated: July 2013\n", "2013-07"),
        ("- Start Date: (fill me in with today's date)\n", None),
        ("The board met.\n\n" * 8 + "Date: 2018-10-02\n", None),  # too far below to be of the document
        ("Due date: 2018-10-02\n", None),
        ("Last Updated March 18, 2024\n", "2024-03-18"),
        ("Updated rules hold from May 2020\n", None),
    ],
)
def test_a_field_at_the_beginning_of_a_text_gives_its_date(
    read_document: Callable[..., Document], opening: str, date: str | None
) -> None:
    assert read_document("a.md", f"{opening}\n## Summary\n\nThe lock opens on Sundays.\n").date == date


def test_toml_front_matter_that_cannot_be_parsed_is_text(read_document: Callable[..., Document]) -> None:
    assert "title = unquoted" in read_document("a.md", "+++\ntitle = unquoted\n+++\n\nAda joins.\n").text


def test_the_day_in_the_address_of_a_page_is_its_date(read_document: Callable[..., Document]) -> None:
    post = '+++\npath = "2024/10/17/Rust-1.82.0"\ntitle = "Announcing Rust 1.82.0"\n+++\n\nIt is out.\n'
    assert read_document("r.md", post).date == "2024-10-17"
    assert read_document("r.md", post.replace("title = ", "date = 2023-01-02\ntitle = ")).date == "2023-01-02"


def test_a_heading_without_the_space_of_commonmark_is_a_heading_outside_code(
    read_document: Callable[..., Document],
) -> None:
    """A manual of 266 such headings had them in its sentences: "##Costs Identify the costs"."""
    text = "# Guide\n\nPlan it.\n##Costs\nIdentify them.\n\n```\n##not a heading\n```\n\nAsk in\n#channel.\n"
    document = read_document("a.md", text)
    assert [heading.text for heading in document.headings] == ["Costs"]
    assert "##not a heading" in document.text
    assert "#channel" in document.text


def test_attributes_of_kramdown_pandoc_and_hugo_are_no_text(read_document: Callable[..., Document]) -> None:
    text = (
        '# Ships\n\n## Pilots {: #pilots .wide title="a b" }\n\nTwo wait. {:.intro}\n\n{: .list}\n\n## Fees {#fees}\n\n'
    )
    text += (
        "- One pays. {#one}\n\nSee [here](a.html){.button}, or print `{:?}` and `{#x}`, {:>8} and {.Name}, they say.\n"
    )
    document = read_document("a.md", text)
    assert [heading.text for heading in document.headings][-2:] == ["Pilots", "Fees"]
    assert document.text == (
        "Pilots\n\nTwo wait.\n\nFees\n\n- One pays.\n\nSee here, or print {:?} and {#x}, {:>8} and {.Name}, they say."
    )
