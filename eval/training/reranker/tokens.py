"""The token ids of mined queries and passages, computed once for a tokenizer and kept beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag.retrieval.reranker.pairs import PairFormat, TokenPair, load_pair_tokenizer, token_ids

from .mined import MinedCollection, MinedQuery

Integers = npt.NDArray[np.integer]

MAX_QUERY, MAX_PASSAGE = 64, 256
"""Tokens that are read. A chunk with its line of title and headings has at most 253, unless one sentence has more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionTokens:
    """The token ids of a collection's queries and passages, by id, without special tokens."""

    queries: Mapping[str, Sequence[int]]
    passages: Mapping[str, Sequence[int]]

    def pair(self, query: MinedQuery, passage: str) -> TokenPair:
        """Return the ids of ``query`` and of the passage with the id ``passage``."""
        return self.queries[query.id], self.passages[passage]


class Tokeniser:
    """Turns mined collections into token ids for the base model in a directory."""

    def __init__(self, base: Path, cache: Path) -> None:
        """Keep the token ids in files in ``cache``, which has the mined collections."""
        self._tokenizer = load_pair_tokenizer(base)
        self.form = PairFormat.of(self._tokenizer)
        digest = hashlib.sha256((base / "tokenizer.json").read_bytes()).hexdigest()[:8]
        self._suffix = f"{digest}.tokens.safetensors"
        self._cache = cache

    def tokens(self, mined: MinedCollection) -> CollectionTokens:
        """Return the token ids of ``mined``, from their file if it is there."""
        from safetensors.numpy import load_file, save_file

        path = self._cache / f"{mined.name}.{self._suffix}"
        if not path.exists():
            texts = {
                "queries": ([query.text for query in mined.queries], MAX_QUERY),
                "passages": ([passage.text for passage in mined.passages.values()], MAX_PASSAGE),
            }
            arrays: dict[str, Integers] = {}
            for name, (of_kind, limit) in texts.items():
                arrays |= _flat(name, token_ids(self._tokenizer, of_kind, limit))
            partial = path.with_suffix(".part")
            save_file(arrays, partial)
            partial.replace(path)
        found = load_file(path)
        return CollectionTokens(
            queries=_by_id([query.id for query in mined.queries], found["queries"], found["queries.ends"]),
            passages=_by_id(list(mined.passages), found["passages"], found["passages.ends"]),
        )


def _flat(name: str, rows: Sequence[Sequence[int]]) -> dict[str, Integers]:
    """Return ``rows`` one after another, and the end of each."""
    ends = np.array(list(accumulate(map(len, rows))), dtype=np.int64)
    return {name: np.array([id_ for row in rows for id_ in row], dtype=np.int32), f"{name}.ends": ends}


def _by_id(ids: Sequence[str], flat: Integers, ends: Integers) -> dict[str, list[int]]:
    values, stops = flat.tolist(), ends.tolist()
    return {id_: values[start:stop] for id_, start, stop in zip(ids, [0, *stops], stops, strict=False)}
