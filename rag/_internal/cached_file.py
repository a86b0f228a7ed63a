"""A large file in the user's cache that is made once from installed packages, checked, and made again if it changed."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rag.errors import CitebriefError, ModelError

OnBytes = Callable[[int, int], None]
"""Called with the bytes read so far and the bytes in all."""

_PIECE = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedFile:
    """The place of a file in the cache.

    A record beside the file holds its size and time as they were when its content was complete and ``identity``, the
    digest of what it was made from. So a file is known without being read again.
    """

    path: Path
    identity: str
    label: str
    """What an error calls the file, such as "the local model"."""

    def find(self) -> Path | None:
        """Return the file, or None if it is not there, was changed, or was made from something else."""
        return self.path if self._is_known() else None

    def get(self, write: Callable[[IO[bytes]], None]) -> Path:
        """Return the file; if need be, ``write`` makes its content first, while other processes wait.

        Raises:
            ModelError: the folder cannot be written to, or the disk is full.
            CitebriefError: what ``write`` raises.
        """
        from filelock import FileLock

        if self._is_known():
            return self.path
        directory = self.path.parent
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with FileLock(directory / f"{self.path.stem}.lock"):  # a second process waits, and then finds the file
                if not self._is_known():
                    self._make(write)
        except CitebriefError:
            raise
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise ModelError(
                f"{self.label} cannot be put into {directory}: {why}; name another folder with CITEBRIEF_CACHE"
            ) from error
        return self.path

    def _make(self, write: Callable[[IO[bytes]], None]) -> None:
        prefix = f".{self.path.stem}-"
        for leftover in self.path.parent.glob(f"{prefix}*"):  # of a process that was killed: this one holds the lock
            leftover.unlink()
        with tempfile.NamedTemporaryFile(dir=self.path.parent, prefix=prefix, delete=False) as file:
            temporary = Path(file.name)
            try:
                write(file)
                file.flush()
                os.fsync(file.fileno())
                temporary.replace(self.path)
            finally:
                temporary.unlink(missing_ok=True)
        self._record.write_text(json.dumps(self._state()))

    def _is_known(self) -> bool:
        try:
            return bool(json.loads(self._record.read_text()) == self._state())
        except (OSError, ValueError):
            return False

    def _state(self) -> dict[str, int | str]:
        status = self.path.stat()
        return {"sha256": self.identity, "size": status.st_size, "mtime_ns": status.st_mtime_ns}

    @property
    def _record(self) -> Path:
        return self.path.with_suffix(".checked.json")


def find_package_files(packages: Iterable[str], pattern: str) -> list[Path]:
    """Return the one file that matches ``pattern`` in each installed package, up to the first package without one.

    The packages are not imported.
    """
    found = []
    for package in packages:
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            break
        matches = list(Path(next(iter(spec.submodule_search_locations))).glob(pattern))
        if len(matches) != 1:
            break
        found.append(matches[0])
    return found


def copy_hashed(sources: Iterable[IO[bytes]], target: IO[bytes], total: int, on_bytes: OnBytes) -> str:
    """Write the content of ``sources``, one after another, to ``target`` and return its SHA-256 as hex digits.

    Args:
        sources: open files; they are closed.
        target: a file open for writing.
        total: the bytes of all sources, for ``on_bytes``.
        on_bytes: called after each piece.
    """
    digest = hashlib.sha256()
    done = 0
    for source in sources:
        with source:
            while piece := source.read(_PIECE):
                target.write(piece)
                digest.update(piece)
                done += len(piece)
                on_bytes(done, total)
    return digest.hexdigest()
