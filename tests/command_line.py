"""What tests need to run the command line: in this process by a fixture, or as a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEED_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
"""Code for a child of the tests: a process that a shell starts in the background ignores Ctrl-C, as do its children."""
COMMAND = (sys.executable, "-c", f"{HEED_CTRL_C}; from rag.cli.main import main; main()")
NO_MODELS = {"OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}
"""Environment in which no remote model is configured."""


@dataclass(frozen=True)
class Completed:
    """Exit status and output of a command."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Completed]
"""Type of the fixture ``citebrief``: arguments, ``stdin`` and environment variables → the completed command."""
