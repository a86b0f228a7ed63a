"""The packaged adapter of the packaged local model, which makes it a writer of sections.

``rag/llm/adapter/README.md`` says what it was trained on and what it gains.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from rag.llm.spec import ModelChoice

ADAPTER_FILE = Path(__file__).with_name("adapter") / "writer.gguf"

ADAPTED_PROMPTS = frozenset({"small_section"})
"""The prompts that it is used for. For others the model is used as it is."""


def adapter_of(choice: ModelChoice) -> Path | None:
    """Return the adapter's file if ``choice`` is the packaged model, and None for every other model."""
    return ADAPTER_FILE if choice.kind == "local" and choice.path is None else None


def adapter_digest() -> str:
    """Return the SHA-256 of the adapter."""
    with ADAPTER_FILE.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
