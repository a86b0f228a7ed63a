"""Replies are kept by what was asked: asked again they are free, and what was asked otherwise is asked anew."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
from fault_server import Deal, FaultServer, cut_off, empty, failing, good, overflow, refused, slow, truncated
from pydantic import BaseModel, ConfigDict

from rag.config import load_settings
from rag.errors import ModelError, ReplyError, UsageError
from rag.llm import local_server
from rag.llm.cache import FILE, CachedResponse, ResponseCache, key_of
from rag.llm.model import Model, resolve

KEY = "sk-secret-0123456789"


class Sentence(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sentence: str


class Heading(BaseModel):
    model_config = ConfigDict(extra="forbid")
    heading: str


Connect = Callable[..., Model]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Connect:
    """A model whose replies are kept in ``kept``; without a server there is no key either."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_PROXY", raising=False)

    def connected(server: FaultServer | None, *, model: str = "gpt-4.1-mini", key: str = KEY, **flags: Any) -> Model:
        monkeypatch.setenv("OPENAI_API_KEY", key if server else "")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url if server else "")
        settings = load_settings({"replies": "kept", "retries": 0, **flags})
        return Model(resolve(f"openai:{model}", settings), settings)

    return connected


def ask(model: Model, **changed: Any) -> Any:
    asked = {"system": "Be brief.", "user": "What fell?", "schema": Sentence, "max_tokens": 50, "name": "fuse"}
    return model.ask(**{**asked, **changed})


def test_what_was_asked_before_is_free_whatever_port_key_or_patience(connect: Connect) -> None:
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
    ("setting", "asked"),
    [
        ({"model": "gpt-4.1"}, {}),
        ({"seed": 8}, {}),
        ({}, {"system": "Be long."}),
        ({}, {"user": "What rose?"}),
        ({}, {"max_tokens": 51}),
        ({}, {"schema": Heading}),
    ],
)
def test_what_decides_a_reply_is_part_of_its_key(
    setting: dict[str, Any], asked: dict[str, Any], connect: Connect
) -> None:
    with FaultServer() as server:
        with connect(server) as model:
            ask(model)
        with connect(server, **setting) as model:
            ask(model, **asked)
            assert model.tokens["replayed"] == 0
        assert len(server.requests) == 2


def test_the_order_of_fields_is_no_part_of_the_key_but_that_of_a_schema_is() -> None:
    assert key_of(b'{"model": "m", "seed": 7}') == key_of(b'{"seed":7,"model":"m"}')
    assert key_of(b'{"schema": {"a": 1, "b": 2}}') != key_of(b'{"schema": {"b": 2, "a": 1}}')
    assert key_of(b'{"model": "m"}') != key_of(b'{"model": "m"}', weights="another file of that name")


@pytest.mark.parametrize(
    "fault", [truncated(), cut_off(), empty(), refused(), overflow(), good({"sentence": 3}), failing(500)]
)
def test_what_could_not_be_used_is_asked_again(fault: Deal, connect: Connect) -> None:
    with FaultServer([fault, good({"sentence": "It rained."})]) as server, connect(server) as model:
        with pytest.raises(ModelError):
            ask(model)
        assert ask(model).sentence == "It rained."
        assert ask(model).sentence == "It rained."
        assert len(server.requests) == 2


@pytest.mark.parametrize("fault", [truncated(), cut_off(), refused(), overflow()])
def test_a_replay_without_a_key_meets_the_same_unusable_replies(fault: Deal, connect: Connect) -> None:
    with FaultServer([fault]) as server, connect(server) as model, pytest.raises(ReplyError) as first:
        ask(model)
    with connect(None) as model, pytest.raises(ReplyError) as second:
        ask(model)
    assert str(second.value) == str(first.value)
    with FaultServer([good({"sentence": "It rained."})]) as server, connect(server) as model:
        ask(model)
    with connect(None) as model:  # a usable one goes before
        assert ask(model).sentence == "It rained."


def test_without_a_key_what_is_not_kept_is_an_error_that_names_what_is_missing(connect: Connect) -> None:
    with FaultServer() as server, connect(server) as model:
        ask(model)
    with connect(None) as model:
        assert ask(model)
        with pytest.raises(ModelError, match=r"gpt-4\.1-mini: no reply to 'fuse' is kept, .* set OPENAI_API_KEY"):
            ask(model, user="What rose?")


def test_without_a_key_and_without_replies_a_remote_model_is_wrong_usage(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        resolve("openai:gpt-4.1-mini", load_settings())
    assert "nothing is asked" in resolve("openai:gpt-4.1-mini", load_settings({"replies": "kept"})).why


def test_neither_key_nor_request_is_in_the_file(connect: Connect, tmp_path: Path) -> None:
    with FaultServer([good({"sentence": f"Your key is {KEY}."})]) as server, connect(server) as model:
        ask(model, user="The minister's private diary.")
    written = b"".join(path.read_bytes() for path in (tmp_path / "kept").iterdir())
    assert b"Your key is" in written
    assert KEY.encode() not in written
    assert b"diary" not in written


def test_callbacks_see_a_replayed_call_and_no_cost(connect: Connect) -> None:
    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.tracers.context import register_configure_hook

    seen: list[Any] = []

    class Watching(BaseCallbackHandler):
        def on_chat_model_start(self, *_: Any, **kwargs: Any) -> None:
            seen.append(kwargs["name"])

        def on_llm_end(self, response: Any, **_: Any) -> None:
            message = response.generations[0][0].message
            seen.append((message.text, message.usage_metadata))

    everywhere: ContextVar[BaseCallbackHandler | None] = ContextVar("everywhere", default=None)
    register_configure_hook(everywhere, inheritable=True)
    with FaultServer([good({"sentence": "It rained."})]) as server, connect(server) as model:
        ask(model)
        ask(model, config={"callbacks": [Watching()]})
        everywhere.set(Watching())
        ask(model)
        everywhere.set(None)
    assert seen == ["fuse", ('{"sentence": "It rained."}', None)] * 2


# --- the file -------------------------------------------------------------------------------------------------------

WRITER = """
    import sys
    from pathlib import Path
    from rag.llm.cache import CachedResponse, ResponseCache
    replies, start = ResponseCache(Path("kept")), int(sys.argv[1])
    for n in range(start, start + int(sys.argv[2])):
        replies.keep(f"k{n}", CachedResponse(status=200, body=f"reply {n} ".encode() * 500), usable=True)
        print(n, flush=True)
"""


def writing(directory: Path, start: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(start), str(count)]
    return subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, text=True)


def whole(replies: ResponseCache, n: int) -> bool:
    return replies.get(f"k{n}") == CachedResponse(status=200, body=f"reply {n} ".encode() * 500)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_writer_that_is_killed_leaves_every_reply_that_it_kept_and_no_half_one(tmp_path: Path) -> None:
    chance, kept = random.Random(7), []
    for turn in range(5):
        writer = writing(tmp_path, turn * 10_000, 10_000)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(chance.random() / 5)
        writer.send_signal(signal.SIGKILL)
        said = writer.communicate()[0].split()
        kept += [turn * 10_000, *(int(n) for n in said if n.isdigit())][:-1]  # the last line may be cut
    replies = ResponseCache(tmp_path / "kept")
    assert len(kept) > 50
    assert all(whole(replies, n) for n in kept)
    later = range(max(kept) + 1, max(kept) + 100)
    assert all(replies.get(f"k{n}") is None or whole(replies, n) for n in later)
    replies.close()


def test_two_processes_and_many_threads_write_and_read_one_file(tmp_path: Path) -> None:
    writers = [writing(tmp_path, start, 200) for start in (1000, 2000)]
    replies = ResponseCache(tmp_path / "kept")

    def keep(n: int) -> bool:
        replies.keep(f"k{n}", CachedResponse(status=200, body=f"reply {n} ".encode() * 500), usable=True)
        return whole(replies, n)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(keep, range(200)))
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    assert all(whole(replies, n) for start in (0, 1000, 2000) for n in range(start, start + 200))
    replies.close()


def test_threads_that_ask_the_same_all_get_the_reply(connect: Connect) -> None:
    with FaultServer() as server, connect(server) as model, ThreadPoolExecutor(8) as pool:
        ask(model)
        assert len({reply.sentence for reply in pool.map(lambda _: ask(model), range(64))}) == 1
        assert model.tokens["replayed"] == 64
        assert len(server.requests) == 1


@pytest.mark.parametrize("rubbish", [b"rubbish" * 1000, None])
def test_a_folder_that_cannot_be_used_is_wrong_usage_and_left_as_it_is(
    rubbish: bytes | None, connect: Connect, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    if rubbish:
        kept.mkdir()
        (kept / FILE).write_bytes(rubbish)
    else:
        kept.write_text("a file")
    with FaultServer() as server, pytest.raises(UsageError, match="CITEBRIEF_REPLIES kept: ") as caught:
        connect(server)
    assert "\n" not in str(caught.value)
    assert (kept / FILE).read_bytes() == rubbish if rubbish else kept.read_text() == "a file"


def test_a_reply_that_cannot_be_kept_is_told_once_and_serves(tmp_path: Path) -> None:
    told: list[str] = []
    replies = ResponseCache(tmp_path / "kept", told.append)
    replies._store.max_size = 1  # as full as a disk can be
    for n in range(3):
        replies.keep(f"k{n}", CachedResponse(status=200, body=b"{}"), usable=True)
    assert told == [f"replies cannot be kept in {tmp_path / 'kept'}: is it full, or locked by another program?"]
    replies.close()


# --- the local model ------------------------------------------------------------------------------------------------


def test_a_replayed_call_does_not_bother_the_local_model_and_another_file_is_another_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rewound: list[str] = []

    class Standing:
        """Stands for llama.cpp, whose server speaks the same."""

        api_key = KEY

        def __init__(self, path: Path, *, threads: int) -> None:
            self.base_url = server.base_url

        def rewind(self, system: str, *, timeout: float) -> int:
            rewound.append(system)
            return 7

        def close(self) -> None:
            """Nothing to free."""

    monkeypatch.setattr(local_server, "LocalServer", Standing)
    for weights, replayed in ((b"GGUF one", 0), (b"GGUF one", 2), (b"GGUF two", 0)):
        Path("model.gguf").write_bytes(weights)
        settings = load_settings({"replies": "kept", "llm": "local:model.gguf"})
        with (
            FaultServer([], odds=[(slow(0.05), 1.0)]) as server,
            Model(resolve(settings.llm, settings), settings, at_once=8) as model,
            ThreadPoolExecutor(2) as pool,
        ):
            list(pool.map(lambda user, model=model: ask(model, user=user), ("What fell?", "What rose?")))
            assert model.tokens["replayed"] == replayed
            assert len(rewound) == len(server.requests) == 2 - replayed
            assert server.most_at_once == (0 if replayed else 1)  # one at a time, each from the same state
            assert model.tokens["prompt"] == (0 if replayed else 214)
            assert (model.cost, model.small) == (0, True)
        rewound.clear()
