"""The wheel, installed elsewhere, answers a question with the prompts and templates that it carries."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CODE = """
import rag, sys
from importlib.resources import files
from rag import pipeline
from rag.config import load_settings
from rag.llm.prompts import load_prompt
from rag.render import render

assert rag.__file__.startswith(sys.argv[1]), rag.__file__
settings = load_settings({"llm": "extractive", "store": sys.argv[2]})
pipeline.index([sys.argv[3]], settings)
brief = pipeline.answer("What did Mifsud tell Papadopoulos?", settings)
assert brief.status == "answered"
assert "<html" in render(brief, "html")
assert load_prompt("small_heading").system
print(len(list(brief.sentences())))
"""


@pytest.mark.integration
def test_wheel_installed_elsewhere_answers_a_question(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    built = subprocess.run(build, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
        archive.extractall(tmp_path / "site")
    assert {top for top in tops if not top.endswith(".dist-info")} == {"rag"}, "nothing else may litter site-packages"

    arguments = [str(tmp_path / "site"), str(tmp_path / "store"), str(ROOT / "corpus" / "papadopoulos.md")]
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    command = [sys.executable, "-c", CODE, *arguments]
    asked = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env, check=False)
    assert asked.returncode == 0, asked.stderr
    assert int(asked.stdout) >= 3
