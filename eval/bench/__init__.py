"""Benchmarks, run from the root of the repository: ``python -m eval.bench.NAME --help``."""

import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]

sys.path.insert(0, str(REPOSITORY / "tests"))  # fault_server.py and chroma_server.py
