"""An index of two documents, a finished run over it, and the commands of ``citebrief eval``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rag.cli.main import cli

CORPUS = Path(__file__).parents[2] / "corpus"
CASES: list[dict[str, Any]] = [
    {
        "id": "seychelles",
        "question": "Who met in the Seychelles in January 2017, and what did they discuss?",
        "nuggets": [
            {
                "text": "Prince and Dmitriev first met on 11 January 2017.",
                "importance": "vital",
                "support": [
                    {
                        "document_id": "seychelles-meeting.txt",
                        "quote": "Prince and Dmitriev first met on January 11, 2017",
                    }
                ],
            },
            {
                "text": "The talks were held in a submarine.",
                "importance": "okay",
                "support": [{"document_id": "seychelles-meeting.txt", "quote": "in a submarine"}],
            },
        ],
    },
    {"id": "panama", "question": "Why did the French attempt to build the Panama Canal fail?"},
    {"id": "Bread / sourdough", "question": "How is sourdough bread made?", "answerable": False},
]


@dataclass(frozen=True)
class EvalCommands:
    """Runs commands of citebrief against the index in ``store``."""

    store: Path

    def invoke(self, *words: str, **kwargs: Any) -> Result:
        """Run a command of citebrief."""
        return CliRunner().invoke(cli, list(words), **kwargs)

    def run(
        self, out: Path, *options: str, number: int | None = None, llm: str = "extractive",
        env: Mapping[str, str] | None = None,
    ) -> Result:  # fmt: skip
        """Run the first ``number`` cases into ``out``."""
        suite = out.parent / "suite.jsonl"
        suite.write_text("".join(json.dumps(case) + "\n" for case in CASES[:number]))
        words = ["eval", "run", str(suite), "--out", str(out), "--store", str(self.store), "--llm", llm, "--quiet"]
        return self.invoke(*words, *options, env=env)

    def score(self, brief: Path, *options: str) -> dict[str, Any]:
        """Score ``brief`` and return the scorecard."""
        result = self.invoke("eval", "score", str(brief), "--json", "--quiet", *options)
        assert result.exit_code == 0, result.output
        card: dict[str, Any] = json.loads(result.stdout)
        return card

    def read_rows(self, path: Path) -> Sequence[dict[str, Any]]:
        """Read the rows of a JSONL file."""
        return [json.loads(line) for line in path.read_text().splitlines()]

    def read_scorecard(self, out: Path) -> dict[str, Any]:
        """Read the scorecard of the run in ``out``."""
        card: dict[str, Any] = json.loads((out / "scorecard.json").read_text())
        return card


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> EvalCommands:
    """The commands, with an index of two documents of corpus/."""
    directory = tmp_path_factory.mktemp("documents")
    for name in ("seychelles-meeting.txt", "panama-canal-construction.txt"):
        shutil.copy(CORPUS / name, directory)
    result = CliRunner().invoke(cli, ["index", str(directory), "--store", str(directory / "store")])
    assert result.exit_code == 0, result.output
    return EvalCommands(store=directory / "store")


@pytest.fixture(scope="session")
def finished_run(commands: EvalCommands, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished run of all cases; tests copy it before they change it."""
    out = tmp_path_factory.mktemp("runs") / "out"
    result = commands.run(out)
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture
def copied_run(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of the finished run that a test may change."""
    return Path(shutil.copytree(finished_run, tmp_path / "out"))
