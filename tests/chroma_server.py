"""A Chroma server on loopback, as ``chroma run`` starts it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START = 60.0
"""Seconds in which the server has to answer."""


@contextmanager
def chroma_server(directory: Path) -> Iterator[str]:
    """Its address, as ``--store`` takes it, once it answers; its records lie in ``folder``.

    Raises:
        TimeoutError: it ends, or does not answer within :data:`START` seconds.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    chroma = Path(sys.executable).parent / "chroma"
    command = [str(chroma), "run", "--host", "127.0.0.1", "--port", str(port), "--path", str(directory)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError(f"no Chroma server at 127.0.0.1:{port}: `{' '.join(command)}` says why")
            time.sleep(0.2)
        yield f"chroma+http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
