"""Make synthetic chunks, documents and vectors of any number, reproducibly, for measurements of large stores."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import numpy.typing as npt

from rag._internal.ids import chunk_id
from rag.types import Chunk, Document

from . import REPOSITORY

DIMENSIONS = 384
CENTRES = 2_000
"""Number of points around which the vectors are scattered."""

WORDS_A_CHUNK = 105
CHUNKS_A_DOCUMENT = 6
RARE_WORDS = 100_000
"""Names and numbers that hardly ever repeat; they are a tenth of all words of a text."""


def make_chunk(number: int) -> Chunk:
    """Make chunk ``number``; :data:`CHUNKS_A_DOCUMENT` consecutive chunks have the same document."""
    text = _make_text(number)
    name = f"archive/{number // CHUNKS_A_DOCUMENT:08}.txt"
    start = (number % CHUNKS_A_DOCUMENT) * 1000
    return Chunk(
        id=chunk_id(name, start, text), document_id=name, text=text, start=start, end=start + len(text),
        heading_path=("A heading",), title=f"Document {number // CHUNKS_A_DOCUMENT}", source=name, date="2020-01-01",
    )  # fmt: skip


def make_document(first: int) -> tuple[Document, list[Chunk]]:
    """Make the document whose first chunk is chunk ``first``, and its chunks."""
    chunks = [make_chunk(first + i) for i in range(CHUNKS_A_DOCUMENT)]
    text = "\n\n".join(chunk.text for chunk in chunks)
    one = chunks[0]
    return Document(id=one.document_id, title=one.title, text=text, source=one.source, date=one.date), chunks


def make_vectors(first: int, count: int) -> npt.NDArray[np.float32]:
    """Make the unit vectors of ``count`` chunks from chunk ``first`` on; shape (count, :data:`DIMENSIONS`)."""
    noise = np.random.default_rng(first + 1).standard_normal((count, DIMENSIONS)).astype(np.float32)
    rows = _centres()[(np.arange(first, first + count) * 7_919) % CENTRES] + noise
    unit: npt.NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


@cache
def _centres() -> npt.NDArray[np.float32]:
    return np.random.default_rng(1).standard_normal((CENTRES, DIMENSIONS)).astype(np.float32)


@cache
def _vocabulary() -> tuple[list[str], npt.NDArray[np.float64]]:
    """Return all words and their cumulative probabilities: the frequencies of corpus/, and a tail of rare words."""
    texts = (path.read_text(encoding="utf-8") for path in sorted((REPOSITORY / "corpus").glob("*.[mt][dx]*")))
    counts: dict[str, float] = {}
    for word in re.findall(r"[^\W\d_]+", " ".join(texts).lower()):
        counts[word] = counts.get(word, 0) + 1
    rare = dict.fromkeys((f"n{i}" for i in range(RARE_WORDS)), sum(counts.values()) / 9 / RARE_WORDS)
    weights = np.array([*counts.values(), *rare.values()])
    return [*counts, *rare], np.cumsum(weights) / np.sum(weights)


def _make_text(number: int) -> str:
    words, probabilities = _vocabulary()
    drawn = np.searchsorted(probabilities, np.random.default_rng(number).random(WORDS_A_CHUNK))
    return " ".join(words[i] for i in drawn) + "."
