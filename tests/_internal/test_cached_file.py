"""A file of the cache that is made once, and made again where it changed."""

from __future__ import annotations

from pathlib import Path

from rag._internal.cached_file import CachedFile, find_package_files


def cached(tmp_path: Path, identity: str) -> CachedFile:
    return CachedFile(path=tmp_path / "cache" / "model.bin", identity=identity, label="the model")


def test_a_file_made_from_something_else_is_made_again(tmp_path: Path) -> None:
    made: list[str] = []
    for identity in ("first", "first", "second"):
        cached(tmp_path, identity).get(lambda file, it=identity: (made.append(it), file.write(it.encode())))  # type: ignore[misc]
    assert made == ["first", "second"]
    assert (tmp_path / "cache" / "model.bin").read_text() == "second"
    assert cached(tmp_path, "first").find() is None


def test_files_are_found_up_to_the_first_package_that_has_none() -> None:
    packages = ["json", "email", "no_such_package", "json"]
    assert [path.name for path in find_package_files(packages, "__init__.py")] == ["__init__.py", "__init__.py"]
    assert find_package_files(["json"], "*.py") == []  # several match
