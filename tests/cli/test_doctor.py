from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from command_line import Run
from fault_server import FaultServer, ScriptedReply, failing, good


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
    assert re.search(r"passages in (bf16|int8|fp32),", findings["embedder"])


def asked(citebrief: Run, server: FaultServer, **environment: str) -> tuple[int, dict[str, str]]:
    done = citebrief(
        "doctor", "--llm", "openai:m", "--store", "nowhere", "--json",
        OPENAI_BASE_URL=server.base_url, CITEBRIEF_RETRIES="0", **environment,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout)


def test_doctor_asks_a_model_one_question_only_if_it_is_named(citebrief: Run) -> None:
    with FaultServer([good({"greater": "first", "numbers": [12, 5]})]) as server:
        quiet = citebrief("doctor", "--store", "nowhere", OPENAI_BASE_URL=server.base_url)
        assert (quiet.returncode, server.requests) == (0, [])
        status, findings = asked(citebrief, server)
    assert status == 0
    assert len(server.requests) == 1
    assert findings["answer"] == "usable"
    assert findings["tokens"].startswith("100 read, 20 written")
    assert findings["schema"] == "taken whole"
    assert findings["request"] == "taken as OpenAI takes it"


def test_doctor_tells_what_a_server_does_not_take(citebrief: Run) -> None:
    def rule(body: dict[str, Any]) -> ScriptedReply | None:
        if "seed" in body:
            return failing(400, "seed: extra fields not permitted")
        if "response_format" in body:
            return failing(400, "response_format?")
        return good({"greater": "first", "numbers": [12, 5]})

    with FaultServer(rule=rule) as server:
        status, findings = asked(citebrief, server)
    assert status == 0
    assert findings["schema"] == "not taken: it stands in the prompt"
    assert findings["request"].startswith("seed is not sent; the schema stands in the prompt")


def test_doctor_fails_if_the_model_gives_no_usable_answer(citebrief: Run) -> None:
    with FaultServer() as server:
        server.fail_from(1, ScriptedReply(content="Twelve is."))
        status, findings = asked(citebrief, server)
        assert status == 1
        assert findings["answer"].startswith("unusable, twice")
        assert findings["schema"] == "taken whole, but not obeyed: it also stands in the prompt"
        server.fail_from(1, failing(401, "no"))
        status, findings = asked(citebrief, server)
        assert (status, "OPENAI_API_KEY" in findings["answer"]) == (1, True)
