"""The documents that ship with the project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rag.ingest import Source, extract, find

CORPUS = Path(__file__).parents[2] / "corpus"


def test_every_document_is_read_with_title_date_and_headings() -> None:
    found = list(find([str(CORPUS)]))
    assert {Path(item.path).name for item in found if not isinstance(item, Source)} <= {"README.md", "sources"}
    for source in (item for item in found if isinstance(item, Source)):
        (document,), problems = extract(source)
        assert not problems
        assert document.date, source.id
        assert document.title, source.id
        assert len(document.headings) >= 3, source.id
        assert not document.text.startswith(document.title), source.id
        assert "language" not in document.metadata, source.id
        assert not [line for line in document.text.split("\n") if line.startswith(("#", "Date:", "---"))], source.id


def test_the_built_files_are_what_their_sources_give() -> None:
    """If this fails, a source was edited: run ``python corpus/sources/build.py``."""
    check = [sys.executable, str(CORPUS / "sources" / "build.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
