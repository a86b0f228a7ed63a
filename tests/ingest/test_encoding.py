from __future__ import annotations

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


def test_gb2312_means_gbk_and_iso_2022_jp_is_told_from_ascii() -> None:
    assert decode("朱镕基".encode("gbk"), "gb2312")[0] == "朱镕基"
    assert decode("雪国".encode("iso-2022-jp"), "iso-2022-jp")[0] == "雪国"


@pytest.mark.parametrize("label", ["rot13", "zlib", "hex", "no such thing", "x-user-defined", "utf-16", ""])
def test_labels_of_no_text_encoding_are_ignored(label: str) -> None:
    assert decode("Größe".encode("cp1252"), label)[0] == "Größe"
