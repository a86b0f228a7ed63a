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
