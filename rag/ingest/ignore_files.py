"""The ``.citebriefignore`` files that apply to a path: those in all folders above it, in gitignore's syntax."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import ReadError, UsageError
from rag.ingest.source import printable_path

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".citebriefignore"


class IgnoreFiles:
    """What the ignore files exclude below ``given``, the folder that the user named.

    A pattern above ``given`` that excludes that folder itself does not apply, since the user wants it.
    """

    def __init__(self, given: Path) -> None:
        self._given = Path(os.path.abspath(given))  # noqa: PTH100 (without "..", which a glob may have)
        self._specs: dict[Path, tuple[tuple[Path, GitIgnoreSpec], ...]] = {}

    def exclude(self, path: Path, *, is_directory: bool) -> bool:
        """Whether an ignore file above ``path`` excludes it.

        Raises:
            ReadError: an ignore file above it cannot be read.
            UsageError: one is no text.
        """
        path = Path(os.path.abspath(path))  # noqa: PTH100
        end = "/" if is_directory else ""
        return any(
            spec.match_file(path.relative_to(directory).as_posix() + end)
            for directory, spec in self._specs_of(path.parent)
        )

    def _specs_of(self, directory: Path) -> tuple[tuple[Path, GitIgnoreSpec], ...]:
        """Return the ignore files in ``directory`` and above it, each with its directory."""
        if directory not in self._specs:
            above = self._specs_of(directory.parent) if directory.parent != directory else ()
            file = directory / IGNORE_FILE
            self._specs[directory] = (*above, (directory, self._load(file))) if os.path.lexists(file) else above
        return self._specs[directory]

    def _load(self, file: Path) -> GitIgnoreSpec:
        from pathspec import GitIgnoreSpec

        try:
            spec = GitIgnoreSpec.from_lines(file.read_text(encoding="utf-8").splitlines())
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise ReadError(f"{printable_path(str(file))} cannot be read: {reason}") from error
        except ValueError as error:
            raise UsageError(f"{file}: {error}") from None
        if file.parent not in self._given.parents:
            return spec
        given = self._given.relative_to(file.parent).as_posix() + "/"
        return GitIgnoreSpec(each for each in spec.patterns if not (each.include and each.match_file(given)))
