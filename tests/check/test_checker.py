"""Checking the sentences of a brief against real files, an index and web pages, with the packaged verifier."""

from __future__ import annotations

import http.server
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from fault_server import FaultServer, good

from rag import pipeline
from rag._internal.ids import earlier_id
from rag.check.checker import check_brief
from rag.check.report import CheckedClaim, CheckReport
from rag.config import Settings, load_settings
from rag.render import Format, render

pytestmark = pytest.mark.integration

CORPUS = Path(__file__).parents[2] / "corpus"
FACT = "The Montreal Protocol on Substances that Deplete the Ozone Layer was adopted on September 16, 1987"


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with two documents and no index."""
    for name in ("montreal-protocol-ozone.md", "papadopoulos.md"):
        shutil.copy(CORPUS / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(directory: Path, text: str, settings: Settings | None = None, *, fetch: bool = False) -> CheckReport:
    (directory / "brief.md").write_text(text)
    return check_brief(
        str(directory / "brief.md"), settings or load_settings({"store": str(directory / "nowhere")}), fetch=fetch
    )


def only(report: CheckReport) -> CheckedClaim:
    [claim] = report.checked
    return claim


@pytest.mark.parametrize(
    "entry",
    [
        "montreal-protocol-ozone.md",
        "The ozone file, `montreal-protocol-ozone.md`, 2020",
        "[x](montreal-protocol-ozone.md)",
    ],
)
def test_a_foreign_brief_that_cites_files_is_checked_against_them(directory: Path, entry: str) -> None:
    report = check(directory, f"{FACT} [1].\n\n## Sources\n\n[1] {entry}\n")
    assert report.share == 1
    assert FACT in only(report).quotes[0].text


def test_a_changed_date_is_not_supported_and_the_reason_names_it(directory: Path) -> None:
    wrong = FACT.replace("September 16, 1987", "September 16, 1991")
    claim = only(check(directory, f"{wrong} [1].\n\n## Sources\n\n[1] montreal-protocol-ozone.md\n"))
    assert claim.verdict.support != "full"
    assert "1991" in claim.verdict.reason


def test_a_better_citation_is_found_among_the_other_sources(directory: Path) -> None:
    sources = "## Sources\n\n[1] papadopoulos.md\n[2] montreal-protocol-ozone.md\n"
    claim = only(check(directory, f"{FACT} [1].\n\n{sources}"))
    assert claim.verdict.support != "full"
    assert claim.better is not None
    assert claim.better.document_id == "montreal-protocol-ozone.md"


def test_a_better_citation_is_found_in_the_index(directory: Path) -> None:
    settings = load_settings({"store": str(directory / "store")})
    pipeline.index([str(directory / "montreal-protocol-ozone.md"), str(directory / "papadopoulos.md")], settings)
    claim = only(check(directory, f"{FACT} [1].\n\n## Sources\n\n[1] papadopoulos.md\n", settings))
    assert claim.better is not None
    assert claim.better.document_id == "montreal-protocol-ozone.md"


@pytest.mark.parametrize(
    ("sentence", "support", "reason"),
    [
        ("The Montreal Protocol was adopted in 1987.", "none", "cites nothing"),
        ("The Montreal Protocol was adopted in 1987 [7].", "none", "cites 7, which the source list does not have"),
        ("The Montreal Protocol was adopted in 1987 [2].", None, "was not fetched"),
        ("The Montreal Protocol was adopted in 1987 [3].", None, "names no passage, file or address"),
    ],
)
def test_a_sentence_without_a_readable_source_never_counts_as_supported(
    directory: Path, sentence: str, support: str | None, reason: str
) -> None:
    sources = "## Sources\n\n[1] papadopoulos.md\n[2] https://example.org/ozone\n[3] gone.pdf\n"
    report = check(directory, f"{sentence}\n\n{sources}")
    assert only(report).verdict.support == support
    assert reason in only(report).verdict.reason
    assert report.share == 0


@pytest.fixture
def site() -> Iterator[str]:
    """The address of a server on loopback that serves the corpus."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(CORPUS))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(("support", "share"), [("full", 1.0), ("none", 0.0)])
def test_a_chat_model_may_check_and_reads_the_nearest_passages_only(
    support: str, share: float, directory: Path
) -> None:
    verdict = good({"C1": {"support": support, "unsupported": ""}})
    with FaultServer(odds=[(verdict, 1.0)]) as server:
        settings = load_settings({"store": str(directory / "nowhere"), "verifier": "llm:openai:m"})
        settings = settings.model_copy(update={"openai_base_url": server.base_url, "retries": 0})
        report = check(directory, "The treaty on ozone is of 1987 [1].\n\n[1] montreal-protocol-ozone.md\n", settings)
        assert 1 <= len(server.requests) <= 4  # two sets of cited passages, and two to cite instead
    assert report.share == share
    assert report.judge.startswith("m, prompt verify/")
    assert only(report).verdict.support == support
    assert only(report).quotes


def test_web_pages_are_read_only_with_fetch(directory: Path, site: str) -> None:
    text = f"{FACT} [1].\n\n## Sources\n\n[1] {site}/montreal-protocol-ozone.md\n"
    assert only(check(directory, text)).verdict.support is None
    assert only(check(directory, text, fetch=True)).verdict.support == "full"


def test_a_written_brief_passes_as_json_and_as_markdown_until_a_number_is_changed(directory: Path) -> None:
    settings = load_settings({"store": str(directory / "store"), "llm": "extractive"})
    pipeline.index([str(directory)], settings)
    brief = pipeline.answer("When was the Montreal Protocol adopted?", settings)
    forms: tuple[Format, ...] = ("json", "md")
    for form in forms:
        path = directory / f"own.{form}"
        path.write_text(render(brief, form))
        before = path.read_bytes()
        assert check_brief(str(path), settings).share == 1
        assert path.read_bytes() == before
        for chunk in brief.cited():  # as a version with shorter ids wrote it
            path.write_text(path.read_text().replace(chunk.id, earlier_id(chunk.id)))
        assert check_brief(str(path), settings).share == 1
        path.write_bytes(before)
    forged = (directory / "own.md").read_text().replace("1987", "1997")
    (directory / "forged.md").write_text(forged)
    assert check_brief(str(directory / "forged.md"), settings).share < 1


def test_an_embedder_on_this_machine_finds_better_citations_without_fetch(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "")
    with FaultServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        settings = load_settings({"embedder": "openai:bge", "store": str(directory / "index")})
        pipeline.index([str(directory / "montreal-protocol-ozone.md")], settings)
        report = check(directory, f"{FACT} [1].\n\n## Sources\n\n[1] papadopoulos.md\n", settings)
    better = only(report).better
    assert better is not None and better.document_id == "montreal-protocol-ozone.md"
