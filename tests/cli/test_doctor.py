from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from command_line import Run


def test_doctor_reports_a_missing_index_with_the_command_that_builds_it(tmp_path: Path, citebrief: Run) -> None:
    done = citebrief("doctor", "--store", str(tmp_path / "nowhere"), "--json")
    assert done.returncode == 0
    findings = json.loads(done.stdout)
    assert "citebrief index PATH" in findings["index"]
    assert "full-text search there" in findings["sqlite"]


@pytest.mark.integration
def test_doctor_reports_the_index_and_the_embedder(store: str, citebrief: Run) -> None:
    findings = json.loads(citebrief("doctor", "--store", store, "--json").stdout)
    assert "6 documents" in findings["index"]
    assert "as published" in findings["embedder"]
    assert re.search(r"passages in (bf16|fp32),", findings["embedder"])
