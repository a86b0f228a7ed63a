"""``--embedder openai:MODEL``: what is announced and sent, and that the answers are those of the same local model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import ROOT, Completed, Run
from fault_server import Embed, FaultServer, embeddings, failing

from rag.render.json import from_json

pytestmark = pytest.mark.integration

MODEL = "text-embedding-3-small"
QUESTION = "What did Mifsud tell Papadopoulos?"
ELSEWHERE = "http://models.example/v1"
"""A base URL that is not on loopback; a proxy on loopback answers in its place."""


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    directory = tmp_path / "documents"
    directory.mkdir()
    for name in ("papadopoulos.md", "seychelles-meeting.txt"):
        shutil.copy(ROOT / "corpus" / name, directory)
    return directory


@pytest.fixture
def minilm() -> Embed:
    """The packaged encoder, as the server of a remote embedder."""
    from rag.embedding import load_encoder

    return lambda texts: load_encoder().vectors(texts).tolist()


@pytest.fixture
def proxy() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def through(proxy: FaultServer) -> dict[str, str]:
    return {"OPENAI_BASE_URL": ELSEWHERE, "OPENAI_PROXY": proxy.base_url.removesuffix("/v1"), "OPENAI_API_KEY": "sk-1"}


def sent(server: FaultServer) -> list[str]:
    return [text for request in server.requests for text in request.body["input"]]


def hits(done: Completed) -> list[tuple[str, float]]:
    assert done.returncode == 0, done.stderr
    return [(row["chunk_id"], row["score"]) for row in json.loads(done.stdout)]


def test_hits_and_brief_are_those_of_the_same_model_in_this_process(
    documents: Path, minilm: Embed, tmp_path: Path, citebrief: Run
) -> None:
    here, there = str(tmp_path / "here"), str(tmp_path / "there")
    assert citebrief("index", str(documents), "--store", here).returncode == 0
    ask = ("ask", QUESTION, "--llm", "extractive", "--format", "json")
    with FaultServer(embed=minilm) as server:
        remote = {"OPENAI_BASE_URL": server.base_url, "CITEBRIEF_EMBEDDER": f"openai:{MODEL}"}
        indexed = citebrief("index", str(documents), "--store", there, "--json", **remote)
        report = json.loads(indexed.stdout)
        assert report["embedded"] == len(sent(server)) > 10
        assert report["tokens"] == sum(len(text.split()) for text in sent(server))
        assert report["cost"] == pytest.approx(report["tokens"] * 0.02 / 1e6)
        search = ("search", "polling data", "--json", "--store")
        remote_hits = citebrief(*search, there, **remote)
        answered = citebrief(*ask, "--store", there, **remote)
        requests = len(server.requests)
    assert "leave" not in indexed.stderr + remote_hits.stderr + answered.stderr
    local = {"CITEBRIEF_EMBEDDER": "minilm"}
    found, expected = dict(hits(remote_hits)), dict(hits(citebrief(*search, here, **local)))
    assert list(found) == list(expected)
    # The server computes all vectors in fp32; this process embeds passages in bf16, or int8 without it.
    assert found == pytest.approx(expected, abs=2e-2)
    ours, theirs = from_json(citebrief(*ask, "--store", here, **local).stdout), from_json(answered.stdout)
    assert list(theirs.sentences()) == list(ours.sentences())
    assert theirs.trace.embedder == f"openai:{MODEL}"
    assert theirs.trace.tokens["embedding"] == len(QUESTION.split())
    assert theirs.trace.cost == pytest.approx(len(QUESTION.split()) * 0.02 / 1e6)
    assert "embedding" not in ours.trace.tokens
    assert len(server.requests) == requests


def test_what_a_large_models_searches_embed_is_counted(
    documents: Path, minilm: Embed, tmp_path: Path, citebrief: Run
) -> None:
    store = str(tmp_path / "store")
    with FaultServer(embed=minilm) as server:
        remote = {
            "OPENAI_BASE_URL": server.base_url,
            "OPENAI_API_KEY": "sk-1",
            "CITEBRIEF_EMBEDDER": f"openai:{MODEL}",
        }
        assert citebrief("index", str(documents), "--store", store, **remote).returncode == 0
        indexed = len(server.requests)
        ask = ("ask", QUESTION, "--llm", "openai:gpt-4.1-mini", "--verifier", "support", "--format", "json")
        answered = citebrief(*ask, "--store", store, **remote)
        searched = [request.body["input"] for request in server.requests[indexed:] if "input" in request.body]
    trace = from_json(answered.stdout).trace
    assert len(searched) > 1, "the model's own queries are embedded besides the question"
    assert trace.tokens["embedding"] == sum(len(text.split()) for texts in searched for text in texts)


def test_a_second_run_sends_only_what_is_new(
    documents: Path, tmp_path: Path, citebrief: Run, proxy: FaultServer
) -> None:
    command = ("index", str(documents), "--store", str(tmp_path / "store"), "--embedder", f"openai:{MODEL}")
    first = citebrief(*command, **through(proxy))
    assert first.returncode == 0, first.stderr
    passages = len(sent(proxy))
    assert f"{passages} passages of 2 documents, about " in first.stderr
    assert f" go to {MODEL} at models.example: about $0." in first.stderr
    assert f"{passages} passages embedded, " in first.stdout
    assert proxy.requests[0].path == f"{ELSEWHERE}/embeddings"

    second = citebrief(*command, "--json", **through(proxy))
    assert (json.loads(second.stdout)["tokens"], json.loads(second.stdout)["cost"]) == (0, 0.0)
    assert "go to" not in second.stderr
    assert len(sent(proxy)) == passages

    (documents / "new.md").write_text("# Rain\n\nIt rained in Oslo on Monday.\n")
    third = citebrief(*command, **through(proxy))
    assert "1 passage of 1 document, about " in third.stderr
    assert sent(proxy)[passages:] == ["Rain\nIt rained in Oslo on Monday."]


def test_the_announcement_comes_before_anything_is_sent(documents: Path, tmp_path: Path, citebrief: Run) -> None:
    with FaultServer([failing(401)]) as proxy:
        done = citebrief(
            *("index", str(documents), "--store", str(tmp_path / "store"), "--embedder", "openai:home-made"),
            **through(proxy),
        )
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    [announced] = [i for i, line in enumerate(lines) if "go to home-made at models.example" in line]
    assert lines[announced].endswith("its price is not in the price table")
    assert "the key was refused" in lines[-1]


def test_a_dry_run_names_the_host_without_a_connection_and_writes_nothing(
    documents: Path, tmp_path: Path, citebrief: Run
) -> None:
    store = tmp_path / "store"
    command = ("index", str(documents), "--store", str(store), "--dry-run", "--quiet")
    remote = citebrief(*command, "--embedder", f"openai:{MODEL}", OPENAI_API_KEY="sk-1")
    assert remote.returncode == 0, remote.stderr
    assert f" go to {MODEL} at api.openai.com: about $0." in remote.stdout
    row = json.loads(citebrief(*command, "--json", "--embedder", f"openai:{MODEL}", OPENAI_API_KEY="sk-1").stdout)
    assert (row["documents"], row["host"]) == (2, "api.openai.com")
    assert row["cost"] == pytest.approx(row["tokens"] * 0.02 / 1e6)
    local = citebrief(*command)
    assert f"{row['passages']} passages of 2 documents, " in local.stdout
    assert "embedded by minilm on this machine" in local.stdout
    assert not store.exists()


def test_a_dry_run_over_an_index_counts_what_is_new_and_changes_nothing(
    documents: Path, tmp_path: Path, citebrief: Run
) -> None:
    command = ("index", str(documents), "--store", str(tmp_path / "store"))
    citebrief(*command)
    (documents / "new.md").write_text("# Rain\n\nIt rained in Oslo on Monday.\n")
    (documents / "papadopoulos.md").unlink()
    for _ in range(2):
        row = json.loads(citebrief(*command, "--dry-run", "--json").stdout)
        assert (row["passages"], row["documents"]) == (1, 1)
    report = json.loads(citebrief(*command, "--json").stdout)
    assert (report["added"], report["removed"], report["embedded"]) == (1, 1, 1)
    assert "tokens" not in report


def test_the_question_is_announced_before_it_is_sent(
    documents: Path, tmp_path: Path, citebrief: Run, proxy: FaultServer
) -> None:
    common = ("--store", str(tmp_path / "store"), "--embedder", f"openai:{MODEL}")
    citebrief("index", str(documents), *common, **through(proxy))
    proxy.requests.clear()
    announced = f"embedder: {MODEL} at models.example: the question leaves this machine; $0.02 per million tokens"
    searched = citebrief("search", QUESTION, *common, **through(proxy))
    assert searched.stderr.strip() == announced.replace("question", "query")
    answered = citebrief("ask", QUESTION, "--llm", "extractive", *common, **through(proxy))
    assert answered.stderr.count(announced) == 1
    assert sent(proxy) == [QUESTION, QUESTION]


def test_check_sends_sentences_only_with_fetch(
    documents: Path, tmp_path: Path, citebrief: Run, proxy: FaultServer
) -> None:
    common = ("--store", str(tmp_path / "store"), "--embedder", f"openai:{MODEL}")
    citebrief("index", str(documents), *common, **through(proxy))
    proxy.requests.clear()
    brief = tmp_path / "brief.md"
    brief.write_text(f"Bananas grow in Antarctica [1].\n\n## Sources\n\n- [1] {documents / 'papadopoulos.md'}\n")
    without = citebrief("check", str(brief), *common, **through(proxy))
    assert (without.returncode, sent(proxy)) == (3, []), without.stderr
    assert "leave" not in without.stderr
    fetching = citebrief("check", str(brief), "--fetch", *common, **through(proxy))
    assert "sentences leave this machine" in fetching.stderr
    assert sent(proxy) == ["Bananas grow in Antarctica."]


def test_vectors_of_another_dimension_than_the_index_are_one_clear_line(
    documents: Path, tmp_path: Path, citebrief: Run
) -> None:
    common = ("--store", str(tmp_path / "store"), "--embedder", f"openai:{MODEL}")
    with FaultServer() as server:
        citebrief("index", str(documents), *common, OPENAI_BASE_URL=server.base_url)
    with FaultServer([embeddings([[1.0, 0.0, 0.0]])]) as server:
        done = citebrief("search", QUESTION, *common, OPENAI_BASE_URL=server.base_url)
    assert done.returncode == 4
    assert "vectors of another dimension than the embedder returned" in done.stderr
    assert "is it the same model?" in done.stderr


def test_an_interrupted_run_does_not_send_again_what_came_back(documents: Path, tmp_path: Path, citebrief: Run) -> None:
    text = "\n\n".join(f"## Day {i}\n\nIt rained in Oslo on day {i}." for i in range(600))
    (documents / "days.md").write_text(f"# Rain\n\n{text}\n")
    command = ("index", str(documents), "--store", str(tmp_path / "store"), "--embedder", f"openai:{MODEL}")
    with FaultServer() as server:
        server.fail_from(3, failing(401))
        failed = citebrief(*command, OPENAI_BASE_URL=server.base_url)
        kept = [text for request in server.requests[:2] for text in request.body["input"]]
    assert failed.returncode == 1
    with FaultServer() as server:
        done = citebrief(*command, OPENAI_BASE_URL=server.base_url)
    assert done.returncode == 0, done.stderr
    assert sent(server)
    assert not set(sent(server)) & set(kept)


def test_a_batch_announces_the_embedder_and_its_budget_needs_the_embedders_price(
    documents: Path, tmp_path: Path, citebrief: Run, proxy: FaultServer
) -> None:
    common = ("--store", str(tmp_path / "store"), "--embedder", "openai:home-made")
    citebrief("index", str(documents), *common, **through(proxy))
    proxy.requests.clear()
    questions = tmp_path / "questions.txt"
    questions.write_text(QUESTION)
    batch = ("batch", str(questions), "--llm", "extractive", *common)
    refused = citebrief(*batch, "--out", str(tmp_path / "a"), "--budget", "1", **through(proxy))
    assert (refused.returncode, sent(proxy)) == (2, []), refused.stderr
    assert "that of home-made is not in the price table" in refused.stderr
    done = citebrief(*batch, "--out", str(tmp_path / "b"), "--json", **through(proxy))
    assert done.returncode == 0, done.stderr
    assert "embedder: home-made at models.example: questions leave this machine" in done.stderr
    assert json.loads(done.stdout)["tokens"]["embedding"] == len(QUESTION.split())
    again = citebrief(*batch, "--out", str(tmp_path / "b"), "--overwrite", OPENAI_API_KEY="", OPENAI_BASE_URL="")
    assert again.returncode == 0, again.stderr  # from the replies that the first run kept
    assert sent(proxy) == [QUESTION]
