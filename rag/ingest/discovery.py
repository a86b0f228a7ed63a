"""Find the sources under the paths and URLs that the user gave."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from rag.errors import ReadError, UsageError
from rag.ingest.formats import FORMAT_NAMES, READERS
from rag.ingest.ignore_files import IGNORE_FILE, IgnoreFiles
from rag.ingest.source import Source, printable_path, source_digest
from rag.types import Skipped

MAX_BYTES = 200 * 1024 * 1024
"""Maximum size of a file. Larger files are skipped without being opened."""

IGNORED_REASON = f"left out by {IGNORE_FILE}"
"""Why a file is skipped that a :data:`IGNORE_FILE` excludes. It is no problem to report."""

_READ_SIZE = 1 << 20


def find(paths: Sequence[str]) -> Iterator[Source | Skipped]:
    """Return the sources under ``paths`` (files, directories, globs, ``http(s)`` URLs) and the files that are skipped.

    Paths are searched in order, directories sorted by name. Hidden files and directories are not documents. A file that
    matches a ``.citebriefignore`` above it (in gitignore's syntax) is reported as skipped; a file given by name is read
    regardless, and a folder given by name is searched. A file is yielded once, under the first of its names. Files of
    two folders may have the same id: the index tells them apart.

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
            elif (file := os.path.realpath(item.path or item.location)) not in seen:
                seen.add(file)
                yield item


def root_of(path: str) -> str:
    """Return the ``root`` of sources found under ``path``: paths resolved, globs absolute, URLs unchanged."""
    if path.lower().startswith(("http://", "https://")):
        return path
    given = Path(path).expanduser()
    return printable_path(os.path.realpath(given) if os.path.lexists(given) else str(given.absolute()))


def base_of(root: str) -> Path:
    """Return the folder that the ids of the sources under ``root``, as :func:`root_of` returns it, are relative to."""
    if os.path.isfile(root):  # noqa: PTH113
        return Path(root).parent
    return Path(root if os.path.lexists(root) else _fixed_part(root))


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
    # The ids of a glob are relative to its fixed part: a/*/notes.md may match many notes.md.
    base = Path(_fixed_part(argument) if is_pattern else argument).expanduser()
    ignore_files = IgnoreFiles(base)
    for path in matches:
        if not is_pattern and not _is_directory(path):
            yield _make_source(path, path.name, root)
        elif _is_directory(path) or not path.name.startswith("."):
            yield from _walk(path, base, root, ignore_files)


def _fixed_part(pattern: str) -> str:
    """Return the components of ``pattern`` before the first one with a wildcard."""
    parts = Path(pattern).parts
    fixed = next((n for n, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return str(Path(*parts[:fixed])) if fixed else "."


def _walk(start: Path, base: Path, root: str, ignore_files: IgnoreFiles) -> Iterator[Source | Skipped]:
    """Yield ``start``, or everything below it, sorted. A link to one of its own parent directories is reported."""
    stack: list[tuple[Path, frozenset[str]]] = [(start, frozenset())]
    while stack:
        path, parents = stack.pop()
        location = printable_path(str(path))
        id_ = "" if path == base else printable_path(path.relative_to(base).as_posix())
        is_directory = _is_directory(path)
        try:
            if ignore_files.exclude(path, is_directory=is_directory):
                yield Skipped(path=location, reason=IGNORED_REASON)  # nothing of it is kept
                continue
            if not is_directory:
                yield _make_source(path, id_, root)
                continue
            real_path = os.path.realpath(path)
            if real_path in parents:
                yield Skipped(path=location, reason="a symbolic link to a folder that contains it: a loop")
                continue
            names = sorted((entry.name for entry in os.scandir(path)), reverse=True)  # reversed, because of the stack
            stack += [(path / name, parents | {real_path}) for name in names if not name.startswith(".")]
        except ReadError as error:
            yield Skipped(path=location, reason=str(error), root=root, id=id_)
        except OSError as error:
            yield Skipped(path=location, reason=f"cannot be listed: {_explain(error)}", root=root, id=id_)


def _is_directory(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 (Path.is_dir of Python 3.11 raises where access is denied)


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
