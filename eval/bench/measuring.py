"""Time and memory of parts of a measurement, and the rows that are printed of them."""

from __future__ import annotations

import json
import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

REPETITIONS = 20
"""Measured repetitions of each query, after one that is not counted."""


@contextmanager
def measured() -> Iterator[dict[str, float]]:
    """Time the block; the yielded dictionary then has its processor and wall-clock seconds as ``cpu`` and ``wall``."""
    seconds: dict[str, float] = {}
    cpu, wall = time.process_time(), time.perf_counter()
    yield seconds
    seconds |= {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}


def median_times(do: Callable[[int], Any]) -> dict[str, float]:
    """Call ``do`` repeatedly and return median times in milliseconds; the first call is not counted."""
    cpu, wall = [], []
    for i in range(REPETITIONS + 1):
        with measured() as seconds:
            do(i)
        cpu.append(1e3 * seconds["cpu"])
        wall.append(1e3 * seconds["wall"])
    return {"cpu_ms": statistics.median(cpu[1:]), "wall_ms": statistics.median(wall[1:]), "n": REPETITIONS}


def print_row(**row: Any) -> None:
    """Print a row as JSON, with numbers rounded to four significant digits."""
    print(json.dumps(_rounded(row), default=float, ensure_ascii=False), flush=True)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def cpu_seconds(process: psutil.Process) -> float:
    """Return the processor time of ``process`` so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def disk_bytes(directory: Path) -> int:
    """Return the bytes of all files under ``directory``."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    return int(psutil.Process(os.getpid()).memory_info().rss)


def peak() -> int:
    """Return the peak of the resident memory of this process in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
