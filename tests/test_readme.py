"""The Python examples of the README run as they stand, one after the other, in a folder that has corpus/."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = [
    code
    for code in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    if "def test_" not in code
]


@pytest.mark.integration
def test_the_python_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "corpus", tmp_path / "corpus")
    monkeypatch.chdir(tmp_path)
    printed = []
    for code in EXAMPLES:
        exec(compile(code, "README.md", "exec"), {})
        printed.append(capsys.readouterr().out)
    assert len(printed) == 4
    assert all(printed), "each example prints what it found"
    assert printed[-1].startswith("full "), "the last one verifies a sentence that its passage states"
