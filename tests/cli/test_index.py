from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_line import ROOT, Run

pytestmark = pytest.mark.integration


def test_strict_indexing_exits_1_for_a_broken_file_and_indexes_the_others(tmp_path: Path, citebrief: Run) -> None:
    shutil.copy(ROOT / "corpus" / "papadopoulos.md", tmp_path)
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 nothing follows")
    done = citebrief("index", str(tmp_path), "--store", str(tmp_path / ".store"), "--strict", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["added"] == 1
    assert "broken.pdf" in done.stderr


def test_ignored_files_are_counted_and_are_no_problem_even_with_strict(tmp_path: Path, citebrief: Run) -> None:
    shutil.copy(ROOT / "corpus" / "papadopoulos.md", tmp_path)
    (tmp_path / "draft.md").write_text("# Draft\n\nNot for the index.\n")
    (tmp_path / ".citebriefignore").write_text("draft.md\n")
    done = citebrief("index", str(tmp_path), "--store", str(tmp_path / ".store"), "--strict")
    assert done.returncode == 0
    assert "1 added" in done.stdout
    assert "1 left out by .citebriefignore" in done.stderr
