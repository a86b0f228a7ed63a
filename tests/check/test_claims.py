"""Reading briefs that others wrote: which sentence cites what."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from briefs import answered

from rag.check.claims import from_markdown, read_claims
from rag.errors import ReadError, UsageError
from rag.render import render

FOREIGN = """# What did Manafort do?

Executive summary
Manafort met Kilimnik in May.[1] He gave him data [1, 3]; prosecutors objected [2-3]. Nobody knows why.

## Sources
1. Mueller report, report.pdf
[2] https://example.org/story
- [3]: `notes.md`, a memo
  in two lines
"""


def cited(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(claim.text, claim.citations) for claim in from_markdown(text).claims]


def test_markers_go_to_the_sentence_they_stand_in_or_right_after() -> None:
    assert cited(FOREIGN) == [
        ("Manafort met Kilimnik in May.", ("1",)),
        ("He gave him data; prosecutors objected.", ("1", "3", "2")),
        ("Nobody knows why.", ()),
    ]


def test_the_source_list_is_read_in_every_common_form_and_is_no_claim() -> None:
    sources = {key: listed.entry for key, listed in from_markdown(FOREIGN).sources.items()}
    assert sources == {
        "1": "Mueller report, report.pdf",
        "2": "https://example.org/story",
        "3": "`notes.md`, a memo in two lines",
    }


def test_headings_tell_where_a_claim_stands_and_claim_nothing() -> None:
    assert [claim.where for claim in from_markdown(FOREIGN).claims] == ["Executive summary"] * 3


def test_markers_that_are_links_and_footnotes_name_their_own_source() -> None:
    found = from_markdown("Ozone recovers [1](https://example.org/ozone). It did.[^2]\n\n[^2]: ozone.txt\n")
    assert [claim.citations for claim in found.claims] == [("1",), ("2",)]
    assert {key: listed.entry for key, listed in found.sources.items()} == {
        "1": "https://example.org/ozone",
        "2": "ozone.txt",
    }


@pytest.mark.parametrize("form", ["md", "json"])
def test_our_own_briefs_are_read_as_they_were_written(form: str, tmp_path: Path) -> None:
    brief = answered()
    path = tmp_path / f"brief.{form}"
    path.write_text(render(brief, form))  # type: ignore[arg-type]
    found = read_claims(path)
    assert len(found.claims) == len(list(brief.sentences()))
    assert len(found.sources) == len(brief.cited())
    assert all(set(claim.citations) <= set(found.sources) for claim in found.claims)


def test_a_passage_that_was_tampered_with_is_told(tmp_path: Path) -> None:
    content = json.loads(render(answered(), "json"))
    content["sources"][0]["text"] = content["sources"][0]["text"].replace("a", "e")
    path = tmp_path / "brief.json"
    path.write_text(json.dumps(content))
    first = next(iter(read_claims(path).sources.values()))
    assert "not the id of the passage" in first.fault


@pytest.mark.parametrize(
    ("name", "content", "error", "says"),
    [
        ("gone.md", None, UsageError, "no such file"),
        ("empty.md", b"# Only a heading\n", ReadError, "no sentence to check"),
        ("other.json", b"[1, 2]", ReadError, "not the JSON of a brief"),
        ("latin.md", "Müller [1].".encode("latin-1"), ReadError, "not UTF-8"),
    ],
)
def test_what_is_no_brief_is_told_by_name(
    name: str, content: bytes | None, error: type[Exception], says: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=rf"{name}.*{says}"):
        read_claims(tmp_path / name)
