"""Archives that unpack to too much, or are encrypted, are refused by what their directory declares."""

from __future__ import annotations

import io
import random
import zipfile

import pytest

from rag.errors import ReadError
from rag.ingest import archive
from rag.ingest.archive import open_archive


def packed(*members: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for number, content in enumerate(members):
            file.writestr(f"{number}.xml", content)
    return data.getvalue()


def test_archive_of_too_many_bytes_in_all_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = packed(b"a" * 600, b"b" * 401)
    monkeypatch.setattr(archive, "MAX_UNPACKED", 1001)
    assert len(open_archive(data, "DOCX").infolist()) == 2
    monkeypatch.setattr(archive, "MAX_UNPACKED", 1000)
    with pytest.raises(ReadError, match="refused as a zip bomb: it unpacks to more than"):
        open_archive(data, "DOCX")


def test_archive_of_too_many_members_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_ENTRIES", 2)
    assert open_archive(packed(b"a", b"b"), "DOCX")
    with pytest.raises(ReadError, match="refused as a zip bomb: it unpacks to more than"):
        open_archive(packed(b"a", b"b", b"c"), "DOCX")


def test_member_that_unpacks_to_much_more_than_it_takes_is_refused() -> None:
    with pytest.raises(ReadError, match=r"refused as a zip bomb: 0\.xml unpacks to 2 MB"):
        open_archive(packed(b" " * 2_000_000), "DOCX")
    assert open_archive(packed(random.Random(1).randbytes(2_000_000), b" " * 1_000_000), "DOCX")


def test_encrypted_member_is_refused() -> None:
    data = bytearray(packed(b"a"))
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + at] |= 1
    with pytest.raises(ReadError, match=r"encrypted: 0\.xml needs a password"):
        open_archive(bytes(data), "DOCX")
