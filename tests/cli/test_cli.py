"""The command line as a person uses it: real processes, the real index, and once the real local model."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from fault_server import FaultServer, failing, overflow, slow, truncated

from rag import pipeline
from rag.cli.main import main
from rag.config import load_settings
from rag.render.json import from_json

ROOT = Path(__file__).parents[2]
NO_MODELS = {"OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}
WATCH = """
import ipaddress, os, sys

def watch(event, args):
    host = None
    if event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = args[0]
    if host not in (None, "", b"", "localhost") and not str(host).startswith(("127.", "::1")):
        with open(os.environ["WATCHED"], "a") as file:
            file.write(f"{event} {host}\\n")

sys.addaudithook(watch)
"""


COMMAND = [sys.executable, "-c", "from rag.cli.main import main; main()"]


@dataclass(frozen=True)
class Done:
    """What a run of the command line left: its exit status and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def citebrief(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line in this process, which has the encoder loaded already."""

    def run(*arguments: str, stdin: str = "", **environment: str) -> Done:
        for name, value in {**NO_MODELS, **environment}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["citebrief", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        said = capsys.readouterr()
        return Done(int(exit_.value.code or 0), said.out, said.err)

    return run


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An index over six documents of the corpus, one of each format and one on another subject."""
    directory = tmp_path_factory.mktemp("documents")
    for name in (
        "papadopoulos.md",
        "seychelles-meeting.txt",
        "june-9-2016-meeting.html",
        "manafort-and-kilimnik.pdf",
        "hamburg-helsinki-osaka.docx",
        "montreal-protocol-ozone.md",
    ):
        shutil.copy(ROOT / "corpus" / name, directory)
    where = str(tmp_path_factory.mktemp("index") / "store")
    report = pipeline.index([str(directory)], load_settings({"store": where}))
    assert report.added == 6
    return where


def test_main_job_offline_with_the_real_local_model(store: str, tmp_path: Path) -> None:
    """A question becomes a cited brief in three files, and nothing but loopback is ever connected to."""
    (tmp_path / "sitecustomize.py").write_text(WATCH)
    watched = tmp_path / "watched"
    out = tmp_path / "brief"
    done = subprocess.run(
        [
            *COMMAND,
            *("ask", "What did Manafort share with Kilimnik?", "--llm", "local", "--sections", "2", "--store", store),
            *("--format", "json", "--output", f"{out}.md", "--output", f"{out}.html", "--output", f"{out}.json"),
        ],
        env={**os.environ, **NO_MODELS, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "WATCHED": str(watched)},
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not watched.exists(), watched.read_text()
    brief = from_json(done.stdout)
    assert brief.status == "answered"
    assert brief.trace.tokens["calls"] > 0
    assert brief.trace.prompts.keys() == {"fuse", "heading", "rewrite"}
    assert all(sentence.support == "full" and sentence.citations for sentence in brief.sentences())
    assert any("Kilimnik" in sentence.text for sentence in brief.sentences())
    assert done.stdout == Path(f"{out}.json").read_text()
    assert "## Sources" in Path(f"{out}.md").read_text()
    assert "<html" in Path(f"{out}.html").read_text()


def test_a_question_without_an_answer_exits_3_and_shows_what_came_nearest(store: str, citebrief: Run) -> None:
    done = citebrief("ask", "What does a kilo of basmati rice cost?", "--llm", "extractive", "--store", store)
    assert done.returncode == 3
    assert "does not answer" in done.stdout
    assert "Nearest passages" in done.stdout


def test_question_from_standard_input_and_evidence_narrowed_to_one_document(store: str, citebrief: Run) -> None:
    done = citebrief(
        *("ask", "-", "--llm", "extractive", "--store", store, "--document", "papado*", "--format", "json"),
        stdin="What did Mifsud tell Papadopoulos?",
    )
    assert done.returncode == 0, done.stderr
    assert {source["document_id"] for source in json.loads(done.stdout)["sources"]} == {"papadopoulos.md"}


def test_search_and_show_lead_from_a_query_to_a_passage_in_its_surroundings(store: str, citebrief: Run) -> None:
    found = json.loads(citebrief("search", "polling data", "--k", "2", "--store", store, "--json").stdout)
    assert [hit["rank"] for hit in found] == [1, 2]
    assert "polling" in found[0]["text"]
    shown = json.loads(citebrief("show", found[0]["chunk_id"], "--store", store, "--json").stdout)
    assert shown["text"] == found[0]["text"]
    assert shown["before"] or shown["after"]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["ask", "Why?", "--store", "nowhere", "--llm", "extractive"], 4, "citebrief index"),
        (["ask", "Why?", "--llm", "gpt"], 2, "not one of auto"),
        (["ask", "Why?", "--llm", "openai:gpt-5"], 2, "OPENAI_API_KEY"),
        (["ask", "Why?", "--output", "brief.docx", "--llm", "extractive"], 2, "unknown suffix"),
        (["ask", "Why?", "--output", "no/such/brief.md", "--llm", "extractive"], 2, "there is no folder"),
        (["ask", " ", "--llm", "extractive"], 2, "empty"),
        (["ask", "Why?", "--since", "spring", "--llm", "extractive"], 2, "2019-04-18"),
        (["ask", "Why?", "--k", "0"], 2, "--k"),
        (["index", "no-such-folder"], 2, "no-such-folder"),
        (["render", "no-such.json"], 2, "no-such.json"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_bad_input_gets_one_line_that_names_it_and_its_exit_status(
    arguments: list[str], status: int, message: str, tmp_path: Path, citebrief: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = citebrief(*arguments)
    assert done.returncode == status, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_unknown_passage_names_the_way_to_find_one(store: str, citebrief: Run) -> None:
    done = citebrief("show", "made-up.12345678", "--store", store)
    assert done.returncode == 2
    assert "citebrief search" in done.stderr


def test_strict_indexing_fails_on_a_broken_file_and_still_indexes_the_rest(tmp_path: Path, citebrief: Run) -> None:
    shutil.copy(ROOT / "corpus" / "papadopoulos.md", tmp_path)
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 nothing follows")
    done = citebrief("index", str(tmp_path), "--store", str(tmp_path / ".store"), "--strict", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["added"] == 1
    assert "broken.pdf" in done.stderr


def test_a_failing_model_leaves_the_verified_draft_and_says_where(store: str, citebrief: Run) -> None:
    with FaultServer([failing(500)] * 20) as server:
        done = citebrief(
            *("ask", "What did Manafort share with Kilimnik?", "--llm", "openai:test", "--store", store),
            OPENAI_BASE_URL=server.base_url,
            CITEBRIEF_RETRIES="0",
            CITEBRIEF_PATIENCE="0",
        )
    assert done.returncode == 1
    assert "citebrief render " in done.stderr
    kept = done.stderr.split("citebrief render ")[1].split()[0]
    rendered = citebrief("render", kept, "--format", "md")
    assert rendered.returncode == 0
    assert "## Sources" in rendered.stdout


def test_sections_that_do_not_fit_the_model_are_set_as_quotes_and_the_trace_says_so(store: str, citebrief: Run) -> None:
    with FaultServer(odds=[(overflow(), 1.0)]) as server:
        done = citebrief(
            *("ask", "What did Manafort share with Kilimnik?", "--llm", "openai:test", "--store", store),
            *("--format", "json", "--sections", "2", "--k", "8"),
            OPENAI_BASE_URL=server.base_url,
        )
    assert done.returncode == 0
    brief = from_json(done.stdout)
    assert all(sentence.text == " ".join(sentence.quotes[0].text.split()) for sentence in brief.sentences())
    told = [repair for repair in brief.trace.repairs if "does not fit the model's context" in repair.why]
    assert {repair.where for repair in told} >= {section.heading for section in brief.sections}
    assert len(server.requests) == len(told)  # one each: a longer request would fit no better


def test_a_second_run_is_replayed_from_the_kept_replies_without_key_or_server(
    store: str, citebrief: Run, tmp_path: Path
) -> None:
    question = ("ask", "What did Manafort share with Kilimnik?", "--llm", "openai:gpt-4.1-mini", "--store", store)
    options = ("--format", "json", "--sections", "1", "--k", "8")
    with FaultServer([truncated()]) as server:  # a reply that could not be used is part of what is replayed
        first = citebrief(
            *question, *options, OPENAI_BASE_URL=server.base_url, CITEBRIEF_REPLIES=str(tmp_path / "kept")
        )
    second = citebrief(*question, *options, CITEBRIEF_REPLIES=str(tmp_path / "kept"))
    assert (first.returncode, second.returncode) == (0, 0), second.stderr
    recorded, replayed = from_json(first.stdout), from_json(second.stdout)
    assert list(replayed.sentences()) == list(recorded.sentences())
    assert replayed.trace.repairs == recorded.trace.repairs
    assert recorded.trace.tokens["calls"] == len(server.requests)
    assert replayed.trace.tokens["replayed"] == recorded.trace.tokens["calls"] + recorded.trace.tokens["replayed"]
    assert (replayed.trace.tokens["calls"], replayed.trace.cost) == (0, 0)
    assert "without a key" in second.stderr
    other = citebrief(*question[:1], "Whom did Papadopoulos meet?", *question[2:], CITEBRIEF_REPLIES=str(tmp_path))
    assert other.returncode == 1
    assert "no reply to" in other.stderr
    assert "OPENAI_API_KEY" in other.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_terminating_while_the_model_writes_keeps_the_draft(store: str) -> None:
    with FaultServer([slow(60)] * 20) as server:
        env = {**os.environ, **NO_MODELS, "PYTHONPATH": str(ROOT), "OPENAI_BASE_URL": server.base_url}
        process = subprocess.Popen(
            [*COMMAND, "ask", "What did Manafort share with Kilimnik?", "--llm", "openai:test", "--store", store],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=env,
            text=True,
        )
        deadline = time.monotonic() + 120
        while not server.requests and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert "is kept: citebrief render" in said
    assert process.returncode == 1


def test_help_is_fast_because_it_imports_nothing_heavy() -> None:
    code = textwrap.dedent("""
        import sys
        import rag.cli.main
        heavy = {"torch", "chromadb", "sentence_transformers", "langchain_core", "openai", "pydantic", "numpy"}
        print(sorted(heavy & set(sys.modules)))
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_extractive_answers_load_no_model_library(store: str) -> None:
    code = (
        "import sys; from rag.config import load_settings; from rag import pipeline; "
        f"pipeline.answer('What did Mifsud tell Papadopoulos?', load_settings({{'store': {store!r}, 'llm': 'extractive'}})); "
        "print(sorted({'langchain_openai', 'openai', 'xllamacpp', 'trafilatura', 'docx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_doctor_tells_what_would_be_used(store: str, citebrief: Run) -> None:
    findings = json.loads(citebrief("doctor", "--store", store, "--json").stdout)
    assert "6 documents" in findings["index"]
    assert "as published" in findings["embedder"]
