"""A Ray cluster of two nodes against a Chroma server: the same index, the same briefs, and nothing lost with a node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from chroma_server import chroma_server
from fault_server import FaultServer, failing

from rag import pipeline, ray_cluster, ray_embedding, ray_engine
from rag.answerer import Answerer, Question
from rag.config import Settings, load
from rag.embedding import load as embedder
from rag.errors import IndexMissing, UsageError
from rag.index import Index
from rag.pipeline import Outcome
from rag.ray_embedding import RayEmbedder
from rag.ray_engine import answer_many
from rag.render import render
from rag.types import Brief

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

pytest.importorskip("ray", reason=f"Ray is not installed ({ray_cluster.INSTALL})")

ROOT = Path(__file__).parent.parent
SHORT: dict[str, Any] = {"llm": "extractive", "k": 12, "sections": 3}
KEY = "sk-kept-out-of-every-log"
SUITE = [json.loads(line) for line in (ROOT / "eval" / "cases" / "demo.jsonl").read_text(encoding="utf-8").splitlines()]
QUESTIONS = [Question(id=row["id"], text=row["question"]) for row in SUITE[:8]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chroma_server(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two nodes with a processor each, to which this process is connected."""
    import ray
    from ray.cluster_utils import Cluster

    folder = tempfile.mkdtemp(prefix="ray-")  # a socket's path is short
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        node = {"num_cpus": 1, "object_store_memory": 80_000_000}
        found = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False, "temp_dir": folder})
        found.add_node(**node)
        patch.setenv("RAY_ADDRESS", found.address)
        ray.init(log_to_driver=False, logging_level="ERROR")
        yield found
        ray.shutdown()
        found.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """corpus/, indexed in a folder without Ray."""
    settings = load({"store": str(tmp_path_factory.mktemp("plain")), **SHORT})
    pipeline.index([str(ROOT / "corpus")], settings)
    return settings


@pytest.fixture(scope="module")
def remote(cluster: Cluster, server: str) -> Settings:
    """corpus/, indexed on the server by the command line with Ray."""
    command = [
        sys.executable,
        "-c",
        "from rag import ray_embedding; ray_embedding.BLOCK = 32; from rag.cli import main; main()",
    ]
    command += ["index", str(ROOT / "corpus"), "--engine", "ray", "--store", server, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["embedded"] > 200, "stdout is for data, whatever Ray has to say"
    return load({"store": server, **SHORT})


def test_embedding_on_ray_gives_the_index_that_embedding_here_gives(plain: Settings, remote: Settings) -> None:
    here, there = (Index.open(settings.store, embedder("minilm")) for settings in (plain, remote))
    assert there.fingerprint == here.fingerprint
    records = list(here.catalogue.records())
    ours, theirs = here.vector_store.vectors(records), there.vector_store.vectors(records)
    assert max(abs(ours[record] - theirs[record]).max() for record in records) < 1e-5


def test_what_fails_is_an_outcome_and_no_log_of_ray_has_the_key(
    remote: Settings, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FaultServer([failing(500)] * 20) as server:
        settings = load({"store": remote.store, "llm": "openai:gpt-4.1-mini", "k": 12, "retries": 0})
        settings = settings.model_copy(update={"openai_base_url": server.base_url})
        (outcome,) = answer_many(QUESTIONS[:1], settings, jobs=1)
    assert (outcome.question, outcome.status, outcome.brief) == (QUESTIONS[0], "failed", None)
    assert "the server failed" in outcome.error
    logs = list(Path(cluster.head_node.get_logs_dir_path()).rglob("*.*"))
    assert logs
    assert not [log.name for log in logs if log.is_file() and KEY.encode() in log.read_bytes()]


def test_a_question_that_takes_every_worker_down_ends_in_an_error_and_the_others_are_answered(
    remote: Settings, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fragile:
        def __init__(self, *_: object) -> None:
            """No index, no model."""

        def open(self) -> str:
            return ""

        def answer(self, question: Question) -> Outcome:
            if question.text == "deadly":
                os._exit(1)
            return Outcome(question=question, seconds=0.0)

    monkeypatch.setattr(ray_engine, "_Worker", Fragile)
    questions = [Question(id=str(n), text="deadly" if n == 1 else "harmless") for n in range(5)]
    errors = {outcome.question.id: outcome.error for outcome in answer_many(questions, remote, jobs=2)}
    assert sorted(errors) == ["0", "1", "2", "3", "4"]
    assert [id_ for id_, error in errors.items() if error] == ["1"]
    assert f"{ray_engine.TRIES} workers died" in errors["1"]


def test_a_question_in_flight_when_the_caller_stops_is_given_up_and_no_other_is_taken(
    remote: Settings, cluster: Cluster
) -> None:
    stop, taken = threading.Event(), iter(QUESTIONS)
    (outcome,) = answer_many(taken, remote, jobs=1, stop=stop, on_progress=lambda *_: stop.set())
    assert (outcome.question, outcome.status) == (QUESTIONS[0], "open")
    assert next(taken) == QUESTIONS[1]


def test_a_folder_is_refused_where_other_nodes_do_not_see_it(plain: Settings, cluster: Cluster) -> None:
    with pytest.raises(UsageError, match="chroma run"):
        next(answer_many(QUESTIONS, plain, jobs=2))


def test_an_index_that_is_not_there_is_told_before_the_first_question(
    server: str, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chroma_server(tmp_path / "empty") as empty, pytest.raises(IndexMissing):
        next(answer_many(QUESTIONS, load({"store": empty, **SHORT}), jobs=2))


def test_a_remote_embedder_needs_no_cluster_and_without_ray_the_fix_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="leave --engine out"), on_ray("openai:text-embedding-3-small"):
        pass
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"citebrief\[ray\]"), on_ray("minilm"):
        pass


def test_a_cluster_that_is_not_there_is_named() -> None:
    command = [
        sys.executable,
        "-c",
        "from rag.cli import main; main()",
        "index",
        str(ROOT / "corpus"),
        "--engine",
        "ray",
    ]
    environment = {**os.environ, "RAY_ADDRESS": "127.0.0.1:9"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no Ray cluster at 127.0.0.1:9" in done.stderr


def test_with_a_node_killed_in_the_middle_every_question_gets_its_brief_once(
    plain: Settings, remote: Settings, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    handed_out: Counter[str] = Counter()
    briefs: dict[str, Brief] = {}
    for outcome in answer_many(QUESTIONS, remote, jobs=4, on_progress=lambda q, _: handed_out.update([q.id])):
        assert outcome.question.id not in briefs, "one outcome a question"
        assert outcome.brief, outcome.error
        briefs[outcome.question.id] = outcome.brief
        if len(briefs) == 3:
            (node,) = cluster.worker_nodes
            cluster.remove_node(node, allow_graceful=False)
    assert capsys.readouterr().out == "", "stdout is for data, whatever Ray has to say"
    assert handed_out.total() > len(QUESTIONS), "the node that was killed had questions"
    with Answerer(plain) as answerer:
        assert {id_: _timeless(brief) for id_, brief in briefs.items()} == {
            question.id: _timeless(answerer.answer(question.text)) for question in QUESTIONS
        }


def on_ray(embedder: str) -> AbstractContextManager[RayEmbedder]:
    return ray_embedding.embedder(load({"embedder": embedder}))


def _timeless(brief: Brief) -> dict[str, Any]:
    """The JSON of ``brief`` but for its seconds."""
    found: dict[str, Any] = json.loads(render(replace(brief, trace=replace(brief.trace, seconds={})), "json"))
    return found
