"""Errors and exit statuses, and what starting the command line imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import COMMAND, ROOT, Run

HEAVY = ("torch", "chromadb", "sentence_transformers", "langchain_core", "openai", "pydantic", "numpy", "rich")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["ask", "Why?", "--store", "nowhere", "--llm", "extractive"], 4, "citebrief index"),
        (["ask", "Why?", "--llm", "gpt"], 2, "not one of auto"),
        (["ask", "Why?", "--llm", "openai:gpt-5"], 2, "OPENAI_API_KEY"),
        (["ask", "Why?", "--output", "brief.docx", "--llm", "extractive"], 2, "unknown suffix"),
        (["ask", "Why?", "--output", "no/such/brief.md", "--llm", "extractive"], 2, "there is no folder"),
        (["ask", "Why?", "--llm", "extractive", "--verifier", "nli"], 2, "--verifier nli: not one of auto, support"),
        (["ask", "Why?", "--llm", "openai:m", "--verifier", "support"], 2, "--llm openai:m: set OPENAI_API_KEY"),
        (["check", "no-such.md", "--verifier", "llm:openai:m"], 2, "--verifier llm:openai:m: set OPENAI_API_KEY"),
        (["check", "no-such.md", "--verifier", "llm:extractive"], 2, "--verifier llm:extractive: a verifier needs"),
        (["check", "no-such.md", "--verifier", "hf:./nowhere"], 2, "--verifier hf:./nowhere: no such folder"),
        (["check", "no-such.md", "--verifier", "support+llm:gpt"], 2, "--verifier support+llm:gpt: not one of"),
        (["eval", "score", "b.json", "--verifier", "hf:./nowhere"], 2, "--verifier hf:./nowhere: no such folder"),
        (["eval", "score", "b.json", "--verifier", "support", "--judge", "nli"], 2, "both name the judge"),
        (["ask", " ", "--llm", "extractive"], 2, "empty"),
        (["ask", "Why?", "--since", "spring", "--llm", "extractive"], 2, "2019-04-18"),
        (["ask", "Why?", "--k", "0"], 2, "--k"),
        (["index", "no-such-folder"], 2, "no-such-folder"),
        (["render", "no-such.json"], 2, "no-such.json"),
        (["check", "no-such.md"], 2, "no-such.md"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_bad_input_gets_a_message_that_names_it_and_its_exit_status(
    arguments: list[str], status: int, message: str, tmp_path: Path, citebrief: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = citebrief(*arguments)
    assert done.returncode == status, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "--verifier" not in arguments or len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_debug_adds_the_traceback_to_the_message(citebrief: Run) -> None:
    done = citebrief("--debug", "render", "no-such.json")
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1] == "citebrief: no-such.json: no such file"


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["ask", "--help"], ["eval", "--help"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    code = f"""
import sys
from rag.cli.main import cli
cli.main({arguments!r}, standalone_mode=False)
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("arguments", [["--help"], ["ask", "--help"], ["doctor", "--json"]])
def test_a_reader_that_closes_the_pipe_is_no_error(arguments: list[str], tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        done = subprocess.run(
            [*COMMAND, *arguments], check=False, stdout=pipe, stderr=subprocess.PIPE, text=True, cwd=tmp_path
        )
    assert (done.returncode, done.stderr) == (0, "")
