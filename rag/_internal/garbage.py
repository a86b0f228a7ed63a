"""Python's cyclic garbage collector in a process that does one short thing."""

from __future__ import annotations

import atexit
import gc

YOUNG_OBJECTS = 100_000
"""Objects that are created before the collector looks for garbage among them. Python's default is 700."""


def collect_rarely() -> None:
    """Make the collector run rarely from now on, and not when the process ends.

    Importing torch and Chroma creates half a million objects that all stay; the collector goes through them again and
    again, and once more at the end, which took .7 of the 5.9 s of processor time of a search. Not for long processes,
    where garbage would use memory for longer.
    """
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)
    atexit.register(gc.freeze)  # the collection at the end leaves out frozen objects
