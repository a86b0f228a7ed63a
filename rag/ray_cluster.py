"""A Ray cluster to work on: the one that ``RAY_ADDRESS`` names, else one that runs here, else one started for the run.

Ray is an optional extra. Every node needs citebrief installed as it is here; nothing is copied there.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.errors import CitebriefError, UsageError

INSTALL = 'pip install "citebrief[ray]"'


@contextmanager
def connected() -> Iterator[None]:
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
    if ray.is_initialized():
        yield
        return
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM)
    try:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        named = os.environ.get("RAY_ADDRESS")
        fix = f"is RAY_ADDRESS={named} right?" if named else "`ray stop` clears what a crashed one left behind"
        raise CitebriefError(f"the Ray cluster cannot be reached: {str(error).splitlines()[0]}; {fix}") from error
    if ours:
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
