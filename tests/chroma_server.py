"""Start a Chroma server on loopback, as ``chroma run`` does."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 60.0
"""Time limit for the server to accept connections."""


@contextmanager
def chroma_server(directory: Path) -> Iterator[str]:
    """Run a server that stores its records in ``directory`` and yield its address, as ``--store`` takes it.

    Raises:
        TimeoutError: the server ends, or does not answer within :data:`START_SECONDS`.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Not the chroma script, which is not beside the interpreter in every environment.
    command = [
        sys.executable,
        "-c",
        "from chromadb.cli.cli import app; app()",
        "run",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--path",
        str(directory),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError(f"no Chroma server at 127.0.0.1:{port}; `{' '.join(command)}` prints the reason")
            time.sleep(0.2)
        yield f"chroma+http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
