"""The pytest plugin in the tests of another project: its entry point and its failure message."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

DOCUMENT = Path(__file__).parents[2] / "corpus" / "panama-canal-construction.txt"
TESTS = """
import json

def test_a_brief_by_citebrief_is_faithful(citebrief, tmp_path):
    citebrief.index("documents", store=str(tmp_path / "store"))
    brief = citebrief.ask("Why did the French canal fail?", store=str(tmp_path / "store"), llm="extractive")
    citebrief.assert_faithful(brief, min_recall=1.0)

def test_an_unfaithful_brief_fails(citebrief):
    citebrief.assert_faithful("foreign.md", min_recall=0.6)

def test_a_judge_that_does_not_judge_fails(citebrief, monkeypatch):
    from rag.types import Verdict
    from rag.verify.support_verifier import SupportVerifier

    unscored = Verdict(support=None, score=0.0, judge="support", reason="no verdict")
    judged = SupportVerifier.verify

    def verify(self, claims):
        return [unscored if "ruined" in claim[0] else one for claim, one in zip(claims, judged(self, claims))]

    monkeypatch.setattr(SupportVerifier, "verify", verify)
    citebrief.assert_faithful("other.md", min_recall=0.1)
"""


def test_another_project_gets_the_fixture_and_a_failure_with_sentence_and_passage(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    shutil.copy(DOCUMENT, tmp_path / "documents" / "panama.txt")
    (tmp_path / "foreign.md").write_text(
        "The French canal company collapsed in February 1889 [1]. Robots dug it in 1750 [1].\n\n## Sources\n\n"
        "[1] documents/panama.txt\n"
    )
    (tmp_path / "other.md").write_text(
        "The French canal company collapsed in February 1889 [1]. The company ruined small investors [1].\n\n"
        "## Sources\n\n[1] documents/panama.txt\n"
    )
    (tmp_path / "test_foreign.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert "2 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "citation recall 0.500 (at least 0.6)" in done.stdout
    assert "1 of 2 sentences have no verdict of support" in done.stdout
    assert ": Robots dug it in 1750." in done.stdout
    assert "De Lesseps" in done.stdout  # the cited passage
    assert "plugin.py" not in done.stdout  # the traceback ends in the test
