"""llama.cpp's OpenAI-compatible server in this process, on a loopback address."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import secrets
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import ModelError
from rag.llm.local_model import INSTALL_LOCAL
from rag.llm.prompt_states import PromptStates

if TYPE_CHECKING:
    import httpx

SERVER_CONTEXT_TOKENS = 4096


class LocalServer:
    """A server for one GGUF model, at ``base_url`` on 127.0.0.1. Close it when done.

    It requires ``api_key``, a random key for each server: every user of the machine, and every page in their browsers,
    can reach the port.

    Args:
        path: the model's file.
        threads: threads that compute; 0 is one for each core.
        cache: the folder that keeps the states of :meth:`rewind` for later processes; without one they are lost.

    Raises:
        ModelError: llama.cpp is not installed, or cannot load the file.
    """

    def __init__(self, path: Path, *, threads: int = 0, cache: Path | None = None) -> None:
        if importlib.util.find_spec("xllamacpp") is None:
            raise ModelError(f"the local model needs llama.cpp: {INSTALL_LOCAL}")
        if not _is_gguf(path):
            raise ModelError(f"{path} is not a GGUF file: give a model in llama.cpp's format")
        xllamacpp = _import_llama_cpp()
        threads = threads or _core_count()
        self._kept: PromptStates | None = None
        if cache is not None:
            build = f"xllamacpp {version('xllamacpp')} {xllamacpp.get_system_info()}"
            reader = f"{_file_version(path)}, {build}, {threads} threads"
            self._kept = PromptStates(directory=cache / "prompts", reader=reader)
        self._states = tempfile.TemporaryDirectory(prefix="citebrief-")
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.hostnames = ["127.0.0.1"]
        params.port = 0
        params.n_ctx = SERVER_CONTEXT_TOKENS
        params.n_parallel = 1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.fit_params = False  # it would load the model twice, to see what fits into a GPU
        params.cache_ram_mib = 0  # `rewind` restores the beginning of a prompt
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
        except (RuntimeError, ValueError, OSError) as error:  # without a reason in the message
            raise ModelError(
                f"llama.cpp cannot load {path}: the file is damaged, of an unknown kind, or too big for memory"
            ) from error
        self.base_url = f"{self._server.listening_address}/v1"
        self._wait_until_ready()

    def rewind(self, system: str, *, timeout: float) -> int:
        """Reset the model to the state after reading ``system``. Return the tokens that it read for that.

        This makes each reply depend on its own request alone. With the cache of earlier calls, the same request is
        computed in other batches, which round differently, so that a near tie can fall the other way. It also means
        that the beginning of each prompt is read once, in whatever order prompts come; restoring it takes 2 ms. With a
        cache it is read once by all processes.

        Args:
            system: the system message.
            timeout: seconds for each request to llama.cpp.

        Raises:
            ModelError: llama.cpp does not answer, or refuses.
        """
        import httpx

        name = f"{hashlib.sha256(system.encode()).hexdigest()[:16]}.state"
        state = Path(self._states.name) / name
        try:
            with self._client(timeout) as client:
                known = state.exists() or (self._kept is not None and self._kept.fetch(system, state))
                if known and client.post("/slots/0?action=restore", json={"filename": name}).is_success:
                    return 0
                read = _read(client, system, name)
                if self._kept is not None:
                    self._kept.keep(system, state)
                client.post("/slots/0?action=restore", json={"filename": name}).raise_for_status()
                return read
        except httpx.HTTPError as error:
            raise ModelError(
                f"the local model's server does not answer ({error or type(error).__name__}): start again"
            ) from error

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

    def _wait_until_ready(self) -> None:
        """Wait until the server's loop runs. A server that is stopped earlier would miss it, and never end."""
        import httpx

        try:
            with self._client(60) as client:
                client.post("/slots/0?action=erase").raise_for_status()
        except httpx.HTTPError as error:
            raise ModelError(f"llama.cpp started, but does not answer ({error or type(error).__name__})") from error


def _read(client: httpx.Client, system: str, name: str) -> int:
    """Have the model read ``system`` from the start, save its state as ``name``, and return the tokens read."""
    client.post("/slots/0?action=erase").raise_for_status()
    messages = [{"role": "system", "content": system}, {"role": "user", "content": ""}]
    opening = client.post("/v1/chat/completions", json={"messages": messages, "max_tokens": 1})
    read = int(opening.raise_for_status().json()["usage"]["prompt_tokens"])
    client.post("/slots/0?action=save", json={"filename": name}).raise_for_status()
    return read


def _import_llama_cpp() -> Any:
    """Return llama.cpp's module. It needs libgomp, which slim containers lack; the one that torch brings will do."""
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


def _file_version(path: Path) -> str:
    status = path.stat()
    return f"{path.name} {status.st_size} {status.st_mtime_ns}"


def _core_count() -> int:
    """Return the cores that this process may use, which in a container are fewer than the machine's."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
