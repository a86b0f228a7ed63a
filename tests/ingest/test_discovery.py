"""Sources are found under paths and URLs, and files that cannot be read are reported with the reason."""

from __future__ import annotations

import errno
import http.server
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web_site import serving

from rag.errors import UsageError
from rag.ingest import Source, extract, find
from rag.ingest import source as source_module
from rag.ingest.formats import READERS
from rag.types import Skipped


def sources(*paths: Path | str) -> list[Source]:
    return [item for item in find([str(path) for path in paths]) if isinstance(item, Source)]


def skipped(*paths: Path | str) -> dict[str, str]:
    """The reasons by file name."""
    found = find([str(path) for path in paths])
    return {Path(item.path).name: item.reason for item in found if isinstance(item, Skipped)}


def write(directory: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_directory_gives_its_documents_sorted_with_relative_ids(tmp_path: Path) -> None:
    write(tmp_path, {"b.md": "b", "a.txt": "a", "sub/c.md": "c", ".hidden.md": "no", ".git/x.md": "no"})
    found = sources(tmp_path)
    assert [item.id for item in found] == ["a.txt", "b.md", "sub/c.md"]
    assert {item.root for item in found} == {str(tmp_path.resolve())}
    assert not skipped(tmp_path)


def test_file_id_is_its_name_and_glob_ids_are_relative_to_the_fixed_part(tmp_path: Path) -> None:
    write(tmp_path, {"x/report.md": "one", "y/report.md": "two"})
    assert [item.id for item in sources(tmp_path / "x" / "report.md")] == ["report.md"]
    assert [item.id for item in sources(f"{tmp_path}/*/report.md")] == ["x/report.md", "y/report.md"]


def test_missing_path_is_an_error_before_any_source_is_yielded(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere: no such file"):
        next(find([str(tmp_path), str(tmp_path / "nowhere")]))
    with pytest.raises(UsageError, match=r"\*\.md: no file matches"):
        next(find([f"{tmp_path}/*.md"]))


def test_digest_depends_on_the_bytes_and_the_extractor_version_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"a.md": "one"})
    first = sources(tmp_path)[0].digest
    os.utime(tmp_path / "a.md", (1, 1))
    assert sources(tmp_path)[0].digest == first
    write(tmp_path, {"a.md": "two"})
    assert sources(tmp_path)[0].digest != first
    write(tmp_path, {"a.md": "one"})
    monkeypatch.setattr(source_module, "EXTRACTOR_VERSION", "next")
    assert sources(tmp_path)[0].digest != first


def test_citebriefignore_excludes_files_and_reports_them(tmp_path: Path) -> None:
    write(tmp_path, {"README.md": "about", "kept.md": "text", "drafts/a.md": "x", "drafts/b.md": "y", "deep/c.md": "z"})
    (tmp_path / ".citebriefignore").write_text("# comment\nREADME.md\ndrafts/\n")
    (tmp_path / "deep" / ".citebriefignore").write_text("*.md\n!c.md\n")
    assert [item.id for item in sources(tmp_path)] == ["deep/c.md", "kept.md"]
    assert skipped(tmp_path) == dict.fromkeys(("README.md", "drafts"), "left out by .citebriefignore")
    assert sources(tmp_path / "README.md"), "a file given by name is read"


def test_citebriefignore_above_the_given_folder_or_glob_applies(tmp_path: Path) -> None:
    write(tmp_path, {"sub/draft.md": "x", "sub/kept.md": "y", "sub/team/notes.md": "z", "sub/team/draft.md": "z"})
    (tmp_path / ".citebriefignore").write_text("draft.md\n")
    (tmp_path / "sub" / ".citebriefignore").write_text("/team/notes.md\n")
    assert [item.id for item in sources(tmp_path / "sub")] == ["kept.md"]
    assert [item.id for item in sources(tmp_path / "sub" / "team" / ".." / "*.md")] == ["kept.md"]
    assert not sources(tmp_path / "sub" / "*" / "*.md")
    assert not sources(tmp_path / "sub" / "team")


@pytest.mark.parametrize("named", ["{}/sub", "{}/sub/*.md", "{}/sub/deep"])
def test_folder_given_by_name_is_searched_although_a_file_above_excludes_it(tmp_path: Path, named: str) -> None:
    write(tmp_path, {"sub/draft.md": "x", "sub/kept.md": "y", "sub/deep/draft.md": "x", "sub/deep/kept.md": "y"})
    (tmp_path / ".citebriefignore").write_text("sub/\ndraft.md\n")
    assert {Path(item.id).name for item in sources(named.format(tmp_path))} == {"kept.md"}
    assert not sources(tmp_path)


def test_files_below_a_citebriefignore_that_cannot_be_read_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "text", "sub/b.md": "x"})
    (tmp_path / "sub" / ".citebriefignore").mkdir()
    assert [item.id for item in sources(tmp_path)] == ["a.md"]
    assert skipped(tmp_path)["b.md"].endswith("sub/.citebriefignore cannot be read: is a directory")


def test_file_under_two_of_the_given_paths_is_found_once(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "1", "sub/b.md": "2"})
    paths = [str(tmp_path / "sub"), str(tmp_path), f"{tmp_path}/*/*.md", str(tmp_path / "a.md")]
    assert [item.id for item in find(paths) if isinstance(item, Source)] == ["b.md", "a.md"]


def test_unreadable_files_are_reported_with_the_reason(tmp_path: Path) -> None:
    write(tmp_path, {"good.md": "text", "empty.md": ""})
    (tmp_path / "photo.jpeg").write_bytes(b"x")
    (tmp_path / "gone.md").symlink_to(tmp_path / "missing.md")
    os.mkfifo(tmp_path / "pipe.md")
    reasons = skipped(tmp_path)
    assert reasons["photo.jpeg"].startswith(".jpeg: not a format citebrief reads; it reads md, ")
    assert all(suffix[1:] in reasons["photo.jpeg"].partition("it reads ")[2].split(", ") for suffix in READERS)
    assert reasons["empty.md"] == "the file is empty"
    assert reasons["gone.md"] == "a link to a file that does not exist"
    assert reasons["pipe.md"].startswith("not a regular file")
    assert [item.id for item in sources(tmp_path)] == ["good.md"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_file_without_read_permission_is_reported(tmp_path: Path) -> None:
    write(tmp_path, {"secret.md": "x"})
    (tmp_path / "secret.md").chmod(0)
    assert "permission denied" in skipped(tmp_path)["secret.md"]


def test_folder_that_can_be_listed_but_not_searched_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"good.md": "text", "team/otter.md": "x", "team/deep/seal.md": "y"})
    stat = os.stat

    def refuse(path: Path | str, **options: Any) -> os.stat_result:
        if tmp_path / "team" in Path(path).parents:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", refuse)
    assert [item.id for item in sources(tmp_path)] == ["good.md"]
    assert skipped(tmp_path) == dict.fromkeys(("otter.md", "deep"), "permission denied")


def test_file_of_two_gigabytes_is_skipped_without_being_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(2 * 1024**3)
    assert "over the limit" in skipped(tmp_path)["huge.txt"]


def test_loop_of_links_is_reported_and_the_other_files_are_found(tmp_path: Path) -> None:
    write(tmp_path, {"a/doc.md": "x"})
    (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert [item.id for item in sources(tmp_path)] == ["a/doc.md"]
    assert "a loop" in skipped(tmp_path)["again"]


def test_files_of_two_folders_with_one_id_are_both_found_and_a_file_named_twice_once(tmp_path: Path) -> None:
    write(tmp_path, {"one/a.md": "1", "two/a.md": "2"})
    found = list(find([str(tmp_path / "one"), str(tmp_path / "two"), str(tmp_path / "one")]))
    assert [(item.id, Path(item.location).parent.name) for item in found if isinstance(item, Source)] == [
        ("a.md", "one"),
        ("a.md", "two"),
    ]


class Pages(http.server.BaseHTTPRequestHandler):
    """Serves ``/page`` and a redirect to it, and counts requests."""

    requests = 0

    def do_GET(self) -> None:
        type(self).requests += 1
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
    with serving(Pages) as address:
        yield address


def test_url_is_fetched_once_and_redirects_are_followed(site: str) -> None:
    Pages.requests = 0
    (page,) = sources(f"{site}/old")
    (document,), problems = extract(page)
    assert not problems
    assert (document.id, document.source, document.title) == (f"{site}/old", f"{site}/old", "Café")
    assert "café opened" in document.text
    assert document.metadata["encoding"] == "cp1252"
    assert Pages.requests == 2


def test_url_that_cannot_be_fetched_is_reported(site: str) -> None:
    (missing,) = find([f"{site}/nothing"])
    assert isinstance(missing, Skipped)
    assert "404" in missing.reason
    assert missing.id == missing.root == f"{site}/nothing"
    (unreachable,) = find(["http://127.0.0.1:9/x"])
    assert isinstance(unreachable, Skipped)
    assert "cannot be fetched" in unreachable.reason


def test_name_that_is_not_utf_8_is_read_under_a_printable_one(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/r\xe9sum\xe9.txt")).write_text("The lock keeper was born in 1911.")
    except OSError:
        pytest.skip("this file system holds UTF-8 names only")
    (source,) = find([str(folder)])
    assert isinstance(source, Source)
    assert source.id == "résumé.txt"
    (document,), problems = extract(source)
    assert not problems
    assert "born in 1911" in document.text
    f"{source.location}{source.root}{document.source}".encode()


@pytest.mark.parametrize("name", ["a b#c%20d.txt", "line\nbreak.txt", "[x](y) `z`.txt", "cafe\u0301.txt", "café.txt"])
def test_name_with_marks_is_its_document_s_id(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("The lock keeper was born in 1911.")
    (source,) = find([str(tmp_path)])
    assert isinstance(source, Source)
    (document,), _ = extract(source)
    assert document.id == name
