"""A Ray cluster of two nodes against a Chroma server: the same index, the same briefs, and nothing lost with a node."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from chroma_server import chroma_server

from rag import pipeline, ray_cluster
from rag.config import Settings, load
from rag.embedding import load as embedder
from rag.index import Index
from rag.pipeline import Answerer, Question
from rag.ray_engine import answer_many
from rag.render import render
from rag.types import Brief

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

pytest.importorskip("ray", reason=f"Ray is not installed ({ray_cluster.INSTALL})")

ROOT = Path(__file__).parent.parent
KEY = "sk-kept-out-of-every-log"
SUITE = [json.loads(line) for line in (ROOT / "eval" / "cases" / "demo.jsonl").read_text(encoding="utf-8").splitlines()]
QUESTIONS = [Question(id=row["id"], text=row["question"]) for row in SUITE[:12]]


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
    settings = load({"store": str(tmp_path_factory.mktemp("plain")), "llm": "extractive"})
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
    return load({"store": server, "llm": "extractive"})


def test_embedding_on_ray_gives_the_index_that_embedding_here_gives(plain: Settings, remote: Settings) -> None:
    here, there = (Index.open(settings.store, embedder("minilm")) for settings in (plain, remote))
    assert there.fingerprint == here.fingerprint
    records = list(here.catalogue.records())
    ours, theirs = here.vector_store.vectors(records), there.vector_store.vectors(records)
    assert max(abs(ours[record] - theirs[record]).max() for record in records) < 1e-5


def test_with_a_node_killed_in_the_middle_every_question_gets_its_brief_once(
    plain: Settings, remote: Settings, cluster: Cluster
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
    assert ray_cluster.nodes() == 1
    assert handed_out.total() > len(QUESTIONS), "the node that was killed had questions"
    with Answerer(plain) as answerer:
        assert {id_: _timeless(brief) for id_, brief in briefs.items()} == {
            question.id: _timeless(answerer.answer(question.text)) for question in QUESTIONS
        }


def _timeless(brief: Brief) -> dict[str, Any]:
    """The JSON of ``brief`` but for its seconds."""
    found: dict[str, Any] = json.loads(render(replace(brief, trace=replace(brief.trace, seconds={})), "json"))
    return found
