"""The documents as text files."""

from __future__ import annotations

from pathlib import Path

from rag.eval.bench.peers.documents import document_id, export_text


def test_each_document_becomes_a_text_file_under_its_id(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "a.md").write_text("# Canal\n\nThe canal *opened* in 1914.\n")
    (source / "deep" / "b.txt").write_text("Water came in.\n")
    assert export_text([str(source)], tmp_path / "out") == 2
    files = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.txt"))
    assert files == ["a.md.txt", "deep/b.txt.txt"]
    assert "The canal opened in 1914." in (tmp_path / "out" / "a.md.txt").read_text()
    assert [document_id(each) for each in files] == ["a.md", "deep/b.txt"]
