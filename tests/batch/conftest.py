"""An index that several test files of this directory use."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

CORPUS = Path(__file__).parents[2] / "corpus"


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of two documents of corpus/, which no test may change."""
    from rag import pipeline
    from rag.config import load_settings

    directory = tmp_path_factory.mktemp("documents")
    for name in ("seychelles-meeting.txt", "panama-canal-construction.txt"):
        shutil.copy(CORPUS / name, directory)
    pipeline.index([str(directory)], load_settings({"store": str(directory / "store")}))
    return directory / "store"
