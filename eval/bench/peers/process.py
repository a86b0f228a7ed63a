"""A compared system in a process of its own: requests and replies as lines of JSON."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .. import REPOSITORY
from .interface import Options


class SystemFailed(Exception):
    """A system reported an error; its process goes on."""


class SystemEnded(SystemFailed):
    """The process of a system ended, or did not answer in time and cannot be asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The time of a request: on the clock, and of one core, in the worker, its children and this process.

    This process serves the model, so that its processor time is part of an answer's.
    ``core_seconds_since_start`` counts from the worker's start.
    """

    seconds: float
    core_seconds: float
    core_seconds_since_start: float


class SystemProcess:
    """The worker of one system under ``python``. Use it in a ``with`` statement; it is ended at the end.

    Args:
        name: the module of the system in this package.
        python: the interpreter that has the system's packages.
        options: what the systems share.
        log: file to which the standard error of the process is appended.
    """

    def __init__(self, name: str, python: Path, options: Options, log: Path) -> None:
        self._name = name
        self._log = log.open("a", encoding="utf-8")
        self.started = time.perf_counter()
        self._model_started = time.process_time()
        self._process = subprocess.Popen(
            [python, "-m", "eval.bench.peers.worker", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=REPOSITORY,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "ANONYMIZED_TELEMETRY": "False"},
        )
        self._send(asdict(options))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()

    def ask(self, command: str, *, timeout: float, **arguments: str) -> tuple[Any, Cost]:
        """Send a request and return its result and its cost.

        Raises:
            SystemFailed: the worker reported an error.
            SystemEnded: it ended, or took longer than ``timeout`` seconds.
        """
        before = time.process_time()
        self._send({"command": command, **arguments})
        reply = json.loads(self._read_line(command, timeout))
        if "error" in reply:
            raise SystemFailed(f"{self._name} {command}: {reply['error']}")
        here = time.process_time()
        return reply["result"], Cost(
            seconds=reply["seconds"],
            core_seconds=reply["core_seconds"] + here - before,
            core_seconds_since_start=reply["core_seconds_since_start"] + here - self._model_started,
        )

    def _send(self, row: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{json.dumps(row)}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise SystemEnded(f"{self._name}: the process ended; see {self._log.name}") from None

    def _read_line(self, command: str, timeout: float) -> bytes:
        assert self._process.stdout is not None
        deadline = time.monotonic() + timeout
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise SystemEnded(f"{self._name} {command}: no answer in {timeout:.0f} s")
            part = os.read(self._process.stdout.fileno(), 1 << 16)
            if not part:
                raise SystemEnded(f"{self._name} {command}: the process ended; see {self._log.name}")
            line += part
        return line
