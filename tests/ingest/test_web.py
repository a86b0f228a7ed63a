"""Pages are fetched within limits, and read by what the server sent."""

from __future__ import annotations

import http.server
import io
from collections.abc import Iterator

import pytest
from web_site import serving

from rag.ingest import Source, extract, web
from rag.ingest.web import fetch_source
from rag.types import Document, Skipped

MARKDOWN = b"# The lease\n\nIt ends in *May*.\n"
BINARY = "application/octet-stream"
ANSWERS: dict[str, tuple[str, str, bytes]] = {
    "/lease.md": ("text/plain", "", MARKDOWN),
    "/lease.jsonl": (BINARY, "", b'{"id": "a", "text": "It ends in May."}\n'),
    "/named": (BINARY, 'attachment; filename="lease.md"', MARKDOWN),
    "/named-text": ("text/plain; charset=utf-8", 'attachment; filename="lease.md"', MARKDOWN),
    "/latin": ("text/plain; charset=iso-8859-2", "", "Łódź pays in May, as they said.".encode("iso-8859-2")),
    "/unknown": (BINARY, "", b"It ends in May."),
    "/empty": ("text/plain", "", b""),
}
REDIRECTS = {"/to-md": "/lease.md", "/to-jsonl": "/lease.jsonl", "/report.docx": "/blob", "/notes.md": "/text"}


class Answers(http.server.BaseHTTPRequestHandler):
    """Serves ANSWERS whatever the query, and REDIRECTS."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.send_response(302 if path in REDIRECTS else 200)
        if path in REDIRECTS:
            self.send_header("Location", REDIRECTS[path])
            self.end_headers()
            return
        kind, disposition, content = ANSWERS[path]
        self.send_header("Content-Type", kind)
        if disposition:
            self.send_header("Content-Disposition", disposition)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    from docx import Document as Docx

    docx, written = Docx(), io.BytesIO()
    docx.add_paragraph("It ends in May.")
    docx.save(written)
    ANSWERS["/lease.docx"] = ANSWERS["/blob"] = (BINARY, "", written.getvalue())
    ANSWERS["/text"] = ("text/plain", "", MARKDOWN)
    with serving(Answers) as address:
        yield address


def read(url: str) -> Document:
    source = fetch_source(url, limit=1_000_000)
    assert isinstance(source, Source), source
    (document,), problems = extract(source)
    assert not problems
    return document


def reason(url: str, limit: int = 1_000_000) -> str:
    found = fetch_source(url, limit=limit)
    assert isinstance(found, Skipped)
    return found.reason


@pytest.mark.parametrize(
    "path",
    [
        *("/lease.md", "/lease.md#part", "/lease.md?v=a/b", "/to-md", "/notes.md", "/named", "/named-text"),
        *("/lease.docx", "/lease.docx?key=ab/cd", "/report.docx", "/lease.jsonl", "/to-jsonl"),
    ],
)
def test_the_reader_is_that_of_what_the_server_sent(site: str, path: str) -> None:
    assert read(f"{site}{path}").text == "It ends in May."


def test_the_server_names_the_encoding(site: str) -> None:
    assert read(f"{site}/latin").text == "Łódź pays in May, as they said."


def test_what_is_of_no_format_or_empty_is_reported(site: str) -> None:
    assert reason(f"{site}/unknown").startswith(f"{BINARY}: not a format citebrief reads")
    assert reason(f"{site}/empty") == "the page is empty"


def test_a_page_over_the_limits_is_not_read(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reason(f"{site}/lease.md", limit=len(MARKDOWN) - 1).startswith("over the limit of")
    assert isinstance(fetch_source(f"{site}/lease.md", limit=len(MARKDOWN)), Source)
    monkeypatch.setattr(web, "TOTAL_SECONDS", -1.0)
    assert reason(f"{site}/lease.md").startswith("not complete after")


def test_a_malformed_address_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reason("http://[::1").startswith("cannot be fetched: ")
    # As the resolver does with a label of more than 63 characters; tests resolve no names.
    monkeypatch.setattr("httpx.stream", lambda _, url, **options: url.encode("idna"))
    assert reason(f"http://{'a' * 300}.com/").startswith("cannot be fetched: ")
