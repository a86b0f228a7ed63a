"""A Ray cluster of two nodes with a Chroma server: the index and the briefs are the same when a node is killed."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from chroma_server import chroma_server
from fault_server import FaultServer, failing

from rag import pipeline
from rag.batch import QuestionResult, RunDirectory, run_batch
from rag.batch.ray import embedding, pool
from rag.batch.ray.cluster import INSTALL_RAY
from rag.batch.ray.engine import answer_many_on_ray
from rag.config import Settings, load_settings
from rag.embedding import load_embedder
from rag.errors import IndexMissing, UsageError
from rag.llm import Budget, rates_of, resolve
from rag.store import Index, IndexReport
from rag.types import Question

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.integration]
pytest.importorskip("ray", reason=f"Ray is not installed ({INSTALL_RAY})")

ROOT = Path(__file__).parents[2]
SHORT_BRIEF: dict[str, Any] = {"llm": "extractive", "k": 12, "sections": 3}
API_KEY = "sk-kept-out-of-every-log"
SUITE = [json.loads(line) for line in (ROOT / "eval" / "cases" / "demo.jsonl").read_text(encoding="utf-8").splitlines()]
QUESTIONS = [Question(id=row["id"], text=row["question"]) for row in SUITE[:8]]
NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}
REPLY_COST = (60 * 0.4 + 40 * 0.1 + 20 * 1.6) / 1e6
"""Cost in US dollars of one reply of the fault server at the price of gpt-4.1-mini."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chroma_server(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two nodes with one processor each, to which this process is connected."""
    import ray
    from ray.cluster_utils import Cluster

    directory = tempfile.mkdtemp(prefix="ray-")  # a short path, since the path of a socket has to be short
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        two_nodes = Cluster(
            initialize_head=True, head_node_args={**NODE, "include_dashboard": False, "temp_dir": directory}
        )
        two_nodes.add_node(**NODE)
        patch.setenv("RAY_ADDRESS", two_nodes.address)
        ray.init(log_to_driver=False, logging_level="ERROR")
        yield two_nodes
        ray.shutdown()
        two_nodes.shutdown()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def other(cluster: Cluster) -> Any:
    """The node that this process is not on, which a test may kill."""
    if not cluster.worker_nodes:
        cluster.add_node(**NODE)
    (node,) = cluster.worker_nodes
    return node


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """corpus/, indexed into a directory without Ray."""
    settings = load_settings({"store": str(tmp_path_factory.mktemp("plain")), **SHORT_BRIEF})
    pipeline.index([str(ROOT / "corpus")], settings)
    return settings


@pytest.fixture(scope="module")
def indexed(
    cluster: Cluster, server: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Settings, IndexReport, Counter[str]]:
    """corpus/, indexed into the server with Ray while the other node is killed; the number of blocks begun by node."""
    begun = tmp_path_factory.mktemp("begun")

    class RecordingEncoder(embedding.BlockEncoder):
        """Records each block that it begins, and is so slow that both nodes get blocks."""

        def __call__(self, block: Any) -> Any:
            import ray

            (begun / f"{ray.get_runtime_context().get_node_id()} {uuid4()}").touch()
            time.sleep(0.3)
            return super().__call__(block)

    (node,) = cluster.worker_nodes

    def kill() -> None:
        while not list(begun.glob(f"{node.node_id} *")):
            time.sleep(0.05)
        cluster.remove_node(node, allow_graceful=False)

    settings = load_settings({"store": server, **SHORT_BRIEF})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding, "BlockEncoder", RecordingEncoder)
        patch.setattr(embedding, "TEXTS_PER_BLOCK", 16)
        threading.Thread(target=kill, daemon=True).start()
        with embedding.ray_embedder(settings) as on_ray:
            report = pipeline.index([str(ROOT / "corpus")], settings, embedder=on_ray)
    assert not cluster.worker_nodes, "the other node was killed after it had begun a block"
    return settings, report, Counter(file.name.partition(" ")[0] for file in begun.iterdir())


@pytest.fixture(scope="module")
def remote(indexed: tuple[Settings, IndexReport, Counter[str]]) -> Settings:
    return indexed[0]


def test_the_index_made_on_ray_while_a_node_is_killed_is_the_index_made_locally(
    plain: Settings, indexed: tuple[Settings, IndexReport, Counter[str]]
) -> None:
    remote, report, begun = indexed
    assert len(begun) == 2
    assert begun.total() > -(-report.embedded // 16), "the lost block was repeated"
    here, there = (Index.open(settings.store, load_embedder("minilm")) for settings in (plain, remote))
    assert there.fingerprint == here.fingerprint
    records = list(here.catalogue.records())
    assert report.embedded == len(records)
    ours, theirs = here.vector_store.vectors(records), there.vector_store.vectors(records)
    assert max(abs(ours[record] - theirs[record]).max() for record in records) < 1e-5


def test_a_batch_during_which_a_node_is_killed_has_the_briefs_of_a_local_batch(
    plain: Settings, remote: Settings, cluster: Cluster, other: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handed_out: Counter[str] = Counter()

    def counted(*args: Any, on_progress: Any, **kwargs: Any) -> Any:
        return answer_many_on_ray(*args, on_progress=lambda q, _: handed_out.update([q.id]), **kwargs)

    def on_row(_: str, finished: int, __: int) -> None:
        if finished == 3:
            cluster.remove_node(other, allow_graceful=False)

    there = run(tmp_path / "there", remote, jobs=4, answer=counted, on_row=on_row)
    assert capsys.readouterr().out == "", "Ray may not print on stdout"
    assert handed_out.total() > len(QUESTIONS), "the killed node had questions, which were repeated"
    assert there == run(tmp_path / "here", plain, jobs=1)


def test_workers_on_two_nodes_share_one_budget(
    remote: Settings, other: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", API_KEY)
    paid: list[float] = []
    with FaultServer() as server:
        settings = load_settings({"store": remote.store, "llm": "openai:gpt-4.1-mini", "k": 12, "sections": 1})
        settings = settings.model_copy(update={"openai_base_url": server.base_url})
        prices = rates_of(resolve(settings.llm, settings), settings)
        assert prices
        budget_usd = 0.008  # one call may cost 0.006, and costs a hundredth of that
        budget = Budget(budget_usd, prices, on_paid=paid.append)
        results = list(answer_many_on_ray(QUESTIONS * 5, settings, jobs=8, budget=budget))
        calls = len(server.requests)
    assert "BudgetSpent" in {result.fault for result in results}
    assert len(results) < len(QUESTIONS) * 5, "no further question is taken"
    assert budget.spent == pytest.approx(sum(paid)) == pytest.approx(calls * REPLY_COST)
    assert budget.spent <= budget_usd


def test_a_failed_question_is_a_result_and_no_log_of_ray_has_the_api_key(
    remote: Settings, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", API_KEY)
    with FaultServer([failing(500)] * 20) as server:
        settings = load_settings({"store": remote.store, "llm": "openai:gpt-4.1-mini", "k": 12, "retries": 0})
        settings = settings.model_copy(update={"openai_base_url": server.base_url})
        (result,) = answer_many_on_ray(QUESTIONS[:1], settings, jobs=1)
    assert (result.question, result.status, result.brief) == (QUESTIONS[0], "failed", None)
    assert "the server failed" in result.error
    logs = list(Path(cluster.head_node.get_logs_dir_path()).rglob("*.*"))
    assert logs
    assert not [log.name for log in logs if log.is_file() and API_KEY.encode() in log.read_bytes()]


@pytest.mark.parametrize("jobs", [2, 6])  # one question a worker, and three
def test_a_question_that_kills_every_worker_fails_and_the_others_are_answered(
    jobs: int, remote: Settings, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fragile:
        def __init__(self, *_: object) -> None:
            """No index, no model."""

        def open(self) -> str:
            return ""

        def answer(self, question: Question) -> QuestionResult:
            if question.text == "deadly":
                os._exit(1)
            time.sleep(0.1)
            return QuestionResult(question=question, seconds=0.0)

    monkeypatch.setattr(pool, "Worker", Fragile)
    questions = [Question(id=str(n), text="deadly" if n == 1 else "harmless") for n in range(5)]
    errors = {result.question.id: result.error for result in answer_many_on_ray(questions, remote, jobs=jobs)}
    assert sorted(errors) == ["0", "1", "2", "3", "4"]
    assert [id_ for id_, error in errors.items() if error] == ["1"]
    assert f"{pool.MAX_DEATHS} workers died" in errors["1"]


def test_a_running_question_ends_when_the_caller_stops_and_no_other_is_taken(
    remote: Settings, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Patient:
        def __init__(self, *_: object) -> None:
            self._halt = threading.Event()

        def open(self) -> str:
            return ""

        def answer(self, question: Question) -> QuestionResult:
            return QuestionResult(question=question, seconds=0.0, stopped=self._halt.wait(60))

        def halt(self) -> None:
            self._halt.set()

    monkeypatch.setattr(pool, "Worker", Patient)
    stop, taken = threading.Event(), iter(QUESTIONS)
    (result,) = answer_many_on_ray(taken, remote, jobs=1, stop=stop, on_progress=lambda *_: stop.set())
    assert (result.question, result.status) == (QUESTIONS[0], "open")
    assert next(taken) == QUESTIONS[1]


def test_questions_are_taken_lazily(remote: Settings, other: Any) -> None:
    taken = 0

    def endless() -> Iterator[Question]:
        nonlocal taken
        while True:
            taken += 1
            yield QUESTIONS[taken % 4]

    results = answer_many_on_ray(endless(), remote, jobs=3)
    for done in range(1, 13):
        next(results)
        assert taken <= done + 3
    results.close()


def test_a_local_index_is_refused_on_a_cluster_of_several_nodes(plain: Settings, other: Any) -> None:
    with pytest.raises(UsageError, match="which the cluster's other nodes do not see: run `chroma run`"):
        next(answer_many_on_ray(QUESTIONS, plain, jobs=2))


def test_a_missing_index_is_reported_before_the_first_question(cluster: Cluster, tmp_path: Path) -> None:
    with chroma_server(tmp_path / "empty") as empty, pytest.raises(IndexMissing, match="no index in chroma"):
        next(answer_many_on_ray(QUESTIONS, load_settings({"store": empty, **SHORT_BRIEF}), jobs=2))


def run(out: Path, settings: Settings, **kwargs: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """Run a batch of :data:`QUESTIONS`. Returns the id, the status and the brief without its seconds, by row."""
    directory = RunDirectory(path=out, formats=["json"])
    with directory.locked():
        directory.start({})
        summary = run_batch(QUESTIONS, settings, directory, **kwargs)
    assert (summary.ended, summary.failed) == ("done", 0)
    briefs = []
    for row in map(json.loads, (out / "results.jsonl").read_text().splitlines()):
        brief = json.loads((out / row["files"]["json"]).read_text())
        brief["trace"].pop("seconds")
        briefs.append((row["id"], row["status"], brief))
    assert [id_ for id_, _, __ in briefs] == [question.id for question in QUESTIONS]
    return briefs
