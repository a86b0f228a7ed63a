"""``citebrief eval coverage`` over two documents of corpus/."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rag.errors import UsageError

if TYPE_CHECKING:
    from conftest import EvalCommands

pytestmark = pytest.mark.integration

CORPUS = Path(__file__).parents[2] / "corpus"
ASPECTS = {
    "The French planned a canal without locks.": "planned a canal at sea level",
    "Disease killed many workers.": "killed about 20,000 workers",
    "The company went bankrupt.": "collapsed in February 1889",
    "A giant frog ate the dredgers.": "frog ate the dredgers",
}


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A directory of two documents, and a suite about one of them beside it."""
    directory = tmp_path / "documents"
    directory.mkdir()
    for name in ("seychelles-meeting.txt", "panama-canal-construction.txt"):
        shutil.copy(CORPUS / name, directory)
    aspects = [
        {"text": text, "places": [{"document_id": "panama-canal-construction.txt", "anchor": anchor}]}
        for text, anchor in ASPECTS.items()
    ]
    question = "Why did the French attempt to build the Panama Canal fail?"
    rows = [
        {"id": "panama", "collection": "canals", "question": question, "aspects": aspects},
        {"id": "suez", "collection": "elsewhere", "question": "Who built Suez?", "aspects": aspects},
    ]
    (tmp_path / "suite.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return directory


def test_coverage_is_measured_where_a_collection_is_here(commands: EvalCommands, documents: Path) -> None:
    suite, indexes = str(documents.parent / "suite.jsonl"), str(documents.parent / "indexes")
    words = ["eval", "coverage", suite, "--indexes", indexes, "--budget", "150", "--budget", "4000", "--json"]
    words += ["--collection", f"canals={documents}", "--collection", f"elsewhere={documents}/none"]
    result = commands.invoke(*words)
    assert result.exit_code == 0, result.output
    assert f"left out elsewhere: {documents}/none does not exist" in result.stderr
    assert "not in the documents: panama: panama-canal-construction.txt: frog ate the dredgers" in result.stderr
    report = json.loads(result.stdout)
    evidence = report["collections"]["canals"]["evidence"]
    assert evidence["4000"]["coverage"] == 0.75
    assert evidence["150"]["coverage"] <= evidence["4000"]["coverage"]
    assert evidence["150"]["tokens"] <= 150
    assert 0 < evidence["outline"]["passages"] < 20
    [case] = report["cases"]
    assert case["aspects"][0]["rank"] <= 5
    assert case["aspects"][3]["4000"] == "other passage"
    assert case["aspects"][3]["rank"] is None


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("rivers=.", "--collection rivers=.: not NAME=PATH with one of the suite's names: canals, elsewhere"),
        ("canals", "--collection canals: not NAME=PATH"),
        ("canals=none", "no collection of .* is here; say where one is: --collection canals=PATH"),
    ],
)
def test_a_collection_that_cannot_be_measured_is_refused(
    commands: EvalCommands, documents: Path, option: str, message: str
) -> None:
    suite = str(documents.parent / "suite.jsonl")
    with pytest.raises(UsageError, match=message):
        commands.invoke("eval", "coverage", suite, "--collection", option, catch_exceptions=False)
