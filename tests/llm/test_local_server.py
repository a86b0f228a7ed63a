"""llama.cpp's server: errors, reproducible replies, access and shutdown."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
from command_line import HEED_CTRL_C
from pydantic import BaseModel, ConfigDict

from rag.config import load_settings
from rag.errors import ReplyError
from rag.llm import ChatClient, load_prompt, local_model
from rag.llm.local_server import LocalServer
from rag.writing.small_prompts import HEADING_PROMPT

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not local_model.installed(), reason=f"needs {local_model.INSTALL_LOCAL}"),
]


class Written(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sentence: str


@pytest.mark.parametrize("content", [b"", b"not a model", b"GGUF" + bytes(5000)])
def test_a_file_that_is_no_model_is_an_error_and_no_crash(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.gguf"
    path.write_bytes(content)
    code = f"from pathlib import Path; from rag.llm.local_server import LocalServer; LocalServer(Path({str(path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "ModelError" in done.stderr
    assert "odd.gguf" in done.stderr
    assert "llama_model_load" not in done.stderr


NOTES = (
    "1 [Minutes] Oslo's harbour board met on 3 May 2011.\n2 [Minutes] The vote on the pier was not public.",
    "1 [Costs] The pier cost 41 million kroner.\n2 [Costs] It was opened by the mayor in June 2014.",
)


def ask(model: ChatClient, notes: str) -> str:
    """Ask for a sentence on ``notes``."""
    messages = load_prompt(HEADING_PROMPT).render(question="What of the pier?", notes=notes)
    return model.ask(*messages, Written, max_tokens=60, name=HEADING_PROMPT).sentence


def test_the_same_request_gives_the_same_reply_whatever_is_cached(local_model: ChatClient) -> None:
    first = [ask(local_model, notes) for notes in NOTES]
    local_model.ask("Say a word.", "Go.", Written, max_tokens=40, name="other")  # another prompt in the cache
    assert [ask(local_model, notes) for notes in NOTES] == first


def test_the_common_beginning_of_prompts_is_read_once(local_model: ChatClient) -> None:
    for notes in ("1 [Day] It rained.\n2 [Day] It snowed.", "1 [Day] It thawed.\n2 [Day] It froze."):
        before = local_model.tokens["cached"], local_model.tokens["prompt"]
        ask(local_model, notes)
    cached, prompt = local_model.tokens["cached"] - before[0], local_model.tokens["prompt"] - before[1]
    assert cached > 0.5 * prompt  # the system prompt and the question are more than half of it


def test_the_beginning_of_a_prompt_is_read_once_by_all_processes(tmp_path: Path) -> None:
    path = local_model.model_file(load_settings())
    replies, tokens_read = [], []
    for _ in range(2):
        server = LocalServer(path, threads=1, cache=tmp_path)
        tokens_read.append(server.rewind("Add the numbers.", timeout=60))
        reply = httpx.post(
            f"{server.base_url}/chat/completions",
            headers={"Authorization": f"Bearer {server.api_key}"},
            json={
                "messages": [{"role": "system", "content": "Add the numbers."}, {"role": "user", "content": "2 and 3"}],
                "max_tokens": 8,
                "temperature": 0,
            },
            timeout=60,
            trust_env=False,
        ).json()
        replies.append((reply["choices"][0]["message"]["content"], reply["usage"]["prompt_tokens_details"]))
        server.close()
    first, second = tokens_read
    assert second == 0 < first
    assert replies[0] == replies[1]
    assert replies[1][1]["cached_tokens"] > 0


def test_the_server_listens_on_loopback_only(local_model: ChatClient) -> None:
    listening = [c.laddr.ip for c in psutil.Process().net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert set(listening) == {"127.0.0.1"}


def test_the_server_requires_its_key(local_model: ChatClient) -> None:
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


def test_llama_cpp_prints_nothing_and_a_process_that_does_not_close_the_server_ends() -> None:
    code = (
        START
        + 'try: model.ask("s", "u", Story, max_tokens=3, name="t")\nexcept Exception as e: print(type(e).__name__)'
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=180)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["ready", ReplyError.__name__], "")


def test_a_server_that_is_closed_before_its_first_request_ends() -> None:
    code = (
        "from rag.config import load_settings; from rag.llm.local_model import model_file;"
        "from rag.llm.local_server import LocalServer;"
        "server = LocalServer(model_file(load_settings()), threads=1); server.close()"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=180, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_ctrl_c_ends_the_process_in_the_middle_of_a_reply() -> None:
    code = f"{HEED_CTRL_C}\n{START}"
    code += 'with model: model.ask("Tell a story of 2000 words.", "Begin.", Story, max_tokens=2000, name="t")'
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
