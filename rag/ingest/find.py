"""Paths and URLs from the command line → the files that can be read, and those that cannot, with reasons."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import UsageError
from rag.ingest.formats import FORMATS, NAMES
from rag.ingest.source import Source, digest
from rag.types import Skipped

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

MAX_BYTES = 200 * 1024 * 1024
"""Larger files are left out without being opened."""

IGNORE_FILE = ".citebriefignore"
_PIECE = 1 << 20


def find(paths: Sequence[str]) -> Iterator[Source | Skipped]:
    """The documents under ``paths`` (files, folders, globs, ``http(s)`` URLs), in order, folders sorted by name.

    Files and folders whose name begins with a dot are not documents. A file that matches its folder's
    ``.citebriefignore`` (gitignore's syntax) is reported as left out. An id is yielded once: a
    second file of the same id is skipped with the fix. A file given by name is read even where a
    folder would leave it out.

    Raises:
        UsageError: a path does not exist, or a glob matches nothing.
    """
    roots = [_expand(path) for path in paths]  # all of them first, so that a typo fails before any work
    seen: dict[str, str] = {}
    for path, found in zip(paths, roots, strict=True):
        for item in _url(path) if found is None else _files(path, found):
            if isinstance(item, Skipped):
                yield item
            elif item.id not in seen:
                seen[item.id] = item.location
                yield item
            elif not _same(seen[item.id], item.location):  # the same file named twice is no news
                fix = "index their common parent folder instead, so that their ids differ"
                yield Skipped(path=item.location, reason=f"has the id {item.id} of {seen[item.id]}; {fix}")


def _same(one: str, other: str) -> bool:
    return one == other or os.path.realpath(one) == os.path.realpath(other)


def root_of(path: str) -> str:
    """What a source found under ``path`` has as its ``root``: paths resolved, globs absolute, URLs as they are."""
    if path.lower().startswith(("http://", "https://")):
        return path
    given = Path(path).expanduser()
    return os.path.realpath(given) if os.path.lexists(given) else str(given.absolute())


def _expand(path: str) -> list[Path] | None:
    """The files and folders that ``path`` stands for; None for a URL."""
    if path.lower().startswith(("http://", "https://")):
        return None
    if not path:
        raise UsageError("an empty path was given: name a file, a folder, a glob or a URL")
    given = Path(path).expanduser()
    if os.path.lexists(given):
        return [given]
    if glob.has_magic(path):
        if matches := sorted(glob.glob(str(given), recursive=True)):  # noqa: PTH207
            return [Path(match) for match in matches]
        raise UsageError(f"{path}: no file matches this pattern")
    raise UsageError(f"{path}: no such file or folder")


def _url(url: str) -> Iterator[Source | Skipped]:
    from rag.ingest.web import fetch

    yield fetch(url, limit=MAX_BYTES)


def _files(path: str, found: list[Path]) -> Iterator[Source | Skipped]:
    pattern = glob.has_magic(path) and not os.path.lexists(Path(path).expanduser())
    for place in found:
        # A glob keeps documents apart by their path below its fixed part: a/*/notes.md has many notes.md.
        base = Path(_fixed_part(path)).expanduser() if pattern else place
        root = root_of(path)
        if place.is_dir():
            yield from _walk(place, base=base, root=root)
        elif not pattern:
            yield _source(place, place.name, root)
        elif not place.name.startswith("."):
            yield _source(place, place.relative_to(base).as_posix(), root)


def _fixed_part(pattern: str) -> str:
    parts = Path(pattern).parts
    fixed = next((n for n, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return str(Path(*parts[:fixed])) if fixed else "."


def _walk(directory: Path, *, base: Path, root: str) -> Iterator[Source | Skipped]:
    """Everything below ``folder``, sorted. A link to a folder that is being walked already is reported."""
    stack: list[tuple[Path, frozenset[str], tuple[tuple[Path, GitIgnoreSpec], ...]]] = [(directory, frozenset(), ())]
    while stack:
        here, above, ignoring = stack.pop()
        if not here.is_dir():
            yield _source(here, here.relative_to(base).as_posix(), root)
            continue
        real = os.path.realpath(here)
        if real in above:
            yield Skipped(path=str(here), reason="a symbolic link to a folder that contains it: a loop")
            continue
        try:
            names = sorted(
                (entry.name for entry in os.scandir(here)), reverse=True
            )  # reversed, since the last pushed comes first
        except OSError as error:
            yield Skipped(path=str(here), reason=f"cannot be listed: {_words(error)}")
            continue
        if IGNORE_FILE in names:
            ignoring = (*ignoring, (here, _spec(here / IGNORE_FILE)))
        for name in names:
            place = here / name
            if name.startswith("."):
                continue
            if any(_matches(spec, place, directory) for directory, spec in ignoring):
                yield Skipped(path=str(place), reason=f"left out by {IGNORE_FILE}")
            else:
                stack.append((place, above | {real}, ignoring))


def _spec(path: Path) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(path.read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from None


def _matches(spec: GitIgnoreSpec, place: Path, directory: Path) -> bool:
    relative = place.relative_to(directory).as_posix()
    return spec.match_file(f"{relative}/" if place.is_dir() else relative)


def _source(path: Path, name: str, root: str) -> Source | Skipped:
    """``path`` as a source, its bytes hashed piece by piece; a file that cannot be one is not opened."""
    location = str(path)
    try:
        status = path.stat()
    except OSError as error:
        return Skipped(path=location, reason=_words(error))
    if reason := _refusal(path, status):
        return Skipped(path=location, reason=reason)
    try:
        with path.open("rb") as file:
            return Source(id=name, location=location, root=root, digest=digest(iter(lambda: file.read(_PIECE), b"")))
    except OSError as error:
        return Skipped(path=location, reason=f"cannot be read: {_words(error)}")


def _refusal(path: Path, status: os.stat_result) -> str | None:
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file (a pipe, a socket or a device)"
    if path.suffix.lower() not in FORMATS:
        return f"{path.suffix or 'no suffix'}: not a format citebrief reads; it reads {NAMES}"
    if not status.st_size:
        return "the file is empty"
    if status.st_size > MAX_BYTES:
        return f"{status.st_size / 1e6:,.0f} MB, over the limit of {MAX_BYTES / 1e6:,.0f} MB; split it"
    return None


def _words(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, FileNotFoundError):
        return "a link to a file that does not exist"
    return (error.strerror or str(error)).lower()
