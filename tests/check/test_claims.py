"""Reading the file of a brief, in JSON or Markdown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from briefs import answered, insufficient

from rag.check import DISAGREEMENT_PART, read_claims
from rag.errors import ReadError, UsageError
from rag.render import Format, render


@pytest.mark.parametrize("form", ["md", "json"])
def test_every_sentence_and_source_of_a_rendered_brief_is_read(form: Format, tmp_path: Path) -> None:
    brief = answered()
    path = tmp_path / f"brief.{form}"
    path.write_text(render(brief, form), encoding="utf-8")
    parsed = read_claims(path)
    assert len(parsed.claims) == len(list(brief.sentences()))
    assert len(parsed.sources) == len(brief.cited())
    assert all(set(claim.citations) <= set(parsed.sources) for claim in parsed.claims)


def test_json_gives_the_place_of_each_claim_and_the_uncited_passages(tmp_path: Path) -> None:
    path = tmp_path / "brief.json"
    path.write_text(render(answered(), "json"), encoding="utf-8")
    parsed = read_claims(path)
    assert list(dict.fromkeys(claim.where for claim in parsed.claims)) == [
        "summary",
        "1. The Moscow tower that was never built",
        "2. Polling data & Konstantin Kilimnik",
        "conclusion",
        DISAGREEMENT_PART,
    ]
    assert [chunk.text for chunk in parsed.spare] == ["Nobody cites this."]


def test_a_brief_without_an_answer_has_no_claims(tmp_path: Path) -> None:
    path = tmp_path / "brief.json"
    path.write_text(render(insufficient(), "json"), encoding="utf-8")
    assert read_claims(path).claims == ()


def test_a_passage_that_does_not_match_its_chunk_id_has_a_fault(tmp_path: Path) -> None:
    content = json.loads(render(answered(), "json"))
    content["sources"][0]["text"] = content["sources"][0]["text"].replace("a", "e")
    path = tmp_path / "brief.json"
    path.write_text(json.dumps(content))
    first = next(iter(read_claims(path).sources.values()))
    assert "not the id of the passage" in first.fault


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("gone.md", None, UsageError, "no such file"),
        ("empty.md", b"# Only a heading\n", ReadError, "no sentence to check"),
        ("other.json", b"[1, 2]", ReadError, "not the JSON of a brief"),
        ("latin.md", "Müller [1].".encode("latin-1"), ReadError, r"not UTF-8 text \(byte 1\)"),
    ],
)
def test_a_file_that_is_no_brief_is_refused_by_name(
    name: str, content: bytes | None, error: type[Exception], message: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=rf"{name}.*{message}"):
        read_claims(tmp_path / name)


def test_a_brief_without_an_answer_has_nothing_to_check_and_html_is_refused(tmp_path: Path) -> None:
    refusal, page = tmp_path / "brief.md", tmp_path / "brief.html"
    refusal.write_text(render(insufficient(), "md"), encoding="utf-8")
    assert read_claims(refusal).claims == ()
    page.write_text(render(answered(), "html"), encoding="utf-8")
    with pytest.raises(ReadError, match="give the Markdown or the JSON"):
        read_claims(page)
