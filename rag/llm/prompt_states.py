"""States of the local model after reading the beginning of a prompt, kept in the user's cache for later processes.

A process answers one question in most cases, and reading the system messages of its prompts again would be a quarter of
the tokens that it reads. A state of the packaged model takes 28 KB a token.
"""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rag._internal.cached_file import CachedFile
from rag.errors import ModelError

MAX_KEPT_STATES = 12
"""States in the cache at the most; chosen, not measured. A process keeps one for each prompt of the local model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptStates:
    """The states of one model in ``directory``.

    ``reader`` identifies what reads the prompts: the weights, the build of llama.cpp, the processor and the number of
    threads. With another one a state would be unusable, or rounded differently.
    """

    directory: Path
    reader: str

    def fetch(self, system: str, target: Path) -> bool:
        """Copy the state after the message ``system`` to ``target``; return False if none is kept."""
        found = self._file(system).find()
        if found is None:
            return False
        try:
            shutil.copyfile(found, target)
        except OSError:  # another process removes old states
            return False
        return True

    def keep(self, system: str, source: Path) -> None:
        """Keep the state in ``source`` for later processes, and remove the oldest ones; do nothing without a place."""

        def copy(file: IO[bytes]) -> None:
            with source.open("rb") as state:
                shutil.copyfileobj(state, file)

        with suppress(ModelError, OSError):
            self._file(system).get(copy)
            kept = sorted(self.directory.glob("*.state"), key=lambda path: path.stat().st_mtime, reverse=True)
            for old in kept[MAX_KEPT_STATES:]:
                for path in (old, old.with_suffix(".checked.json"), old.with_suffix(".lock")):
                    path.unlink(missing_ok=True)

    def _file(self, system: str) -> CachedFile:
        digest = hashlib.sha256(f"{self.reader}\0{system}".encode()).hexdigest()
        return CachedFile(path=self.directory / f"{digest[:32]}.state", identity=digest, label="a prompt's state")
