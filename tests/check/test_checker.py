"""``citebrief check``: every sentence of any brief against what it cites, with the real verifier and real files."""

from __future__ import annotations

import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from rag import pipeline
from rag.check.checker import Checked, Report, as_json, as_text, check_brief
from rag.config import Settings, load_settings
from rag.render import render

CORPUS = Path(__file__).parents[2] / "corpus"
FACT = "The Montreal Protocol on Substances that Deplete the Ozone Layer was adopted on September 16, 1987"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two documents and no index."""
    for name in ("montreal-protocol-ozone.md", "papadopoulos.md"):
        shutil.copy(CORPUS / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checked(directory: Path, text: str, settings: Settings | None = None, *, fetch: bool = False) -> Report:
    (directory / "brief.md").write_text(text)
    return check_brief(
        str(directory / "brief.md"), settings or load_settings({"store": str(directory / "nowhere")}), fetch=fetch
    )


def only(report: Report) -> Checked:
    [each] = report.checked
    return each


@pytest.mark.parametrize(
    "entry",
    [
        "montreal-protocol-ozone.md",
        "The ozone file, `montreal-protocol-ozone.md`, 2020",
        "[x](montreal-protocol-ozone.md)",
    ],
)
def test_a_foreign_brief_that_cites_files_is_checked_against_them(here: Path, entry: str) -> None:
    report = checked(here, f"{FACT} [1].\n\n## Sources\n\n[1] {entry}\n")
    assert report.share == 1
    assert FACT in only(report).quotes[0].text


def test_a_changed_date_is_not_supported_and_says_why(here: Path) -> None:
    wrong = FACT.replace("September 16, 1987", "September 16, 1991")
    each = only(checked(here, f"{wrong} [1].\n\n## Sources\n\n[1] montreal-protocol-ozone.md\n"))
    assert each.verdict.support == "none"
    assert "1991" in each.verdict.reason


def test_a_better_citation_is_found_among_the_other_sources(here: Path) -> None:
    sources = "## Sources\n\n[1] papadopoulos.md\n[2] montreal-protocol-ozone.md\n"
    each = only(checked(here, f"{FACT} [1].\n\n{sources}"))
    assert each.verdict.support != "full"
    assert each.better is not None
    assert each.better.document_id == "montreal-protocol-ozone.md"


def test_a_better_citation_is_found_in_the_index(here: Path) -> None:
    settings = load_settings({"store": str(here / "store")})
    pipeline.index([str(here / "montreal-protocol-ozone.md"), str(here / "papadopoulos.md")], settings)
    each = only(checked(here, f"{FACT} [1].\n\n## Sources\n\n[1] papadopoulos.md\n", settings))
    assert each.better is not None
    assert each.better.document_id == "montreal-protocol-ozone.md"


@pytest.mark.parametrize(
    ("sentence", "support", "says"),
    [
        ("The Montreal Protocol was adopted in 1987.", "none", "cites nothing"),
        ("The Montreal Protocol was adopted in 1987 [7].", "none", "cites 7, which the source list does not have"),
        ("The Montreal Protocol was adopted in 1987 [2].", None, "was not fetched"),
        ("The Montreal Protocol was adopted in 1987 [3].", None, "names no passage, file or address"),
    ],
)
def test_what_cannot_be_scored_never_counts_as_supported(
    here: Path, sentence: str, support: str | None, says: str
) -> None:
    sources = "## Sources\n\n[1] papadopoulos.md\n[2] https://example.org/ozone\n[3] gone.pdf\n"
    report = checked(here, f"{sentence}\n\n{sources}")
    assert only(report).verdict.support == support
    assert says in only(report).verdict.reason
    assert report.share == 0


@pytest.fixture
def site() -> Iterator[str]:
    """The corpus, served on loopback."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(CORPUS))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_addresses_are_read_with_fetch_alone(here: Path, site: str) -> None:
    text = f"{FACT} [1].\n\n## Sources\n\n[1] {site}/montreal-protocol-ozone.md\n"
    assert only(checked(here, text)).verdict.support is None
    assert only(checked(here, text, fetch=True)).verdict.support == "full"


def test_our_own_brief_passes_as_json_and_as_markdown_and_fails_when_a_number_is_changed(here: Path) -> None:
    settings = load_settings({"store": str(here / "store"), "llm": "extractive"})
    pipeline.index([str(here)], settings)
    brief = pipeline.answer("When was the Montreal Protocol adopted?", settings)
    for form in ("json", "md"):
        path = here / f"own.{form}"
        path.write_text(render(brief, form))  # type: ignore[arg-type]
        before = path.read_bytes()
        assert check_brief(str(path), settings).share == 1
        assert path.read_bytes() == before
    forged = (here / "own.md").read_text().replace("1987", "1997")
    (here / "forged.md").write_text(forged)
    assert check_brief(str(here / "forged.md"), settings).share < 1


def test_reports_tell_every_failure_to_people_and_every_sentence_to_programs(here: Path) -> None:
    report = checked(here, f"{FACT} [1].\n\nIt rained [1].\n\n## Sources\n\n[1] montreal-protocol-ozone.md\n")
    said = as_text(report)
    assert "1 of 2 sentences are fully supported by what they cite (50.0 %)." in said
    assert "It rained" in said
    assert FACT not in said.split("nearest")[0]
    told = json.loads(as_json(report, "brief.md", 0.9))
    assert (told["n"], told["full"], told["share"], told["min_support"]) == (2, 1, 0.5, 0.9)
    assert [row["support"] for row in told["sentences"]] == ["full", "none"]
