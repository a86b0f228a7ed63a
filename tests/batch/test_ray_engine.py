"""`--engine ray` on one node, and what is told where there is none. Two nodes, one of them killed: test_ray_nodes."""

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

from rag.batch.ray import cluster, embedding, engine
from rag.batch.ray.budget import BudgetActor, BudgetClient, SharedBudget
from rag.cli.main import cli
from rag.config import Settings, load_settings
from rag.errors import CitebriefError, ModelError, UsageError
from rag.llm import Budget, Rates
from rag.pipeline import QuestionResult
from rag.progress import Step
from rag.types import Question

ROOT = Path(__file__).parents[2]
QUESTIONS = "When was the Panama Canal opened?\nWhy did the French attempt to build it fail?\nHow is bread made?\n"
DEAR = Rates(prompt=1e6, cached=1e6, completion=1e6)
"""A dollar a token."""


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
    """A cluster as it is started where none is named, though somebody's runs on this machine."""
    pytest.importorskip("ray", reason=f"Ray is not installed ({cluster.INSTALL})")
    with tempfile.TemporaryDirectory(
        prefix="ray-", ignore_cleanup_errors=True
    ) as directory:  # a socket's path is short
        Path(directory, "ray").mkdir()
        Path(directory, "ray", "ray_current_cluster").write_text("127.0.0.1:9")  # where `ray start` says that one is
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RAY_TMPDIR", directory)
            patch.delenv("RAY_ADDRESS", raising=False)
            with cluster.connected(load_settings()):
                yield


def test_a_batch_on_ray_has_the_briefs_of_a_batch_here_and_a_row_each(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason=f"Ray is not installed ({cluster.INSTALL})")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.chdir(tmp_path)  # a worker runs elsewhere, and has to find the store all the same
    shutil.copytree(store, "store")
    Path("questions.txt").write_text(QUESTIONS)
    found = {}
    for where in ("local", "ray"):
        ran = invoke(
            *("batch", "questions.txt", "--out", where, "--engine", where, "--jobs", "1", "--llm", "extractive"),
            *("--store", "store", "--k", "12", "--quiet", "--json"),
        )
        assert ran.exit_code == 0, ran.output
        assert json.loads(ran.stdout)["answered"] == 2, "stdout is for data, whatever Ray has to say"
        found[where] = [
            (row["id"], row["status"], timeless(Path(where, row["files"]["json"])))
            for row in map(json.loads, Path(where, "results.jsonl").read_text().splitlines())
        ]
    assert len(found["ray"]) == 3
    assert found["ray"] == found["local"]


def test_without_ray_the_fix_is_named_before_anything_is_written(
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
        assert cluster.INSTALL in str(ran.exception)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_remote_embedder_needs_no_cluster(tmp_path: Path) -> None:
    words = ("index", str(ROOT / "corpus"), "--engine", "ray", "--store", str(tmp_path))
    ran = invoke(*words, "--embedder", "openai:text-embedding-3-small")
    assert isinstance(ran.exception, UsageError)
    assert "leave --engine out" in str(ran.exception)


def test_a_cluster_that_is_not_there_is_named() -> None:
    pytest.importorskip("ray", reason=f"Ray is not installed ({cluster.INSTALL})")
    command = [sys.executable, "-c", "from rag.cli.main import main; main()", "index", str(ROOT / "corpus")]
    environment = {**os.environ, "RAY_ADDRESS": "127.0.0.1:9"}
    done = subprocess.run([*command, "--engine", "ray"], capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no Ray cluster at 127.0.0.1:9" in done.stderr


@pytest.mark.parametrize(
    ("limits", "workers"),
    [({}, 8), ({"rpm": 3}, 3), ({"rpm": 100}, 8), ({"tpm": 90_000}, 4), ({"tpm": 5_000}, 1)],
)
def test_no_more_workers_than_the_limits_can_be_shared_among(
    limits: dict[str, int], workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "processors", lambda: 8)
    assert engine.workers_for(32, load_settings(limits)) == workers


def test_all_workers_together_never_pass_the_budget() -> None:
    actor = BudgetActor(10.0, DEAR, 4.0)
    assert actor.reserve("one", 3.0) == ""
    assert actor.reserve("two", 3.0) == ""
    answers: list[str] = []
    waiting = threading.Thread(target=lambda: answers.append(actor.reserve("one", 2.0)))
    waiting.start()
    time.sleep(0.2)
    assert answers == [], "it would fit if another call came cheaper than it could"
    actor.settle("two", 3.0, 1.0)
    waiting.join(10)
    assert answers == [""]
    actor.settle("one", 3.0, 3.0)
    actor.settle("one", 2.0, 2.0)
    assert "was not made" in actor.reserve("two", 1.0)
    assert actor.news()[0] == [1.0, 3.0, 2.0]


def test_what_a_dead_worker_had_set_aside_is_spent_and_what_it_waited_for_is_not() -> None:
    actor = BudgetActor(5.0, DEAR, 0.0)
    assert actor.reserve("dying", 3.0) == ""
    answers: list[str] = []
    waiting = threading.Thread(target=lambda: answers.append(actor.reserve("dying", 2.0)))
    actor.write_off("dying")
    waiting.start()
    waiting.join(10)
    actor.settle("dying", 3.0, 0.5)  # it was not dead, only out of reach: too late
    assert answers == ["the worker is gone"]
    assert actor.news()[0] == [3.0]
    assert actor.reserve("alive", 2.0) == ""


def test_where_none_is_named_no_cluster_is_joined_that_runs_here(ray_here: None) -> None:
    import ray

    assert ray.get_runtime_context().gcs_address != "127.0.0.1:9"
    assert cluster.nodes() == 1


@pytest.mark.parametrize("before", [signal.SIG_DFL, signal.SIG_IGN])
def test_the_callers_handling_of_sigterm_stays(before: signal.Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason=f"Ray is not installed ({cluster.INSTALL})")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(ray, "init", lambda *_, **__: signal.signal(signal.SIGTERM, lambda *_: None))
    whose = signal.signal(signal.SIGTERM, before)
    try:
        with cluster.connected(load_settings()):
            assert signal.getsignal(signal.SIGTERM) == before
    finally:
        signal.signal(signal.SIGTERM, whose)


def failing() -> Any:
    """A class for an actor; made here, since the workers of a cluster cannot import this file."""

    class Failing:
        def __init__(self, how: str, *_: object) -> None:
            self._how = how
            if how == "starting":
                raise ValueError("no such model")

        def __call__(self, _: object) -> None:
            if self._how == "raising":
                raise ValueError("no such passage")
            if self._how == "rambling":
                raise ValueError("no such\npassage")
            if self._how == "nameless":
                raise ValueError
            os._exit(1)

    return Failing


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("raising", "ValueError: no such passage"),
        ("rambling", "ValueError: no such passage"),
        ("nameless", "ValueError:"),
        ("starting", "ValueError: no such model"),
        ("dying", "The actor is dead because its worker process has died."),
    ],
)
def test_why_a_worker_failed_is_told_in_a_line_without_colours_or_addresses(
    how: str, reason: str, ray_here: None
) -> None:
    import ray

    actor: Any = ray.remote(num_cpus=0)(failing())
    with pytest.raises(ray.exceptions.RayError) as caught:
        ray.get(actor.remote(how).__call__.remote(None))
    told = cluster.reason(caught.value)
    assert told.startswith(reason)
    assert not {"\n", "\x1b"} & set(told)
    assert ray.util.get_node_ip_address() not in told


def test_a_system_exception_of_ray_data_that_says_nothing_leaves_the_error_itself() -> None:
    exceptions = pytest.importorskip("ray.exceptions", reason=f"Ray is not installed ({cluster.INSTALL})")
    for error, told in ((exceptions.RayError("out of memory"), "out of memory"), (exceptions.RayError(), "RayError")):
        error.__cause__ = Exception()
        assert cluster.reason(error) == told


def test_a_question_whose_worker_dies_after_the_caller_stopped_is_not_asked_again(
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

    monkeypatch.setattr(engine, "_Worker", Dying)
    stop, handed_out = threading.Event(), []

    def on_progress(question: Question, _: Step) -> None:
        handed_out.append(question.id)
        stop.set()

    settings = load_settings({"store": str(store), "llm": "extractive"})
    (found,) = engine.answer_many(asked(3), settings, jobs=1, stop=stop, on_progress=on_progress)
    assert handed_out == ["0"]
    assert (found.question.id, found.status, found.stopped) == ("0", "open", True)


@pytest.mark.parametrize("lost_by", ["one", "all"])
def test_a_model_that_one_worker_has_lost_is_asked_by_the_others(
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

    if cluster.processors() < 2:
        pytest.skip("two workers need two processors")
    monkeypatch.setattr(engine, "_Worker", Losing)
    found = list(engine.answer_many(asked(5), load_settings({"store": str(store), "llm": "extractive"}), jobs=4))
    if lost_by == "one":
        assert sorted((one.question.id, one.fault) for one in found) == [(str(n), "") for n in range(5)]
    else:
        assert {one.fault for one in found} == {"ModelLost"}
        assert len(found) < 5, "when the last has lost it, no further question is asked"


def test_workers_find_what_is_named_from_the_callers_folder(
    store: Path, tmp_path: Path, ray_here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Telling:
        def __init__(self, _: str, settings: Settings, *__: object) -> None:
            self._told = f"{settings.store} {settings.cache} {settings.replies}"

        def open(self) -> str:
            return ""

        def answer(self, question: Question) -> QuestionResult:
            return QuestionResult(question=question, seconds=0.0, error=self._told)

    monkeypatch.chdir(tmp_path)
    shutil.copytree(store, "store")
    monkeypatch.setattr(engine, "_Worker", Telling)
    settings = load_settings({"store": "store", "cache": "models", "replies": "replies", "llm": "extractive"})
    (found,) = engine.answer_many(asked(1), settings, jobs=1)
    assert found.error == f"{tmp_path}/store {tmp_path}/models {tmp_path}/replies"


@pytest.mark.parametrize("key", ["sk-test", ""])
def test_a_node_that_cannot_have_the_folder_of_replies_works_without_unless_it_lives_by_it(
    key: str, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Heard:
        """What stands for the purse's actor."""

        def __init__(self) -> None:
            self.said: list[tuple[str, str]] = []
            self.say = self

        def remote(self, question: str, message: str) -> None:
            self.said.append((question, message))

    (tmp_path / "file").touch()
    monkeypatch.setenv("OPENAI_API_KEY", key)
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    flags = {"store": str(store), "llm": "openai:gpt-4.1-mini", "sections": 1, "k": 12}
    settings = load_settings({**flags, "replies": tmp_path / "file" / "replies"})
    actor = Heard()
    with FaultServer() as server:
        worker = engine._Worker("one", settings, actor, None, 1)
        if not key:
            assert "CITEBRIEF_REPLIES" in worker.open()
            return
        worker._settings = settings.model_copy(update={"openai_base_url": server.base_url})
        assert worker.open() == ""
        found = worker.answer(Question(id="1", text=QUESTIONS.splitlines()[0]))
        worker.halt()
    assert (found.error, found.status) == ("", "answered")
    ((question, message),) = actor.said
    assert question == "", "it is nothing that one question waits for"
    assert "CITEBRIEF_REPLIES" in message


def test_a_call_can_be_settled_however_many_wait_for_it(ray_here: None) -> None:
    client = BudgetClient(Budget(3.0, DEAR), calls=1)
    one, two = (SharedBudget(client.actor, name, DEAR) for name in ("one", "two"))
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
    client.close()


@pytest.mark.parametrize("how", ["starting", "raising"])
def test_why_embedding_failed_is_told(how: str, ray_here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = failing()
    monkeypatch.setattr(
        embedding, "_Encoder", type("Encoder", (kind,), {"__init__": lambda self, *_: kind.__init__(self, how)})
    )
    with pytest.raises(CitebriefError, match=r"^embedding on Ray failed: ValueError: no such (model|passage)$"):
        embedding.RayEmbedder("minilm", workers=1).vectors(["text"] * 100)


def asked(n: int) -> list[Question]:
    """``n`` questions, numbered from 0."""
    return [Question(id=str(i), text="When was the Panama Canal opened?") for i in range(n)]


def timeless(file: Path) -> dict[str, Any]:
    """The brief in ``file`` but for its seconds."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    found["trace"].pop("seconds")
    return found
