"""Folders to write to, for a user without a home and on a disk that cannot be written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import platformdirs
import pytest

from rag._internal import directories
from rag.errors import CitebriefError


def without_home(*_: object) -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_the_cache_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda _: str(tmp_path / "not" / "yet"))
    assert directories.user_cache() == tmp_path / "not" / "yet"


@pytest.mark.parametrize("given", ["~/.cache/citebrief", "/proc/self/nowhere/citebrief"])
def test_a_cache_that_cannot_be_made_is_a_temporary_folder(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda _: given)
    assert directories.user_cache() == Path(tempfile.gettempdir()) / f"citebrief-{os.getuid()}"


def test_without_a_home_the_cache_is_a_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_dir", without_home)
    assert directories.user_cache().parent == Path(tempfile.gettempdir())


def test_a_home_is_given_only_where_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    directories.give_home()
    assert os.environ["HOME"] == str(tmp_path)
    monkeypatch.setattr(Path, "home", without_home)
    directories.give_home()
    assert os.environ["HOME"] == tempfile.gettempdir()


def test_without_any_temporary_folder_the_error_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    with pytest.raises(CitebriefError, match="set TMPDIR"):
        directories.temporary_directory()
