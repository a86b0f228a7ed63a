"""``citebrief ask``: the command, the files that it writes, and what it leaves when the model fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from briefs import answered
from command_line import COMMAND, NO_MODELS, ROOT, Run
from fault_server import FaultServer, ReceivedRequest, ScriptedReply, failing, good, overflow, slow, truncated

from rag.errors import Interrupted
from rag.render.json import from_json
from rag.types import UNUSABLE_REPLY, Brief, Repair
from rag.writing.large_writer import LargeWriter

pytestmark = pytest.mark.integration

AUDIT = """
import ipaddress, os, sys

def audit(event, args):
    host = None
    if event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = args[0]
    if host not in (None, "", b"", "localhost") and not str(host).startswith(("127.", "::1")):
        with open(os.environ["AUDIT_LOG"], "a") as file:
            file.write(f"{event} {host}\\n")

sys.addaudithook(audit)
"""
"""A ``sitecustomize`` that logs every connection and look-up beyond loopback."""


QUESTION = "What did Manafort share with Kilimnik?"
SHORT_BRIEF = ("--k", "8", "--sections", "1")
"""Options with which models read few passages, and a brief has few sentences."""


def test_a_question_becomes_a_brief_in_three_files_without_any_connection_beyond_loopback(
    store: str, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(AUDIT)
    log = tmp_path / "connections"
    out = tmp_path / "brief"
    done = subprocess.run(
        [
            *COMMAND,
            *("ask", QUESTION, "--llm", "local", *SHORT_BRIEF, "--store", store),
            *("--format", "json", "--output", f"{out}.md", "--output", f"{out}.html", "--output", f"{out}.json"),
        ],
        # One thread of the model, because two that wait for each other are very slow where the cores are shared.
        env={
            **os.environ,
            **NO_MODELS,
            "CITEBRIEF_THREADS": "1",
            "AUDIT_LOG": str(log),
            "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        },
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not log.exists(), log.read_text()
    brief = from_json(done.stdout)
    assert brief.status == "answered"
    assert brief.trace.tokens["calls"] > 0
    assert "small_heading" in brief.trace.prompts
    assert all(sentence.support == "full" and sentence.citations for sentence in brief.sentences())
    assert any("Kilimnik" in sentence.text for sentence in brief.sentences())
    assert done.stdout == Path(f"{out}.json").read_text()
    assert "## Sources" in Path(f"{out}.md").read_text()
    assert "<html" in Path(f"{out}.html").read_text()


def test_an_unanswerable_question_exits_3_and_prints_the_nearest_passages(store: str, citebrief: Run) -> None:
    done = citebrief("ask", "What does a kilo of basmati rice cost?", "--llm", "extractive", "--store", store)
    assert done.returncode == 3
    assert "does not answer" in done.stdout
    assert "Nearest passages" in done.stdout


def test_the_question_is_read_from_standard_input_and_evidence_comes_from_the_chosen_document(
    store: str, citebrief: Run
) -> None:
    done = citebrief(
        *("ask", "-", "--llm", "extractive", "--store", store, "--document", "papado*", "--format", "json"),
        *SHORT_BRIEF,
        stdin="What did Mifsud tell Papadopoulos?",
    )
    assert done.returncode == 0, done.stderr
    assert {source["document_id"] for source in json.loads(done.stdout)["sources"]} == {"papadopoulos.md"}


def test_quiet_prints_the_brief_and_no_status(store: str, tmp_path: Path, citebrief: Run) -> None:
    out = tmp_path / "brief.md"
    arguments = ("ask", "What did Mifsud tell Papadopoulos?", "--llm", "extractive", "--store", store, *SHORT_BRIEF)
    done = citebrief(*arguments, "--output", str(out), "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == out.read_text()
    assert f"wrote {out}" in citebrief(*arguments, "--output", str(out)).stderr


def test_a_failing_model_leaves_the_verified_draft_and_a_message_names_its_file(store: str, citebrief: Run) -> None:
    with FaultServer([failing(500)] * 20) as server:
        done = citebrief(
            *("ask", QUESTION, "--llm", "openai:test", "--store", store, *SHORT_BRIEF),
            OPENAI_BASE_URL=server.base_url,
            CITEBRIEF_RETRIES="0",
            CITEBRIEF_PATIENCE="0",
        )
    assert done.returncode == 1
    assert "citebrief render " in done.stderr
    draft = done.stderr.split("citebrief render ")[1].split()[0]
    rendered = citebrief("render", draft, "--format", "md")
    assert rendered.returncode == 0
    assert "## Sources" in rendered.stdout
    assert "This brief is a draft: it ended while writing 'choice of passages': " in rendered.stdout


def test_a_brief_that_does_not_fit_the_model_is_quoted_and_the_trace_says_so(store: str, citebrief: Run) -> None:
    with FaultServer(odds=[(overflow(), 1.0)]) as server:
        done = citebrief(
            *("ask", QUESTION, "--llm", "openai:test", "--store", store),
            *("--format", "json", "--sections", "2", "--k", "8"),
            OPENAI_BASE_URL=server.base_url,
        )
    assert done.returncode == 0
    brief = from_json(done.stdout)
    assert all(sentence.text == " ".join(sentence.quotes[0].text.split()) for sentence in brief.sentences())
    repairs = [repair for repair in brief.trace.repairs if "does not fit the model's context" in repair.why]
    assert [repair.where for repair in repairs] == ["brief"]
    assert "the whole brief is quotations: test: no usable reply: the request does not fit" in done.stderr
    # Each is asked for once: a longer request would not fit either.
    names = [request.body["response_format"]["json_schema"]["name"] for request in server.requests]
    assert names == ["queries", "select", "brief"]


def test_the_message_says_that_a_brief_is_without_the_large_model(
    citebrief: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.pipeline.answer", lambda *_, **__: with_repairs(("brief", f"{UNUSABLE_REPLY}: cut off")))
    done = citebrief("ask", "Why?", "--llm", "openai:m", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert done.returncode == 0
    assert "the whole brief is quotations: m: no usable reply: cut off" in done.stderr.splitlines()


def test_the_message_counts_the_parts_that_are_without_the_local_model(
    tmp_path: Path, citebrief: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.gguf").touch()
    why = f"{UNUSABLE_REPLY}: it breaks the schema"
    repairs = [("summary", why), ("heading", "only repeats the question"), ("heading", why)]
    monkeypatch.setattr("rag.pipeline.answer", lambda *_, **__: with_repairs(*repairs))
    done = citebrief("ask", "Why?", "--llm", f"local:{tmp_path / 'm.gguf'}")
    assert f"2 parts are without the model: m: {why}" in done.stderr.splitlines()
    repairs.pop()
    done = citebrief("ask", "Why?", "--llm", f"local:{tmp_path / 'm.gguf'}")
    assert f"1 part of the brief is without the model: m: {why}" in done.stderr.splitlines()


def with_repairs(*repairs: tuple[str, str]) -> Brief:
    """A brief by the model m with repairs of these parts for these reasons."""
    brief = answered()
    made = tuple(Repair(where=where, action="quote", before="", after="", why=why) for where, why in repairs)
    return replace(brief, trace=replace(brief.trace, model="m", repairs=made))


def verifying(server: FaultServer) -> list[ReceivedRequest]:
    return [r for r in server.requests if r.body["response_format"]["json_schema"]["name"] == "verify"]


def test_a_remote_writers_model_verifies_in_blind_requests_what_the_packaged_verifier_refuses(
    store: str, citebrief: Run
) -> None:
    with FaultServer() as server:
        done = citebrief(
            *("ask", QUESTION, "--llm", "openai:gpt-4.1-mini", "--store", store),
            *("--format", "json", *SHORT_BRIEF),
            OPENAI_BASE_URL=server.base_url,
        )
        blind = verifying(server)
        assert blind
        assert all(QUESTION not in message["content"] for r in blind for message in r.body["messages"])
        trace = from_json(done.stdout).trace
        assert trace.tokens["calls"] == len(server.requests)
    assert trace.verifier.startswith("citebrief-support/")
    assert "; then gpt-4.1-mini, prompt verify/" in trace.verifier
    assert set(trace.prompts) == {"queries", "select", "brief", "edit", "verify"}
    assert trace.cost is not None
    assert trace.cost > 0
    assert "verifier: the same model; it is given all sentences but near copies" in done.stderr


def test_the_packaged_verifier_alone_asks_nobody(store: str, citebrief: Run) -> None:
    with FaultServer() as server:
        done = citebrief(
            *("ask", QUESTION, "--llm", "openai:test", "--verifier", "support", "--store", store),
            *("--format", "json", *SHORT_BRIEF),
            OPENAI_BASE_URL=server.base_url,
        )
        assert server.requests
        assert verifying(server) == []
    trace = from_json(done.stdout).trace
    assert "then" not in trace.verifier
    assert "verify" not in trace.prompts
    assert "verifier:" not in done.stderr


def test_another_model_may_verify_and_its_calls_count_too(store: str, citebrief: Run) -> None:
    with FaultServer() as server:
        done = citebrief(
            *("ask", QUESTION, "--llm", "openai:gpt-4.1-mini", "--verifier", "llm:openai:gpt-4.1", "--store", store),
            *("--format", "json", *SHORT_BRIEF),
            OPENAI_BASE_URL=server.base_url,
        )
        models = [request.body["model"] for request in server.requests]
        assert [request.body["model"] for request in verifying(server)] == ["gpt-4.1"] * models.count("gpt-4.1")
        assert set(models) == {"gpt-4.1-mini", "gpt-4.1"}
        trace = from_json(done.stdout).trace
        assert trace.tokens["calls"] == len(models)
    mini, large = (models.count(name) for name in ("gpt-4.1-mini", "gpt-4.1"))
    a_reply = (60 * 0.4 + 40 * 0.1 + 20 * 1.6) / 1e6  # at the price of gpt-4.1-mini, a fifth of gpt-4.1's
    assert trace.cost == pytest.approx(a_reply * (mini + 5 * large), rel=0.01)
    assert trace.verifier.startswith("gpt-4.1, prompt verify/")


def test_a_second_run_replays_the_cached_replies_without_key_or_server(
    store: str, citebrief: Run, tmp_path: Path
) -> None:
    question = ("ask", QUESTION, "--llm", "openai:gpt-4.1-mini", "--store", store)
    options = ("--format", "json", *SHORT_BRIEF)
    with FaultServer([truncated()]) as server:  # an unusable reply is replayed too
        first = citebrief(
            *question, *options, OPENAI_BASE_URL=server.base_url, CITEBRIEF_REPLIES=str(tmp_path / "replies")
        )
    second = citebrief(*question, *options, CITEBRIEF_REPLIES=str(tmp_path / "replies"))
    assert (first.returncode, second.returncode) == (0, 0), second.stderr
    recorded, replayed = from_json(first.stdout), from_json(second.stdout)
    assert list(replayed.sentences()) == list(recorded.sentences())
    assert replayed.trace.repairs == recorded.trace.repairs
    assert recorded.trace.tokens["calls"] == len(server.requests)
    assert replayed.trace.tokens["replayed"] == recorded.trace.tokens["calls"] + recorded.trace.tokens["replayed"]
    assert (replayed.trace.tokens["calls"], replayed.trace.cost) == (0, 0)
    assert "without a key" in second.stderr
    asked_else = (*question[:1], "Whom did Papadopoulos meet?", *question[2:])
    other = citebrief(*asked_else, *options, CITEBRIEF_REPLIES=str(tmp_path))
    assert other.returncode == 1
    assert "no reply to" in other.stderr
    assert "OPENAI_API_KEY" in other.stderr


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
@pytest.mark.parametrize(
    ("sent", "replies"), [(signal.SIGINT, [good({"queries": ["Kilimnik"]})]), (signal.SIGTERM, [])]
)
def test_a_stop_while_the_model_is_asked_exits_130_and_keeps_the_draft(
    store: str, tmp_path: Path, citebrief: Run, sent: signal.Signals, replies: list[ScriptedReply]
) -> None:
    out = tmp_path / "brief.md"
    with FaultServer([*replies, *[slow(60)] * 20]) as server:
        env = {**os.environ, **NO_MODELS, "PYTHONPATH": str(ROOT), "OPENAI_BASE_URL": server.base_url}
        process = subprocess.Popen(
            [*COMMAND, "ask", QUESTION, "--llm", "openai:test", "--store", store, "--output", str(out), *SHORT_BRIEF],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
            text=True,
        )
        deadline = time.monotonic() + 120
        while len(server.requests) <= len(replies) and time.monotonic() < deadline:
            time.sleep(0.1)
        asked = len(server.requests)
        process.send_signal(sent)
        try:
            printed, messages = process.communicate(timeout=60)
        finally:
            process.kill()
    assert asked > len(replies), "the model was not asked in time"
    assert process.returncode == 130, messages
    last = messages.splitlines()[-1]
    assert last.startswith("stopped; the draft as it stood")
    assert citebrief("render", last.split("citebrief render ")[1]).returncode == 0
    assert printed == ""
    assert not out.exists()


def test_a_stop_between_two_calls_of_the_model_keeps_the_draft(
    store: str, citebrief: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> LargeWriter:
        raise KeyboardInterrupt

    monkeypatch.setattr("rag.writing.question_run.QuestionRun.large_writer", stopped)
    with FaultServer([good({"queries": ["Kilimnik"]})]) as server:
        asked = ("ask", QUESTION, "--llm", "openai:test", "--store", store, *SHORT_BRIEF)
        done = citebrief(*asked, OPENAI_BASE_URL=server.base_url)
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1].startswith("stopped; the draft as it stood")


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
def test_a_second_stop_while_the_draft_is_kept_does_not_lose_it(
    tmp_path: Path, citebrief: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> Brief:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        except KeyboardInterrupt as error:
            raise Interrupted("while writing: stopped", draft=answered(), doing="summary") from error
        raise AssertionError("not stopped")

    def named_slowly(draft: Brief) -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
        return "draft"

    monkeypatch.setattr("rag.pipeline.answer", stopped)
    monkeypatch.setattr("rag.pipeline.draft_name", named_slowly)
    store = tmp_path / "store"
    done = citebrief("ask", "Why?", "--llm", "openai:m", "--store", str(store), OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1].startswith("stopped; the draft as it stood")
    kept = from_json((store / "drafts" / "draft.json").read_text())
    assert list(kept.sentences()) == list(answered().sentences())
    assert kept.trace.notices[-1] == "This brief is a draft: it ended while writing: stopped."


def test_an_extractive_answer_imports_no_model_client(store: str) -> None:
    code = (
        "import sys; from rag.config import load_settings; from rag import pipeline; "
        f"settings = load_settings({{'store': {store!r}, 'llm': 'extractive', 'k': 8, 'sections': 1}}); "
        "pipeline.answer('What did Mifsud tell Papadopoulos?', settings); "
        "print(sorted({'langchain_openai', 'openai', 'xllamacpp', 'trafilatura', 'docx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
