"""Output to streams that are not UTF-8."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import COMMAND

from rag.cli.output import accept_any_character, print_message

TEXT = "Łódź – “東京” 🐳 \udce9é"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_every_text_can_be_printed_and_json_stays_json(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = io.BytesIO(), io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding=encoding))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(err, encoding=encoding))
    accept_any_character()
    print(json.dumps({"text": TEXT}, ensure_ascii=False))
    print_message(TEXT)
    sys.stdout.flush()
    sys.stderr.flush()
    assert json.loads(out.getvalue().decode(encoding)) == {"text": TEXT}
    assert err.getvalue()


def test_names_are_read_as_utf8_whatever_the_locale(tmp_path: Path) -> None:
    (tmp_path / "Łódź.json").write_text("{}")
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [*COMMAND, "render", "Łódź.json"],
        cwd=tmp_path, env={**os.environ, **locale}, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("citebrief: Łódź.json: ")
