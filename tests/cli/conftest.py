"""Fixtures of the command line's tests."""

from __future__ import annotations

import io
import shutil
import sys

import pytest
from command_line import NO_MODELS, ROOT, Completed, Run

from rag.cli.main import main


@pytest.fixture
def citebrief(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line in this process, which shares the loaded encoder."""

    def run(*arguments: str, stdin: str = "", **environment: str) -> Completed:
        for name, value in {**NO_MODELS, **environment}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["citebrief", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        output = capsys.readouterr()
        return Completed(int(exit_.value.code or 0), output.out, output.err)

    return run


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An index of six documents of the corpus: one of each format, one of them about another subject."""
    from rag import pipeline
    from rag.config import load_settings

    directory = tmp_path_factory.mktemp("documents")
    for name in (
        "papadopoulos.md",
        "seychelles-meeting.txt",
        "june-9-2016-meeting.html",
        "manafort-and-kilimnik.pdf",
        "hamburg-helsinki-osaka.docx",
        "montreal-protocol-ozone.md",
    ):
        shutil.copy(ROOT / "corpus" / name, directory)
    location = str(tmp_path_factory.mktemp("index") / "store")
    report = pipeline.index([str(directory)], load_settings({"store": location}))
    assert report.added == 6
    return location
