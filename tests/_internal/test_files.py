"""Files are written atomically and keep their permissions; what cannot be written is an error in one line."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from rag._internal.files import write_atomically
from rag.errors import CitebriefError


def test_text_is_written_as_utf8_with_unchanged_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "brief.md"
    write_atomically(path, "été 🏗️\r\nline\n")
    assert path.read_bytes() == "été 🏗️\r\nline\n".encode()
    write_atomically(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert [entry.name for entry in tmp_path.iterdir()] == ["brief.md"]


def test_existing_file_keeps_its_permissions_and_a_new_one_follows_the_umask(tmp_path: Path) -> None:
    old, new = tmp_path / "old.md", tmp_path / "new.md"
    old.write_text("before")
    old.chmod(0o640)
    umask = os.umask(0o027)
    try:
        write_atomically(old, "after")
        write_atomically(new, "new")
    finally:
        os.umask(umask)
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert stat.S_IMODE(new.stat().st_mode) == 0o640


def test_symbolic_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "target.md", tmp_path / "link.md"
    target.write_text("before")
    link.symlink_to(target)
    write_atomically(link, "after")
    assert link.is_symlink()
    assert target.read_text() == "after"


def test_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe.md"
    os.mkfifo(fifo)
    reader = subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE)
    write_atomically(fifo, "through the pipe")
    assert reader.communicate(timeout=10)[0] == b"through the pipe"
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(CitebriefError, match=r"brief\.md: the folder .*nowhere does not exist"):
        write_atomically(tmp_path / "nowhere" / "brief.md", "x")


def test_directory_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "brief.md").mkdir()
    with pytest.raises(CitebriefError, match="it is a folder"):
        write_atomically(tmp_path / "brief.md", "x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["brief.md"]


def test_write_that_fails_half_way_leaves_the_old_file_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "brief.md"
    path.write_text("before")

    # The kernel refuses to write beyond this size, as on a full disk, after a part of the data was written.
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))

    program = (
        "import sys; from rag._internal.files import write_atomically; from rag.errors import CitebriefError\n"
        "try: write_atomically(sys.argv[1], 'x' * 1_000_000)\n"
        "except CitebriefError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", program, path], preexec_fn=limit, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"cannot write {path}: file too large")
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["brief.md"]


def test_lone_surrogate_is_an_error_that_names_its_position(tmp_path: Path) -> None:
    with pytest.raises(CitebriefError, match="character 2 is half a surrogate pair"):
        write_atomically(tmp_path / "brief.md", "ab\ud800")
