"""`--engine ray` on one node, and the errors without a cluster. ``test_ray_nodes.py`` runs on two nodes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fault_server import FaultServer

from rag.batch import QuestionResult
from rag.batch.ray import cluster, embedding, pool
from rag.batch.ray.budget import BudgetClient, SharedBudget
from rag.batch.ray.engine import answer_many_on_ray, worker_count, worker_settings
from rag.batch.ray.worker import Worker
from rag.cli.main import cli
from rag.config import Settings, load_settings
from rag.errors import CitebriefError, ModelError, UsageError
from rag.llm import Budget, Rates
from rag.progress import Step
from rag.types import Question

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
QUESTIONS = "When was the Panama Canal opened?\nWhy did the French attempt to build it fail?\nHow is bread made?\n"
DOLLAR_A_TOKEN = Rates(prompt=1e6, cached=1e6, completion=1e6)


def invoke(*words: str, **env: str) -> Result:
    return CliRunner().invoke(cli, list(words), env={"OPENAI_API_KEY": "", "OPENAI_BASE_URL": "", **env})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("documents")
    shutil.copy(ROOT / "corpus" / "panama-canal-construction.txt", directory)
    assert invoke("index", str(directory), "--store", str(directory / "store")).exit_code == 0
    return directory / "store"


@pytest.fixture(scope="module")
def ray_here() -> Iterator[None]:
    """A cluster as it is started without an address, although another one seems to run on this machine."""
    pytest.importorskip("ray", reason=f"Ray is not installed ({cluster.INSTALL_RAY})")
    # A short path, since the path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as directory:
        Path(directory, "ray").mkdir()
        Path(directory, "ray", "ray_current_cluster").write_text("127.0.0.1:9")  # `ray start` writes its address here
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RAY_TMPDIR", directory)
            patch.delenv("RAY_ADDRESS", raising=False)
            with cluster.connected(load_settings()):
                yield


def test_a_batch_on_ray_has_the_same_briefs_as_a_local_batch(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason=f"Ray is not installed ({cluster.INSTALL_RAY})")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.chdir(tmp_path)  # a worker runs in another directory and has to find the store
    shutil.copytree(store, "store")
    Path("questions.txt").write_text(QUESTIONS)
    briefs = {}
    for where in ("local", "ray"):
        ran = invoke(
            *("batch", "questions.txt", "--out", where, "--engine", where, "--jobs", "1", "--llm", "extractive"),
            *("--store", "store", "--k", "12", "--quiet", "--json"),
        )
        assert ran.exit_code == 0, ran.output
        assert json.loads(ran.stdout)["answered"] == 2, "Ray may not print on stdout"
        briefs[where] = [
            (row["id"], row["status"], without_seconds(Path(where, row["files"]["json"])))
            for row in map(json.loads, Path(where, "results.jsonl").read_text().splitlines())
        ]
    assert len(briefs["ray"]) == 3
    assert briefs["ray"] == briefs["local"]


def test_without_ray_the_error_names_the_fix_and_nothing_is_written(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    (tmp_path / "questions.txt").write_text(QUESTIONS)
    for command in (
        ("batch", str(tmp_path / "questions.txt"), "--out", str(tmp_path / "out"), "--llm", "extractive"),
        ("index", str(ROOT / "corpus")),
    ):
        ran = invoke(*command, "--store", str(store), "--engine", "ray")
        assert isinstance(ran.exception, UsageError)
        assert cluster.INSTALL_RAY in str(ran.exception)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_remote_embedder_is_refused_on_ray(tmp_path: Path) -> None:
    words = ("index", str(ROOT / "corpus"), "--engine", "ray", "--store", str(tmp_path))
    ran = invoke(*words, "--embedder", "openai:text-embedding-3-small")
    assert isinstance(ran.exception, UsageError)
    assert "leave --engine out" in str(ran.exception)


def test_an_unreachable_cluster_is_named_in_one_line() -> None:
    pytest.importorskip("ray", reason=f"Ray is not installed ({cluster.INSTALL_RAY})")
    command = [sys.executable, "-c", "from rag.cli.main import main; main()", "index", str(ROOT / "corpus")]
    environment = {**os.environ, "RAY_ADDRESS": "127.0.0.1:9"}
    done = subprocess.run([*command, "--engine", "ray"], capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no Ray cluster at 127.0.0.1:9, the address in RAY_ADDRESS" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("limits", "workers"),
    [({}, 8), ({"rpm": 3}, 3), ({"rpm": 100}, 8), ({"tpm": 90_000}, 4), ({"tpm": 5_000}, 1)],
)
def test_rate_limits_cap_the_number_of_workers(
    limits: dict[str, int], workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "processor_count", lambda: 8)
    assert worker_count(32, load_settings(limits)) == workers


def test_without_an_address_a_running_cluster_is_not_joined(ray_here: None) -> None:
    import ray

    assert ray.get_runtime_context().gcs_address != "127.0.0.1:9"
    assert cluster.node_count() == 1


@pytest.mark.parametrize("before", [signal.SIG_DFL, signal.SIG_IGN])
def test_the_callers_sigterm_handler_is_restored(before: signal.Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason=f"Ray is not installed ({cluster.INSTALL_RAY})")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(ray, "init", lambda *_, **__: signal.signal(signal.SIGTERM, lambda *_: None))
    original = signal.signal(signal.SIGTERM, before)
    try:
        with cluster.connected(load_settings()):
            assert signal.getsignal(signal.SIGTERM) == before
    finally:
        signal.signal(signal.SIGTERM, original)


def failing_actor() -> Any:
    """Create an actor class that fails as it is told to.

    The class is local, so that it is pickled by value: workers cannot import this file.
    """

    class Failing:
        def __init__(self, how: str, *_: object) -> None:
            self._how = how
            if how == "starting":
                raise ValueError("no such model")

        def __call__(self, _: object) -> None:
            if self._how == "raising":
                raise ValueError("no such passage")
            if self._how == "two lines":
                raise ValueError("no such\npassage")
            if self._how == "no message":
                raise ValueError
            os._exit(1)

    return Failing


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("raising", "ValueError: no such passage"),
        ("two lines", "ValueError: no such passage"),
        ("no message", "ValueError:"),
        ("starting", "ValueError: no such model"),
        ("dying", "The actor is dead because its worker process has died."),
    ],
)
def test_the_reason_of_a_failure_is_one_line_without_colours_or_addresses(
    how: str, reason: str, ray_here: None
) -> None:
    import ray

    actor: Any = ray.remote(num_cpus=0)(failing_actor())
    with pytest.raises(ray.exceptions.RayError) as caught:
        ray.get(actor.remote(how).__call__.remote(None))
    text = cluster.reason(caught.value)
    assert text.startswith(reason)
    assert not {"\n", "\x1b"} & set(text)
    assert ray.util.get_node_ip_address() not in text


def test_the_reason_of_a_wrapped_error_without_a_message_is_the_error_itself() -> None:
    exceptions = pytest.importorskip("ray.exceptions", reason=f"Ray is not installed ({cluster.INSTALL_RAY})")
    for error, text in ((exceptions.RayError("out of memory"), "out of memory"), (exceptions.RayError(), "RayError")):
        error.__cause__ = Exception()
        assert cluster.reason(error) == text


def test_a_question_whose_worker_dies_after_the_stop_is_not_repeated(
    store: Path, ray_here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dying:
        def __init__(self, *_: object) -> None:
            """No index, no model."""

        def open(self) -> str:
            return ""

        def answer(self, question: Question) -> QuestionResult:
            time.sleep(60)
            return QuestionResult(question=question, seconds=60.0)

        def halt(self) -> None:
            os._exit(1)

    monkeypatch.setattr(pool, "Worker", Dying)
    stop, handed_out = threading.Event(), []

    def on_progress(question: Question, _: Step) -> None:
        handed_out.append(question.id)
        stop.set()

    settings = load_settings({"store": str(store), "llm": "extractive"})
    (result,) = answer_many_on_ray(questions(3), settings, jobs=1, stop=stop, on_progress=on_progress)
    assert handed_out == ["0"]
    assert (result.question.id, result.status, result.stopped) == ("0", "open", True)


@pytest.mark.parametrize("lost_by", ["one", "all"])
def test_questions_of_a_worker_that_lost_the_model_go_to_the_others(
    lost_by: str, store: Path, tmp_path: Path, ray_here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Losing:
        def __init__(self, name: str, *_: object) -> None:
            self._name = name

        def open(self) -> str:
            (tmp_path / self._name).touch()
            while len(list(tmp_path.iterdir())) < 2:
                time.sleep(0.05)
            return ""

        def answer(self, question: Question) -> QuestionResult:
            lost = lost_by == "all" or self._name == min(file.name for file in tmp_path.iterdir())
            time.sleep(0.1)
            return QuestionResult(question=question, seconds=0.1, fault="ModelLost" if lost else "")

    if cluster.processor_count() < 2:
        pytest.skip("two workers need two processors")
    monkeypatch.setattr(pool, "Worker", Losing)
    settings = load_settings({"store": str(store), "llm": "extractive"})
    results = list(answer_many_on_ray(questions(5), settings, jobs=4))
    if lost_by == "one":
        assert sorted((result.question.id, result.fault) for result in results) == [(str(n), "") for n in range(5)]
    else:
        assert {result.fault for result in results} == {"ModelLost"}
        assert len(results) < 5, "once the last worker has lost it, no further question is taken"


def test_the_settings_of_workers_have_absolute_paths_and_a_part_of_each_limit(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(store, "store")
    given = {"store": "store", "cache": "models", "replies": "replies", "llm": "extractive", "rpm": 60, "tpm": 90_000}
    settings = worker_settings(load_settings(given), 3)
    assert settings.store == f"{tmp_path}/store"
    assert (settings.cache, settings.replies) == (tmp_path / "models", tmp_path / "replies")
    assert (settings.rpm, settings.tpm) == (20, 30_000)


@pytest.fixture
def without_cache(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a response cache in a directory that cannot be created."""
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    (tmp_path / "file").touch()
    cache = tmp_path / "file" / "replies"
    return load_settings(
        {"store": str(store), "llm": "openai:gpt-4.1-mini", "sections": 1, "k": 12, "replies": cache}
    ).model_copy(update={"openai_api_key": None})


class RecordingActor:
    """Takes the place of the budget actor's handle, and records the messages for the caller."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []
        self.report = self

    def remote(self, question_id: str, message: str) -> None:
        self.messages.append((question_id, message))


def test_a_worker_that_cannot_create_the_response_cache_runs_without_it(without_cache: Settings) -> None:
    actor = RecordingActor()
    with FaultServer() as server:
        settings = without_cache.model_copy(update={"openai_base_url": server.base_url})
        worker = Worker("one", settings, actor, None, 1)
        assert worker.open() == ""
        result = worker.answer(Question(id="1", text=QUESTIONS.splitlines()[0]))
        worker.halt()
    assert (result.error, result.status) == ("", "answered")
    ((question_id, message),) = actor.messages
    assert question_id == "", "the message is about no single question"
    assert "cache of replies" in message


def test_a_worker_without_key_and_response_cache_reports_both(without_cache: Settings) -> None:
    problem = Worker("one", without_cache, RecordingActor(), None, 1).open()
    assert "cache of replies" in problem
    assert "OPENAI_API_KEY" in problem


def test_a_reservation_can_be_settled_while_many_others_wait(ray_here: None) -> None:
    shared = SharedBudget(Budget(3.0, DOLLAR_A_TOKEN), calls=1)
    one, two = (BudgetClient(shared.actor, name, DOLLAR_A_TOKEN) for name in ("one", "two"))
    one.reserve(2.0)

    def wait() -> None:
        with suppress(ModelError):
            two.reserve(2.0)

    waiting = [threading.Thread(target=wait, daemon=True) for _ in range(20)]
    for thread in waiting:
        thread.start()
    time.sleep(0.5)
    settling = threading.Thread(target=lambda: one.settle(2.0, 2.0), daemon=True)
    settling.start()
    settling.join(10)
    assert not settling.is_alive()
    for thread in waiting:
        thread.join(10)
    assert not any(thread.is_alive() for thread in waiting)
    shared.close()


@pytest.mark.parametrize("how", ["starting", "raising"])
def test_an_embedding_error_gives_the_reason(how: str, ray_here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = failing_actor()
    monkeypatch.setattr(
        embedding, "BlockEncoder", type("Encoder", (kind,), {"__init__": lambda self, *_: kind.__init__(self, how)})
    )
    with pytest.raises(CitebriefError, match=r"^embedding on Ray failed: ValueError: no such (model|passage)$"):
        embedding.RayEmbedder("minilm", workers=1).vectors(["text"] * 100)


def questions(n: int) -> list[Question]:
    """Create ``n`` questions, whose ids are numbers from 0."""
    return [Question(id=str(i), text="When was the Panama Canal opened?") for i in range(n)]


def without_seconds(file: Path) -> dict[str, Any]:
    """Read the brief in ``file`` without its seconds."""
    brief: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    brief["trace"].pop("seconds")
    return brief
