"""Connects to a Ray cluster: the one that ``RAY_ADDRESS`` names, else one that is started for the run.

A cluster that merely runs on this machine is not joined: it may be another user's, and the settings that workers
receive contain the API key. Ray is an optional extra. Every node needs the same installation of citebrief; no code is
copied there.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import textwrap
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import CitebriefError, UsageError

if TYPE_CHECKING:
    from rag.config import Settings

INSTALL_RAY = 'pip install "citebrief[ray]"'

CONNECT_SECONDS = 10.0
"""Time in which a named cluster has to accept a connection; Ray itself would retry for many minutes."""

REASON_LENGTH = 300
"""Maximum characters of an error's reason: Ray's own text ends in a list of other possible causes."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ADDRESS = re.compile(r"\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b")
_WRAPPED = "\nThe above exception was the direct cause"
"""The line that Python writes between an error and the error that wraps it, as Ray Data wraps those of a worker."""

_log = logging.getLogger(__name__)


@contextmanager
def connected(settings: Settings) -> Iterator[None]:
    """Connect to a cluster for this block, or use the caller's connection; stop a cluster that was started for it.

    Raises:
        UsageError: Ray is not installed.
        CitebriefError: the cluster cannot be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports usage unless it is told not to
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its warnings bypass Python's logging
    try:
        import ray
    except ImportError:
        raise UsageError(f"--engine ray: Ray is not installed: {INSTALL_RAY}") from None
    with _ray_messages_logged():
        if ray.is_initialized():
            yield
            return
        _check_address(settings.ray_address)
        in_main = threading.current_thread() is threading.main_thread()
        handler = signal.getsignal(signal.SIGTERM) if in_main else None
        address = settings.ray_address or "local"  # with no address Ray would join any cluster that runs here
        try:
            ray.init(address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, ValueError) as error:
            named = f" at {settings.ray_address}" if settings.ray_address else ""
            raise CitebriefError(f"no Ray cluster{named}: {_first_line(error)}") from error
        if handler is not None:  # not truthiness: signal.SIG_DFL is 0
            signal.signal(signal.SIGTERM, handler)  # Ray replaces the handler
        try:
            yield
        finally:
            ray.shutdown()


def processor_count() -> int:
    """Count the processors of the nodes that are alive."""
    import ray

    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def node_count() -> int:
    """Count the nodes that are alive."""
    import ray

    return sum(node["Alive"] for node in ray.nodes())


def absolute(path: str) -> str:
    """Make ``path`` absolute: workers do not run in the directory where the command was given."""
    return str(Path(path).expanduser().absolute())


def reason(error: BaseException) -> str:
    """Describe in one line why Ray raised ``error``: the exception of the worker's code, else Ray's last line.

    Ray's text begins with colour codes, a process id and an address, and says what happened at its end.
    """
    from ray.exceptions import RayError

    cause = getattr(error, "cause", None)
    if isinstance(cause, BaseException) and not isinstance(cause, RayError):
        text = f"{type(cause).__name__}: {cause}"
    else:
        lines = _COLOUR.sub("", str(error).partition(_WRAPPED)[0]).splitlines()
        text = next((line for line in reversed(lines) if line.strip()), type(error).__name__)
        text = _ADDRESS.sub("a node", text)
    return textwrap.shorten(text, REASON_LENGTH, placeholder=" …")


def _check_address(address: str | None) -> None:
    """Fail early if no server accepts connections at ``address``."""
    host, _, port = (address or "").rpartition(":")
    if not port.isdecimal() or "://" in host:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise CitebriefError(
            f"no Ray cluster at {address}, the address in RAY_ADDRESS: {str(error).lower()}; "
            "`ray start --head` starts one"
        ) from None


@contextmanager
def _ray_messages_logged() -> Iterator[None]:
    """Log Ray's messages about lost workers and nodes, one line each.

    Ray prints some twenty lines on stdout for each, which no option suppresses, and stdout is for data.
    """
    from ray._private import worker

    def log(data: Mapping[str, Any], ignore_prefix: bool) -> None:
        _log.warning("Ray: %.200s", _first_line("\n".join(data["lines"])))

    original = getattr(worker, "print_to_stdstream", None)
    if original is None:  # a version of Ray without this private function prints as it does
        yield
        return
    worker.print_to_stdstream = log
    try:
        yield
    finally:
        worker.print_to_stdstream = original


def _first_line(what: object) -> str:
    return next((line.strip() for line in str(what).splitlines() if line.strip()), type(what).__name__)
