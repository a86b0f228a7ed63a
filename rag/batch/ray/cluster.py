"""A Ray cluster to work on: the one that ``RAY_ADDRESS`` names, else one started for the run.

One that merely runs on this machine may be somebody else's, and the settings that workers get have the API key in them.
Ray is an optional extra. Every node needs citebrief installed as it is here; nothing is copied there.
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

INSTALL = 'pip install "citebrief[ray]"'
KNOCK = 10.0
"""Seconds in which a named cluster has to take a connection; Ray itself would try for many minutes."""

LONG = 300
"""Characters of a reason at the most: Ray's own ends in a list of what else might be."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ADDRESS = re.compile(r"\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b")
_WRAPPED = "\nThe above exception was the direct cause"
"""What Python writes between an error and the one that it was wrapped in, as Ray Data wraps those of a worker."""

_log = logging.getLogger(__name__)


@contextmanager
def connected(settings: Settings) -> Iterator[None]:
    """Be connected to a cluster, by the caller's own connection if there is one. A cluster started for this is stopped.

    Raises:
        UsageError: Ray is not installed.
        CitebriefError: the cluster cannot be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported that nobody asked to report
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its warnings go to the terminal, past Python's logging
    try:
        import ray
    except ImportError:
        raise UsageError(f"--engine ray: Ray is not installed: {INSTALL}") from None
    with _stdout_kept_for_data():
        if ray.is_initialized():
            yield
            return
        _knock(settings.ray_address)
        in_main = threading.current_thread() is threading.main_thread()
        ours = signal.getsignal(signal.SIGTERM) if in_main else None
        address = settings.ray_address or "local"  # without one Ray would join any that runs here
        try:
            ray.init(address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, ValueError) as error:
            named = f" at {settings.ray_address}" if settings.ray_address else ""
            raise CitebriefError(f"no Ray cluster{named}: {_first_line(error)}") from error
        if ours is not None:  # the default one is 0
            signal.signal(signal.SIGTERM, ours)  # Ray puts its own in its place
        try:
            yield
        finally:
            ray.shutdown()


def processors() -> int:
    """Processors of the nodes that are alive."""
    import ray

    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def nodes() -> int:
    """Nodes that are alive."""
    import ray

    return sum(node["Alive"] for node in ray.nodes())


def everywhere(path: str) -> str:
    """``path`` as it is found from any folder: workers do not run where the command was given."""
    return str(Path(path).expanduser().absolute())


def reason(error: BaseException) -> str:
    """Why Ray raised ``error``, in a line: what a worker's own code raised, else the last thing that Ray says of it.

    Ray's text begins with colour codes, a process and an address; what happened stands at its end.
    """
    from ray.exceptions import RayError

    cause = getattr(error, "cause", None)
    if isinstance(cause, BaseException) and not isinstance(cause, RayError):
        text = f"{type(cause).__name__}: {cause}"
    else:
        lines = _COLOUR.sub("", str(error).partition(_WRAPPED)[0]).splitlines()
        text = next((line for line in reversed(lines) if line.strip()), type(error).__name__)
        text = _ADDRESS.sub("a node", text)
    return textwrap.shorten(text, LONG, placeholder=" …")


def _knock(address: str | None) -> None:
    """Find out soon that nobody is at ``address``."""
    host, _, port = (address or "").rpartition(":")
    if not port.isdecimal() or "://" in host:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK).close()
    except OSError as error:
        raise CitebriefError(
            f"no Ray cluster at {address}, where RAY_ADDRESS says: {str(error).lower()}; `ray start --head` starts one"
        ) from None


@contextmanager
def _stdout_kept_for_data() -> Iterator[None]:
    """Hear of lost workers and nodes in a line of the log: Ray prints twenty on stdout, and no option stops it."""
    from ray._private import worker

    def note(data: Mapping[str, Any], ignore_prefix: bool) -> None:
        _log.warning("Ray: %.200s", _first_line("\n".join(data["lines"])))

    before = getattr(worker, "print_to_stdstream", None)
    if before is None:  # a Ray that has it no more may print what it likes
        yield
        return
    worker.print_to_stdstream = note
    try:
        yield
    finally:
        worker.print_to_stdstream = before


def _first_line(what: object) -> str:
    return next((line.strip() for line in str(what).splitlines() if line.strip()), type(what).__name__)
