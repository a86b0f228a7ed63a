"""Three small documents, and an index of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.embedding import load_embedder
from rag.ingest import extract, find, root_of
from rag.store import Index, IndexReport


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with three documents on different subjects."""
    path = tmp_path / "documents"
    path.mkdir()
    (path / "ozone.md").write_text("# Ozone\n\nThe Montreal Protocol of 1987 phased out chlorofluorocarbons.\n")
    (path / "canal.txt").write_text("The Canal\nDate: 1914-08-15\n\nThe Panama Canal opened to ships in August 1914.\n")
    (path / "moon.md").write_text("# Moon\n\nThe Apollo Guidance Computer landed astronauts on the Moon in 1969.\n")
    return path


@pytest.fixture
def store(tmp_path: Path) -> str:
    """The path of a store that does not exist yet."""
    return str(tmp_path / "store")


@pytest.fixture
def update_index() -> Callable[..., IndexReport]:
    """``update_index(store, *paths, prune=False, extract=extract)``: one run of the indexer."""

    def update(store: str, *paths: Path, prune: bool = False, extract: Any = extract) -> IndexReport:
        index = Index(store, load_embedder("minilm"))
        try:
            names = [str(path) for path in paths]
            return index.update(find(names), extract, [root_of(name) for name in names], prune=prune)
        finally:
            index.close()

    return update


@pytest.fixture
def open_index() -> Iterator[Callable[[str], Index]]:
    """``open_index(store)``: the existing index, closed after the test."""
    opened: list[Index] = []

    def open_(store: str) -> Index:
        opened.append(Index.open(store, load_embedder("minilm")))
        return opened[-1]

    yield open_
    for index in opened:
        index.close()
