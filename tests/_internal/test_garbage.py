"""A process that collects rarely still collects, and leaves out the collection at its end."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import atexit, gc
from rag._internal.garbage import YOUNG_OBJECTS, collect_rarely

def make_garbage(count):
    for _ in range(count):
        cycle = []
        cycle.append(cycle)

atexit.register(lambda: print("frozen at the end:", gc.get_freeze_count() > 1000))
collect_rarely()
gc.collect()
found = []
gc.callbacks.append(lambda phase, info: found.append(info["collected"]) if phase == "stop" else None)
make_garbage(YOUNG_OBJECTS // 2)
print("collections:", len(found))
make_garbage(YOUNG_OBJECTS)
print("collected:", sum(found) > YOUNG_OBJECTS // 2)
"""


def test_garbage_is_collected_rarely_and_not_at_the_end() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["collections: 0", "collected: True", "frozen at the end: True"]
