"""What is found under paths and URLs, and how that which cannot be read is told."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import UsageError
from rag.ingest import Source, extract, find
from rag.ingest import source as source_module
from rag.types import Skipped


def sources(*paths: Path | str) -> list[Source]:
    return [item for item in find([str(path) for path in paths]) if isinstance(item, Source)]


def skipped(*paths: Path | str) -> dict[str, str]:
    found = find([str(path) for path in paths])
    return {Path(item.path).name: item.reason for item in found if isinstance(item, Skipped)}


def write(directory: Path, **files: str) -> None:
    for name, text in files.items():
        path = directory / name.replace("__", "/").replace("_md", ".md").replace("_txt", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_folder_gives_its_documents_sorted_with_relative_ids(tmp_path: Path) -> None:
    write(tmp_path, b_md="b", a_txt="a", sub__c_md="c", **{".hidden_md": "no", ".git__x_md": "no"})
    found = sources(tmp_path)
    assert [item.id for item in found] == ["a.txt", "b.md", "sub/c.md"]
    assert {item.root for item in found} == {str(tmp_path.resolve())}
    assert not skipped(tmp_path)


def test_a_single_file_is_its_name_and_a_glob_keeps_the_path_below_its_fixed_part(tmp_path: Path) -> None:
    write(tmp_path, x__notes_md="one", y__notes_md="two")
    assert [item.id for item in sources(tmp_path / "x" / "notes.md")] == ["notes.md"]
    assert [item.id for item in sources(f"{tmp_path}/*/notes.md")] == ["x/notes.md", "y/notes.md"]


def test_a_path_that_does_not_exist_is_named_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere: no such file"):
        list(find([str(tmp_path), str(tmp_path / "nowhere")]))
    with pytest.raises(UsageError, match=r"\*\.md: no file matches"):
        list(find([f"{tmp_path}/*.md"]))


def test_the_digest_changes_with_the_bytes_and_with_the_extractor_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, a_md="one")
    first = sources(tmp_path)[0].digest
    os.utime(tmp_path / "a.md", (1, 1))
    assert sources(tmp_path)[0].digest == first
    write(tmp_path, a_md="two")
    assert sources(tmp_path)[0].digest != first
    write(tmp_path, a_md="one")
    monkeypatch.setattr(source_module, "EXTRACTOR_VERSION", "next")
    assert sources(tmp_path)[0].digest != first


def test_citebriefignore_leaves_files_out_and_says_so(tmp_path: Path) -> None:
    write(tmp_path, README_md="about", kept_md="text", drafts__a_md="x", drafts__b_md="y", deep__c_md="z")
    (tmp_path / ".citebriefignore").write_text("# comment\nREADME.md\ndrafts/\n")
    (tmp_path / "deep" / ".citebriefignore").write_text("*.md\n!c.md\n")
    assert [item.id for item in sources(tmp_path)] == ["deep/c.md", "kept.md"]
    assert skipped(tmp_path) == dict.fromkeys(("README.md", "drafts"), "left out by .citebriefignore")
    assert sources(tmp_path / "README.md"), "a file given by name is read"


def test_what_cannot_be_read_is_told_with_its_reason(tmp_path: Path) -> None:
    write(tmp_path, good_md="text", empty_md="")
    (tmp_path / "photo.jpeg").write_bytes(b"x")
    (tmp_path / "gone.md").symlink_to(tmp_path / "missing.md")
    os.mkfifo(tmp_path / "pipe.md")
    reasons = skipped(tmp_path)
    assert reasons["photo.jpeg"].startswith(".jpeg: not a format citebrief reads; it reads md, txt")
    assert reasons["empty.md"] == "the file is empty"
    assert reasons["gone.md"] == "a link to a file that does not exist"
    assert reasons["pipe.md"].startswith("not a regular file")
    assert [item.id for item in sources(tmp_path)] == ["good.md"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_told(tmp_path: Path) -> None:
    write(tmp_path, secret_md="x")
    (tmp_path / "secret.md").chmod(0)
    assert "permission denied" in skipped(tmp_path)["secret.md"]


def test_a_two_gigabyte_file_costs_nothing(tmp_path: Path) -> None:
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(2 * 1024**3)
    assert "over the limit" in skipped(tmp_path)["huge.txt"]


def test_a_loop_of_links_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    write(tmp_path, a__doc_md="x")
    (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert [item.id for item in sources(tmp_path)] == ["a/doc.md"]
    assert "a loop" in skipped(tmp_path)["again"]


def test_two_files_of_one_id_are_told_with_the_fix_and_one_file_twice_is_no_news(tmp_path: Path) -> None:
    write(tmp_path, one__a_md="1", two__a_md="2")
    found = list(find([str(tmp_path / "one"), str(tmp_path / "two"), str(tmp_path / "one")]))
    assert [item.id for item in found if isinstance(item, Source)] == ["a.md"]
    clash = [item for item in found if isinstance(item, Skipped)]
    assert len(clash) == 1
    assert "common parent folder" in clash[0].reason


class _Pages(http.server.BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        if self.path == "/old":
            self.send_response(302)
            self.send_header("Location", "/page")
            self.end_headers()
        elif self.path == "/page":
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=windows-1252")
            self.end_headers()
            self.wfile.write(
                "<html><title>Café</title><body><p>The café opened in May 2019, they say.</p></body>".encode("cp1252")
            )
        else:
            self.send_response(404)
            self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_url_is_fetched_once_through_its_redirect(site: str) -> None:
    _Pages.asked = 0
    (page,) = sources(f"{site}/old")
    (document,), problems = extract(page)
    assert not problems
    assert (document.id, document.source, document.title) == (f"{site}/old", f"{site}/old", "Café")
    assert "café opened" in document.text
    assert document.metadata["encoding"] == "cp1252"
    assert _Pages.asked == 2


def test_a_url_that_cannot_be_had_is_told(site: str) -> None:
    (missing,) = find([f"{site}/nothing"])
    assert isinstance(missing, Skipped)
    assert "404" in missing.reason
    (dead,) = find(["http://127.0.0.1:9/x"])
    assert isinstance(dead, Skipped)
    assert "cannot be fetched" in dead.reason
