"""Fixtures that write a file and read it through :func:`rag.ingest.find` and :func:`rag.ingest.extract`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rag.ingest import Source, extract, find
from rag.types import Document


@pytest.fixture
def make_source(tmp_path: Path) -> Callable[..., Source]:
    """``make_source(name, content)``: the source of a new file; without ``content``, of the file that is there."""

    def make(name: str, content: str | bytes | None = None) -> Source:
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        (found,) = find([str(path)])
        assert isinstance(found, Source), found
        return found

    return make


@pytest.fixture
def read_document(make_source: Callable[..., Source]) -> Callable[..., Document]:
    """``read_document(name, content)``: the one document of a file, its heading offsets checked."""

    def read(name: str, content: str | bytes | None = None) -> Document:
        documents, problems = extract(make_source(name, content))
        assert not problems, problems
        (document,) = documents
        for heading in document.headings:
            assert document.text[heading.start : heading.end] == heading.text
            assert heading.start == 0 or document.text[heading.start - 1] == "\n"
            assert document.text[heading.end : heading.end + 1] in {"", "\n"}
        return document

    return read


@pytest.fixture
def skip_reason(make_source: Callable[..., Source]) -> Callable[..., str]:
    """``skip_reason(name, content)``: why the file could not be read."""

    def reason(name: str, content: str | bytes | None = None) -> str:
        source = make_source(name, content)
        documents, problems = extract(source)
        assert not documents
        (problem,) = problems
        assert problem.path == source.location
        return problem.reason

    return reason
