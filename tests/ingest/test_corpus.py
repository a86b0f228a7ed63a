"""The documents that ship with the project."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from rag.ingest import Source, extract, find
from rag.types import Document

CORPUS = Path(__file__).parents[2] / "corpus"
BUILD = [sys.executable, str(CORPUS / "sources" / "build.py")]
PROSE = "The negotiations went on for months, and each of those who took part remembered them in his own way. "


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


def test_built_files_are_up_to_date_with_their_sources() -> None:
    """If this fails, a source was edited: run ``python corpus/sources/build.py``."""
    done = subprocess.run([*BUILD, "--check"], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def test_build_is_reproducible_and_its_files_read_back(tmp_path: Path, read_document: Callable[..., Document]) -> None:
    head = "---\ntitle: On “Sanctions”\ndate: 2017-08-02\n---\n\n# On “Sanctions”"
    text = f"{head}\n\n{PROSE * 30}\n\n## Public records\n\n- One\n- Two\n"
    (tmp_path / "a.pdf.md").write_text(text)
    (tmp_path / "a.docx.md").write_text(text)
    command = [*BUILD, "--sources", str(tmp_path), "--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    os.utime(tmp_path / "a.pdf.md", (1, 1))
    assert subprocess.run([*command, "--check"], check=False, timeout=60).returncode == 0
    for name in ("a.pdf", "a.docx"):
        document = read_document(name)
        assert (document.title, document.date) == ("On “Sanctions”", "2017-08-02")
        assert [heading.text for heading in document.headings] == ["Public records"]
        assert document.text.endswith("- One\n- Two")
        assert document.text.count("each of those who took part remembered them in his own way.") == 30
    assert len(read_document("a.pdf").page_starts) == 2
