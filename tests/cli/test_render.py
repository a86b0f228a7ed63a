from __future__ import annotations

from pathlib import Path

import pytest
from briefs import answered
from command_line import Run

from rag.render import render


@pytest.fixture
def brief_file(tmp_path: Path) -> Path:
    path = tmp_path / "brief.json"
    path.write_text(render(answered(), "json"), encoding="utf-8")
    return path


def test_render_prints_the_chosen_format_and_reads_standard_input(brief_file: Path, citebrief: Run) -> None:
    from_file = citebrief("render", str(brief_file), "--format", "text")
    from_stdin = citebrief("render", "-", "--format", "text", stdin=brief_file.read_text(encoding="utf-8"))
    assert from_file.stdout == from_stdin.stdout == render(answered(), "text")


def test_render_writes_files_and_then_prints_only_if_a_format_is_given(brief_file: Path, citebrief: Run) -> None:
    out = brief_file.with_suffix(".md")
    written = citebrief("render", str(brief_file), "--output", str(out))
    assert written.stdout == ""
    assert f"wrote {out}" in written.stderr
    assert out.read_text(encoding="utf-8") == render(answered(), "md")
    both = citebrief("render", str(brief_file), "--output", str(out), "--format", "json")
    assert both.stdout == render(answered(), "json")
