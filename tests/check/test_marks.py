"""Citation marks of other tools and people: what is a mark, what it cites, and what stays prose."""

from __future__ import annotations

import pytest

from rag.check.markdown import parse_markdown

NUMBERED = "\n\n## Sources\n\n1. service.md\n2. docs/building.md\n3. return.md\n"
AUTHORS = """

## References

- Hale, J. (1931). The service of the tram. service.md
- Moss, I., & Lee, K. (2004a). Building the tram. building.md
- World Bank. (2011). Trams. trams.md
"""
KEYS = "\n\n## References\n\n1. (Hale1931 pages 2-3): Hale. 1931. service.md\n2. (Moss2004 page 1): Moss. building.md\n"


def cited(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(claim.text, claim.citations) for claim in parse_markdown(text).claims]


def entries(text: str) -> dict[str, str]:
    return {key: source.entry for key, source in parse_markdown(text).sources.items()}


@pytest.mark.parametrize(
    ("sentence", "keys"),
    [
        ("It opened in 1926 [1, 2].", ("1", "2")),
        ("It opened in 1926 [1–3].", ("1", "2", "3")),
        ("It opened in 1926.[[2]]", ("2",)),
        ("It opened in 1926 [1; 3].", ("1", "3")),
        ("It opened in 1926.[^1][^3]", ("1", "3")),
        ("It opened in 1926 [Source 2].", ("2",)),
        ("It opened in 1926.¹", ("1",)),
        ("It opened in 1926.¹ ³", ("1", "3")),
        ("It opened in 1926.¹⁻³", ("1", "2", "3")),
        ("It opened in 1926.<sup>1,2</sup>", ("1", "2")),
        ("It opened in 1926.<sup>[2]</sup>", ("2",)),
        ("It opened in 1926 (1, 2).", ("1", "2")),
        ("It opened in 1926 【2†source】.", ("2",)),
        ("It opened in 1926【4:1†building.md】.", ("2",)),
        ("It opened in 1926 [building.md].", ("2",)),
        ("It opened in 1926 (docs/building.md, p. 3).", ("2",)),
        ("It opened in 1926 [7].", ("7",)),
    ],
)
def test_numbers_and_files_lead_to_the_entries_of_a_list(sentence: str, keys: tuple[str, ...]) -> None:
    assert cited(sentence + NUMBERED) == [("It opened in 1926.", keys)]


@pytest.mark.parametrize(
    ("sentence", "keys"),
    [
        ("It opened in 1926 (Hale, 1931).", ("Hale 1931",)),
        ("It opened in 1926 (Hale 1931: 12).", ("Hale 1931",)),
        ("It opened in 1926 (see Hale, 1931, pp. 3–5).", ("Hale 1931",)),
        ("It opened in 1926 (Moss and Lee, 2004a; Hale, 1931).", ("Moss 2004a", "Hale 1931")),
        ("It opened in 1926 (Moss et al., 2004a).", ("Moss 2004a",)),
        ("It opened in 1926 (World Bank, 2011).", ("World 2011",)),
        ("It opened in 1926 [Hale, 1931].", ("Hale 1931",)),
        ("It opened in 1926 (Hale, 1931, Moss & Lee, 2004a).", ("Hale 1931", "Moss 2004a")),
        ("It opened in 1926 (Pratt, 1999).", ("Pratt, 1999",)),
    ],
)
def test_authors_and_years_lead_to_the_entries_that_begin_with_them(sentence: str, keys: tuple[str, ...]) -> None:
    assert cited(sentence + AUTHORS) == [("It opened in 1926.", keys)]


def test_a_year_after_an_author_in_the_sentence_is_a_citation() -> None:
    text = "According to Hale (1931), the depot burned down. The fair of Lindow (1931) was large."
    assert cited(text + AUTHORS) == [
        ("According to Hale, the depot burned down.", ("Hale 1931",)),
        ("The fair of Lindow (1931) was large.", ()),
    ]


@pytest.mark.parametrize(
    ("sentence", "keys"),
    [
        ("It opened in 1926 (Hale1931 pages 2-3).", ("1",)),
        ("It opened in 1926 (Hale1931 pages 2-3, Moss2004 page 1).", ("1", "2")),
        ("It opened in 1926 (Moss2004 pages 8-9).", ("2",)),
        ("It opened in 1926 (Pratt1999 pages 1-2).", ("Pratt1999",)),
    ],
)
def test_the_names_that_entries_give_themselves_are_citations(sentence: str, keys: tuple[str, ...]) -> None:
    assert cited(sentence + KEYS) == [("It opened in 1926.", keys)]


@pytest.mark.parametrize(
    ("text", "keys", "listed"),
    [
        ("It opened.[^1_1][^1_2]\n\n[^1_1]: service.md\n\n[^1_2]: building.md\n", ("1_1", "1_2"), "service.md"),
        ("It opened.[^a-book]\n\n[^a-book]: service.md, in\n    two lines\n", ("a-book",), "service.md, in two lines"),
        ("It opened [@hale1931, p. 5; @moss].\n\n## Sources\n\n[@hale1931]: a.md\n", ("hale1931", "moss"), "a.md"),
        ("It opened \\cite{hale1931}.\n\n## References\n\n- [hale1931] service.md\n", ("hale1931",), "service.md"),
        ("It opened 【4:0†source】.\n\n## Sources\n\n【4:0†source】 service.md\n", ("4:0†source",), "service.md"),
        ("It opened [1].\n\n## Sources\n\n| # | file |\n|---|---|\n| 1 | service.md |\n", ("1",), "service.md"),
        ("It opened.¹\n\n## Notes and sources\n\n## Sources\n\n¹ service.md\n", ("1",), "service.md"),
    ],
)  # fmt: skip
def test_notes_and_keys_are_citations_with_their_definitions(text: str, keys: tuple[str, ...], listed: str) -> None:
    assert cited(text) == [("It opened.", keys)]
    assert entries(text)[keys[0]] == listed


@pytest.mark.parametrize(
    ("text", "plain", "key"),
    [
        ("It opened in 1926 ([Hale](docs/service.md)).", "It opened in 1926.", "docs/service.md"),
        ("The [record](docs/my%20record.md#page-2) names 1926.", "The record names 1926.", "docs/my record.md"),
        ("It opened in 1926 (https://example.org/tram).", "It opened in 1926.", "https://example.org/tram"),
        ("It opened in 1926 ([a](a.md), [b](b.md)).", "It opened in 1926.", "a.md"),
        ("It opened in 1926【4:0†service.md】.", "It opened in 1926.", "service.md"),
        ("It opened in 1926 [service.md].", "It opened in 1926.", "service.md"),
    ],
)  # fmt: skip
def test_links_and_files_cite_themselves_where_there_is_no_list(text: str, plain: str, key: str) -> None:
    [(sentence, keys)] = cited(text)
    assert (sentence, keys[0]) == (plain, key)
    assert entries(text)[key] == key


def test_a_link_in_a_sentence_with_another_mark_is_no_citation() -> None:
    assert cited("The [tram](https://example.org) opened in 1926 [1]." + NUMBERED) == [
        ("The tram opened in 1926.", ("1",))
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "It covers 12 km² and 9 m² of land [1].",
        "He wrote that it [sic] opened [1].",
        "It opened (Lindow, 1926) and closed [1].",
        "It opened early (June 4, 1926) and closed [1].",
        "The plan (README.md) was kept [1].",
        "It has (1) cars and (2) bells [1].",
        "It rose to x³ of the price [1].",
        "The [1926] works went on [1].",
        "Its [town hall](#hall) stands [1].",
    ],
)
def test_what_may_be_prose_is_prose_where_the_brief_cites_by_numbers(sentence: str) -> None:
    [(text, keys)] = cited(sentence + NUMBERED)
    assert keys == ("1",)
    assert text == sentence.replace(" [1].", ".").replace("[town hall](#hall)", "town hall")


def test_marks_after_a_stop_belong_to_the_sentence_before_them() -> None:
    text = "It opened in 1926. [1] It burned down.[2]It closed.[3]"
    assert cited(text + NUMBERED) == [
        ("It opened in 1926.", ("1",)),
        ("It burned down.", ("2",)),
        ("It closed.", ("3",)),
    ]


def test_references_without_marks_are_entries_of_their_own_and_no_claims() -> None:
    references = "Hale, J. (1931). The service.\nservice.md\nMoss, I. (2004). Building.\n"
    text = f"It opened (Hale, 1931).\n\nReferences\n\n{references}"
    assert list(entries(text)) == ["Hale 1931", "Moss 2004"]
    assert len(cited(text)) == 1
