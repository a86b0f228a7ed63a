from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.ingest.encoding import decode
from rag.types import Document


@pytest.mark.parametrize(
    ("encoding", "recorded"),
    [("utf-8-sig", None), ("utf-16", "utf-16"), ("utf-16-le", "utf-16-le"), ("cp1252", "cp1252")],
)
def test_other_encodings_than_utf8_are_decoded_and_recorded(
    read_document: Callable[..., Document], encoding: str, recorded: str | None
) -> None:
    text = "A letter\n\nThe café’s owner said “no” — and the naïve clerk in Málaga agreed with it at once.\n"
    document = read_document("letter.txt", text.encode(encoding))
    assert "café’s owner said “no” — and the naïve clerk in Málaga" in document.text
    assert document.metadata.get("encoding") == recorded


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_decode(data: bytes) -> None:
    text, _ = decode(data)
    assert isinstance(text, str)


@pytest.mark.parametrize("label", ["iso-8859-1", "us-ascii", "latin1", "windows-1252"])
def test_labels_mean_what_browsers_take_them_for(label: str) -> None:
    text, metadata = decode("1961–1967, €9 – it wasn’t".encode("cp1252"), label)
    assert text == "1961–1967, €9 – it wasn’t"
    assert metadata == {"encoding": "cp1252"}


@pytest.mark.parametrize("label", [None, "latin1", "gbk"])
def test_a_few_stray_bytes_leave_the_other_characters_of_utf_8(label: str | None) -> None:
    text = "The lease – “Ostby” – costs €40. "
    assert decode(text.encode() * 2 + b"A \xff byte.", label) == (f"{text * 2}A \ufffd byte.", {})
    assert decode("Un café à sept heures, près du môle. É”".encode("cp1252"), label)[1]


def test_characters_that_cannot_be_read_are_told(read_document: Callable[..., Document]) -> None:
    stray = "The lease – “Ostby” – costs €40.".encode() + b" The \xff byte."
    for name, content in (("a.txt", stray), ("a.html", b"<p>" + stray), ("a.md", "The lease \ufffd ends.".encode())):
        [omission] = read_document(name, content).coverage.omissions
        assert (omission.what, omission.count, omission.lost) == ("unreadable characters", 1, True)


def test_gb2312_means_gbk_and_iso_2022_jp_is_told_from_ascii() -> None:
    assert decode("朱镕基".encode("gbk"), "gb2312")[0] == "朱镕基"
    assert decode("雪国".encode("iso-2022-jp"), "iso-2022-jp")[0] == "雪国"


@pytest.mark.parametrize("label", ["rot13", "zlib", "hex", "no such thing", "x-user-defined", "utf-16", ""])
def test_labels_of_no_text_encoding_are_ignored(label: str) -> None:
    assert decode("Größe".encode("cp1252"), label)[0] == "Größe"


LETTER = "Ostby, le 4 mai. L’écluse ouvrira à sept heures; les bateaux attendront près du môle. " * 3
BINARY = {
    "random": random.Random(1).randbytes(1000),
    "a few random bytes": random.Random(1).randbytes(64),
    "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\3\x20\0\0\2\x58\x08\6\0\0\0" + zlib.compress(LETTER.encode()),
    "elf": b"\x7fELF\2\1\1" + bytes(9) + b"\3\0\x3e\0\1\0\0\0\x40\x10\0\0\0\0\0\0\x40" + bytes(40),
    "gzip": gzip.compress(LETTER.encode()),
}


@pytest.mark.parametrize("kind", BINARY)
@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.csv", "a.html", "a.rst"])
def test_binary_files_named_as_text_are_skipped(skip_reason: Callable[..., str], name: str, kind: str) -> None:
    assert skip_reason(name, BINARY[kind]).startswith("binary data or control characters")


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        *((encoding, "un café près du môle") for encoding in ("utf-8", "utf-16", "utf-16-le", "cp1252", "latin-1")),
        ("shift_jis", "水門は七時に開きます。"),
        ("cp1251", "Шлюз откроется в семь часов."),
    ],
)
def test_text_with_a_few_control_characters_is_read(
    read_document: Callable[..., Document], encoding: str, words: str
) -> None:
    assert words in read_document("letter.txt", (f"{words} " * 80 + "\x02\x01\x7f").encode(encoding)).text


@pytest.mark.parametrize(
    "text",
    ["one\x01two\x01three\n" * 20, "N\bNA\bAM\bME\bE\n" * 20, "The end.\n" + "\x1a" * 90, "1\0002 cm, 3\0004 cm"],
)
def test_separators_overstriking_and_padding_are_not_taken_for_binary_data(
    read_document: Callable[..., Document], text: str
) -> None:
    assert read_document("table.txt", text).text
