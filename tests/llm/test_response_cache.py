"""Responses are kept by request: a repeated request is free, and a different one is sent."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fault_server import FaultServer, ScriptedReply, cut_off, empty, failing, good, overflow, refused, slow, truncated
from langchain_core.callbacks import BaseCallbackHandler
from pydantic import BaseModel, ConfigDict
from transport_calls import watched_by

from rag.config import load_settings
from rag.errors import ModelError, ReplyError, UsageError
from rag.llm import ChatClient, client, resolve, response_cache
from rag.llm.response_cache import CACHE_FILE, CachedResponse, ResponseCache, request_key

KEY = "sk-secret-0123456789"


class Sentence(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sentence: str


class Heading(BaseModel):
    model_config = ConfigDict(extra="forbid")
    heading: str


Connect = Callable[..., ChatClient]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Connect:
    """Return a function that opens a client with the cache ``kept``; without a server it has no key either."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_PROXY", raising=False)

    def connected(
        server: FaultServer | None, *, model: str = "gpt-4.1-mini", key: str = KEY, **flags: Any
    ) -> ChatClient:
        monkeypatch.setenv("OPENAI_API_KEY", key if server else "")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url if server else "")
        settings = load_settings({"replies": "kept", "retries": 0, **flags})
        return ChatClient(resolve(f"openai:{model}", settings), settings)

    return connected


def ask(model: ChatClient, **changed: Any) -> Any:
    arguments = {"system": "Be brief.", "user": "What fell?", "schema": Sentence, "max_tokens": 50, "name": "merge"}
    return model.ask(**{**arguments, **changed})


def test_a_repeated_request_is_free_whatever_port_key_or_patience(connect: Connect) -> None:
    with FaultServer([good({"sentence": "It rained."})]) as server, connect(server) as model:
        assert ask(model).sentence == "It rained."
        assert ask(model).sentence == "It rained."
        assert dict(model.tokens) == {"calls": 1, "replayed": 1, "prompt": 100, "cached": 40, "completion": 20}
        spent = model.cost
        assert len(server.requests) == 1
    with FaultServer() as other, connect(other, key="sk-other", timeout=9, patience=3, retries=2) as model:
        assert ask(model).sentence == "It rained."
        assert dict(model.tokens) == {"replayed": 1}
        assert (model.cost, model.budget.spent) == (0, 0)
        assert other.requests == []
    assert spent


@pytest.mark.parametrize(
    ("setting", "changed"),
    [
        ({"model": "gpt-4.1"}, {}),
        ({"seed": 8}, {}),
        ({}, {"system": "Be long."}),
        ({}, {"user": "What rose?"}),
        ({}, {"max_tokens": 51}),
        ({}, {"schema": Heading}),
    ],
)
def test_everything_that_decides_a_reply_is_part_of_its_key(
    setting: dict[str, Any], changed: dict[str, Any], connect: Connect
) -> None:
    with FaultServer() as server:
        with connect(server) as model:
            ask(model)
        with connect(server, **setting) as model:
            ask(model, **changed)
            assert model.tokens["replayed"] == 0
        assert len(server.requests) == 2


def test_the_key_ignores_the_order_of_fields_except_in_a_schema() -> None:
    assert request_key(b'{"model": "m", "seed": 7}') == request_key(b'{"seed":7,"model":"m"}')
    assert request_key(b'{"schema": {"a": 1, "b": 2}}') != request_key(b'{"schema": {"b": 2, "a": 1}}')
    assert request_key(b'{"model": "m"}') != request_key(b'{"model": "m"}', weights="another file of that name")


UNUSABLE = [
    (truncated(), "does not follow the schema"),
    (cut_off(), "was cut off"),
    (refused(), "the model refused"),
    (overflow(), "does not fit the model's context"),
]
"""Replies that are no answer, with what their error says."""


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        *UNUSABLE,
        (empty(), "is empty"),
        (good({"sentence": 3}), "Input should be a valid string"),
        (failing(500), "the server failed"),
    ],
)
def test_an_unusable_response_is_requested_again(fault: ScriptedReply, message: str, connect: Connect) -> None:
    with FaultServer([fault, good({"sentence": "It rained."})]) as server, connect(server) as model:
        with pytest.raises(ModelError, match=message):
            ask(model)
        assert ask(model).sentence == "It rained."
        assert ask(model).sentence == "It rained."
        assert len(server.requests) == 2


@pytest.mark.parametrize(("fault", "message"), UNUSABLE)
def test_a_replay_without_a_key_returns_the_same_unusable_responses(
    fault: ScriptedReply, message: str, connect: Connect
) -> None:
    with FaultServer([fault]) as server, connect(server) as model, pytest.raises(ReplyError, match=message) as first:
        ask(model)
    with connect(None) as model, pytest.raises(ReplyError, match=message) as second:
        ask(model)
    assert str(second.value) == str(first.value)
    with FaultServer([good({"sentence": "It rained."})]) as server, connect(server) as model:
        ask(model)
    with connect(None) as model:  # a usable response takes precedence
        assert ask(model).sentence == "It rained."


def test_without_a_key_a_request_that_is_not_kept_fails_and_names_the_missing_key(connect: Connect) -> None:
    with FaultServer() as server, connect(server) as model:
        ask(model)
    with connect(None) as model:
        assert ask(model)
        with pytest.raises(ModelError, match=r"gpt-4\.1-mini: no reply to 'merge' is kept, .* set OPENAI_API_KEY"):
            ask(model, user="What rose?")


def test_a_remote_model_without_key_and_without_cache_is_a_usage_error(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        resolve("openai:gpt-4.1-mini", load_settings())
    assert "no request is sent" in resolve("openai:gpt-4.1-mini", load_settings({"replies": "kept"})).why


def test_the_file_contains_neither_key_nor_request(connect: Connect, tmp_path: Path) -> None:
    with FaultServer([good({"sentence": f"Your key is {KEY}."})]) as server, connect(server) as model:
        ask(model, user="The minister's private diary.")
    written = b"".join(path.read_bytes() for path in (tmp_path / "kept").iterdir())
    assert b"Your key is" in written
    assert KEY.encode() not in written
    assert b"diary" not in written


def test_callbacks_see_a_replayed_call_without_usage(connect: Connect) -> None:
    seen: list[Any] = []

    class Watching(BaseCallbackHandler):
        def on_chat_model_start(self, *_: Any, **kwargs: Any) -> None:
            seen.append(kwargs["name"])

        def on_llm_end(self, response: Any, **_: Any) -> None:
            message = response.generations[0][0].message
            seen.append((message.text, message.usage_metadata))

    with FaultServer([good({"sentence": "It rained."})]) as server, connect(server) as model:
        ask(model)
        with watched_by(Watching()):
            ask(model)
    assert seen == ["merge", ('{"sentence": "It rained."}', None)]


# --- the file --------------------------------------------------------------------------------------------------------

WRITER = """
    import sys
    from pathlib import Path
    from rag.llm.response_cache import CachedResponse, ResponseCache
    cache, start = ResponseCache(Path("kept")), int(sys.argv[1])
    for n in range(start, start + int(sys.argv[2])):
        cache.keep(f"k{n}", CachedResponse(status=200, body=f"reply {n} ".encode() * 500), usable=True)
        print(n, flush=True)
"""


def start_writer(directory: Path, start: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(start), str(count)]
    return subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, text=True)


def is_complete(cache: ResponseCache, n: int) -> bool:
    return cache.get(f"k{n}") == CachedResponse(status=200, body=f"reply {n} ".encode() * 500)


@pytest.mark.integration  # kills real processes
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_killed_writer_leaves_every_kept_response_complete(tmp_path: Path) -> None:
    generator, kept = random.Random(7), []
    for turn in range(5):
        writer = start_writer(tmp_path, turn * 10_000, 10_000)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(generator.random() / 5)
        writer.send_signal(signal.SIGKILL)
        printed = writer.communicate()[0].split()
        kept += [turn * 10_000, *(int(n) for n in printed if n.isdigit())][:-1]  # the last line may be cut
    cache = ResponseCache(tmp_path / "kept")
    assert len(kept) > 50
    assert all(is_complete(cache, n) for n in kept)
    later = range(max(kept) + 1, max(kept) + 100)
    assert all(cache.get(f"k{n}") is None or is_complete(cache, n) for n in later)
    cache.close()


def test_two_processes_and_many_threads_write_and_read_one_file(tmp_path: Path) -> None:
    writers = [start_writer(tmp_path, start, 200) for start in (1000, 2000)]
    cache = ResponseCache(tmp_path / "kept")

    def keep(n: int) -> bool:
        cache.keep(f"k{n}", CachedResponse(status=200, body=f"reply {n} ".encode() * 500), usable=True)
        return is_complete(cache, n)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(keep, range(200)))
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    assert all(is_complete(cache, n) for start in (0, 1000, 2000) for n in range(start, start + 200))
    cache.close()


def test_threads_with_the_same_request_all_get_the_kept_reply(connect: Connect) -> None:
    with FaultServer() as server, connect(server) as model, ThreadPoolExecutor(8) as pool:
        ask(model)
        assert len({reply.sentence for reply in pool.map(lambda _: ask(model), range(64))}) == 1
        assert model.tokens["replayed"] == 64
        assert len(server.requests) == 1


@pytest.mark.parametrize("rubbish", [b"rubbish" * 1000, None])
def test_an_unusable_directory_is_a_usage_error_and_is_left_unchanged(
    rubbish: bytes | None, connect: Connect, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    if rubbish:
        kept.mkdir()
        (kept / CACHE_FILE).write_bytes(rubbish)
    else:
        kept.write_text("a file")
    with FaultServer() as server, pytest.raises(UsageError, match="cache of replies kept: ") as caught:
        connect(server)
    assert "\n" not in str(caught.value)
    assert (kept / CACHE_FILE).read_bytes() == rubbish if rubbish else kept.read_text() == "a file"


def test_a_response_that_cannot_be_kept_is_reported_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_cache, "BUSY_SECONDS", 0.1)
    messages: list[str] = []
    cache = ResponseCache(tmp_path / "kept")
    other = sqlite3.connect(tmp_path / "kept" / CACHE_FILE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    for n in range(3):
        cache.keep(f"k{n}", CachedResponse(status=200, body=b"{}"), usable=True, on_error=messages.append)
    other.close()
    assert messages == [f"replies cannot be kept in {tmp_path / 'kept'}: is it full, or locked by another program?"]
    cache.close()


def test_a_directory_with_the_file_of_an_earlier_version_is_used_and_that_file_kept(
    connect: Connect, tmp_path: Path
) -> None:
    earlier = tmp_path / "kept" / "replies.db"
    earlier.parent.mkdir()
    earlier.write_bytes(b"written by an earlier version")
    with FaultServer() as server, connect(server) as model:
        ask(model)
        ask(model)
        assert model.tokens["replayed"] == 1
    assert earlier.read_bytes() == b"written by an earlier version"


def test_another_programs_table_of_the_same_name_is_a_usage_error(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / CACHE_FILE)
    other.execute("CREATE TABLE responses (id INTEGER)")
    other.close()
    with pytest.raises(UsageError, match=f"{CACHE_FILE} cannot be read and written"):
        ResponseCache(tmp_path)


def test_many_processes_can_create_the_file_at_the_same_time(tmp_path: Path) -> None:
    writers = [start_writer(tmp_path, 1000 * n, 5) for n in range(6)]
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0


def test_a_short_key_changes_no_reply_that_is_kept(connect: Connect) -> None:
    for key in ("none", "x"):
        with FaultServer([good({"sentence": "Mexico taxed none of it."})]) as server, connect(server, key=key) as model:
            first = ask(model, user=f"What did {key} do?")
        with FaultServer([]) as server, connect(server, key=key) as model:
            assert ask(model, user=f"What did {key} do?") == first
            assert not server.requests


# --- the local model -------------------------------------------------------------------------------------------------


def test_a_replayed_call_does_not_reach_the_local_model_and_another_file_is_another_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rewound: list[str] = []

    class FakeLocalServer:
        """Replaces llama.cpp's server by the fault server, which has the same API."""

        api_key = KEY

        def __init__(self, path: Path, *, threads: int, cache: Path) -> None:
            self.base_url = server.base_url

        def rewind(self, system: str, *, timeout: float) -> int:
            rewound.append(system)
            return 7

        def close(self) -> None:
            """Do nothing: there is nothing to free."""

    monkeypatch.setattr(client, "LocalServer", FakeLocalServer)
    for weights, replayed in ((b"GGUF one", 0), (b"GGUF one", 2), (b"GGUF two", 0)):
        Path("model.gguf").write_bytes(weights)
        settings = load_settings({"replies": "kept", "llm": "local:model.gguf"})
        with (
            FaultServer([], odds=[(slow(0.05), 1.0)]) as server,
            ChatClient(resolve(settings.llm, settings), settings, concurrency=8) as model,
            ThreadPoolExecutor(2) as pool,
        ):
            list(pool.map(lambda user, model=model: ask(model, user=user), ("What fell?", "What rose?")))
            assert model.tokens["replayed"] == replayed
            assert len(rewound) == len(server.requests) == 2 - replayed
            assert server.max_in_flight == (0 if replayed else 1)  # one at a time, as each rewinds the model
            assert model.tokens["prompt"] == (0 if replayed else 214)
            assert (model.cost, model.small) == (0, True)
        rewound.clear()
