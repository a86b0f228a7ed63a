"""What every compared system does: index a folder, find passages, answer a question with citations.

Standard library only: these values cross between processes as JSON.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

CHUNK_CHARACTERS = 1_000
"""Size of a chunk where a system lets its user choose: about the 256 tokens that the embedding model reads."""

CHUNK_OVERLAP = 100
"""Overlap of neighbouring chunks, in characters."""

MAX_ANSWER_TOKENS = 700
"""Maximum tokens of one reply of the model."""

MODEL_TIMEOUT = 1_800.0
"""Seconds after which a request to the model fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the systems share.

    Attributes:
        base_url: address of the OpenAI-compatible server, ending in ``/v1``.
        api_key: its key.
        model: name of the model there.
        embedding: folder of the sentence-transformers model.
        k: passages that the plain recipe retrieves.
    """

    base_url: str
    api_key: str
    model: str
    embedding: str
    k: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A passage of a document; ``document`` is the path of its file relative to the folder indexed."""

    document: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer and the passages behind it.

    Attributes:
        text: the answer; ``[n]`` in it cites ``passages[n - 1]``.
        passages: what the model was sent, or what may be cited.
        sentences: the sentences and the numbers that each cites, where the system gives them; else empty.
        declined: whether the system says that the documents do not answer.
        core_seconds: processor time of the answer where the system measures it itself; else None.
    """

    text: str
    passages: tuple[Passage, ...]
    sentences: tuple[tuple[str, tuple[int, ...]], ...] = ()
    declined: bool = False
    core_seconds: float | None = None


class System(Protocol):
    """A compared system. Its module defines ``create(options)``, which imports its packages.

    ``packages`` are the distributions whose versions the report names.
    """

    packages: Sequence[str]

    def index(self, folder: Path, store: Path) -> int:
        """Index the text files below ``folder`` into ``store``. Return the number of chunks."""
        ...

    def search(self, store: Path, question: str) -> list[Passage]:
        """Return the passages that the system retrieves for ``question``, best first."""
        ...

    def answer(self, store: Path, question: str) -> Answer:
        """Answer ``question`` from the index in ``store``."""
        ...


def answer_from_json(row: Mapping[str, Any]) -> Answer:
    """Return the answer of which ``dataclasses.asdict`` made ``row``."""
    return Answer(
        text=row["text"],
        passages=tuple(Passage(**each) for each in row["passages"]),
        sentences=tuple((text, tuple(cited)) for text, cited in row["sentences"]),
        declined=row["declined"],
        core_seconds=row["core_seconds"],
    )


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """Return ``answer`` as values that JSON has."""
    return asdict(answer)


def core_seconds() -> float:
    """Return the processor time of this process and of its ended children since it began, in seconds of one core."""
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


def text_files(folder: Path) -> list[Path]:
    """Return the text files below ``folder`` in the order of their paths."""
    return sorted(folder.rglob("*.txt"))
