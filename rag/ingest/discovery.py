"""Find the sources under the paths and URLs that the user gave."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import UsageError
from rag.ingest.formats import FORMAT_NAMES, READERS
from rag.ingest.source import Source, printable_path, source_digest
from rag.types import Skipped

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

MAX_BYTES = 200 * 1024 * 1024
"""Maximum size of a file. Larger files are skipped without being opened."""

IGNORE_FILE = ".citebriefignore"

IGNORED_REASON = f"left out by {IGNORE_FILE}"
"""Why a file is skipped that a :data:`IGNORE_FILE` excludes. It is no problem to report."""

_READ_SIZE = 1 << 20


def find(paths: Sequence[str]) -> Iterator[Source | Skipped]:
    """Return the sources under ``paths`` (files, directories, globs, ``http(s)`` URLs) and the files that are skipped.

    Paths are searched in order, directories sorted by name. Hidden files and directories are not documents. A file that
    matches a ``.citebriefignore`` above it (in gitignore's syntax) is reported as skipped; a file given by name is read
    regardless. A file is yielded once. Files of two folders may have the same id: the index tells them apart.

    Raises:
        UsageError: a path does not exist, or a glob matches nothing; before the first source is asked for.
    """
    return _find_all(paths, [_expand(path) for path in paths])


def _find_all(paths: Sequence[str], expanded: Sequence[list[Path] | None]) -> Iterator[Source | Skipped]:
    seen: set[str] = set()
    for path, matches in zip(paths, expanded, strict=True):
        for item in _find_url(path) if matches is None else _find_files(path, matches):
            if isinstance(item, Skipped):
                yield item
            elif (file := f"{item.id}\0{os.path.realpath(item.path or item.location)}") not in seen:
                seen.add(file)
                yield item


def root_of(path: str) -> str:
    """Return the ``root`` of sources found under ``path``: paths resolved, globs absolute, URLs unchanged."""
    if path.lower().startswith(("http://", "https://")):
        return path
    given = Path(path).expanduser()
    return printable_path(os.path.realpath(given) if os.path.lexists(given) else str(given.absolute()))


def _expand(path: str) -> list[Path] | None:
    """Return the files and directories that ``path`` names, or None for a URL."""
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


def _find_url(url: str) -> Iterator[Source | Skipped]:
    from rag.ingest.web import fetch_source

    yield fetch_source(url, limit=MAX_BYTES)


def _find_files(argument: str, matches: list[Path]) -> Iterator[Source | Skipped]:
    is_pattern = glob.has_magic(argument) and not os.path.lexists(Path(argument).expanduser())
    root = root_of(argument)
    for path in matches:
        # The ids of a glob are relative to its fixed part: a/*/notes.md may match many notes.md.
        base = Path(_fixed_part(argument)).expanduser() if is_pattern else path
        if _is_directory(path):
            yield from _walk(path, base=base, root=root)
        elif not is_pattern:
            yield _make_source(path, path.name, root)
        elif not path.name.startswith("."):
            yield _make_source(path, path.relative_to(base).as_posix(), root)


def _fixed_part(pattern: str) -> str:
    """Return the components of ``pattern`` before the first one with a wildcard."""
    parts = Path(pattern).parts
    fixed = next((n for n, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return str(Path(*parts[:fixed])) if fixed else "."


def _walk(directory: Path, *, base: Path, root: str) -> Iterator[Source | Skipped]:
    """Yield everything below ``directory``, sorted. A link to one of its own parent directories is reported."""
    stack: list[tuple[Path, frozenset[str], tuple[tuple[Path, GitIgnoreSpec], ...]]] = [(directory, frozenset(), ())]
    while stack:
        path, parents, ignore_specs = stack.pop()
        if not _is_directory(path):
            yield _make_source(path, path.relative_to(base).as_posix(), root)
            continue
        real_path = os.path.realpath(path)
        if real_path in parents:
            yield Skipped(path=printable_path(str(path)), reason="a symbolic link to a folder that contains it: a loop")
            continue
        try:
            names = sorted((entry.name for entry in os.scandir(path)), reverse=True)  # reversed, because of the stack
        except OSError as error:
            id_ = "" if path == base else printable_path(path.relative_to(base).as_posix())
            reason = f"cannot be listed: {_explain(error)}"
            yield Skipped(path=printable_path(str(path)), reason=reason, root=root, id=id_)
            continue
        if IGNORE_FILE in names:
            ignore_specs = (*ignore_specs, (path, _load_ignore_file(path / IGNORE_FILE)))
        for name in names:
            child = path / name
            if name.startswith("."):
                continue
            if any(_is_ignored(spec, child, location) for location, spec in ignore_specs):
                yield Skipped(path=printable_path(str(child)), reason=IGNORED_REASON)  # nothing of it is kept
            else:
                stack.append((child, parents | {real_path}, ignore_specs))


def _is_directory(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 (Path.is_dir of Python 3.11 raises where access is denied)


def _load_ignore_file(path: Path) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(path.read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from None


def _is_ignored(spec: GitIgnoreSpec, path: Path, directory: Path) -> bool:
    relative = path.relative_to(directory).as_posix()
    return spec.match_file(f"{relative}/" if _is_directory(path) else relative)


def _make_source(path: Path, id_: str, root: str) -> Source | Skipped:
    """Hash ``path`` and return it as a source; a file that cannot be one is not opened."""
    location, id_ = printable_path(str(path)), printable_path(id_)
    raw = "" if location == str(path) else str(path)
    try:
        reason = _reason_to_skip(path, path.stat())
    except OSError as error:
        reason = _explain(error)
    if reason:
        return Skipped(path=location, reason=reason, root=root, id=id_)
    try:
        with path.open("rb") as file:
            pieces = iter(lambda: file.read(_READ_SIZE), b"")
            return Source(id=id_, location=location, root=root, digest=source_digest(pieces), path=raw)
    except OSError as error:
        return Skipped(path=location, reason=f"cannot be read: {_explain(error)}", root=root, id=id_)


def _reason_to_skip(path: Path, status: os.stat_result) -> str | None:
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file (a pipe, a socket or a device)"
    if path.suffix.lower() not in READERS:
        return f"{printable_path(path.suffix) or 'no suffix'}: not a format citebrief reads; it reads {FORMAT_NAMES}"
    if not status.st_size:
        return "the file is empty"
    if status.st_size > MAX_BYTES:
        return f"{status.st_size / 1e6:,.0f} MB, over the limit of {MAX_BYTES / 1e6:,.0f} MB; split it"
    return None


def _explain(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, FileNotFoundError):
        return "a link to a file that does not exist"
    return (error.strerror or str(error)).lower()
