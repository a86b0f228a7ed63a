"""Output to streams that are not UTF-8."""

from __future__ import annotations

import io
import json
import sys

import pytest

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
