from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_line import ROOT, Run

pytestmark = pytest.mark.integration


def test_strict_indexing_exits_1_for_a_broken_file_and_indexes_the_others(tmp_path: Path, citebrief: Run) -> None:
    shutil.copy(ROOT / "corpus" / "papadopoulos.md", tmp_path)
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 nothing follows")
    done = citebrief("index", str(tmp_path), "--store", str(tmp_path / ".store"), "--strict", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["added"] == 1
    assert "broken.pdf" in done.stderr


def test_ignored_files_are_counted_and_are_no_problem_even_with_strict(tmp_path: Path, citebrief: Run) -> None:
    shutil.copy(ROOT / "corpus" / "papadopoulos.md", tmp_path)
    (tmp_path / "draft.md").write_text("# Draft\n\nNot for the index.\n")
    (tmp_path / ".citebriefignore").write_text("draft.md\n")
    done = citebrief("index", str(tmp_path), "--store", str(tmp_path / ".store"), "--strict")
    assert done.returncode == 0
    assert "1 added" in done.stdout
    assert "1 left out by .citebriefignore" in done.stderr


def test_many_files_that_are_skipped_for_one_reason_share_a_line(tmp_path: Path, citebrief: Run) -> None:
    (tmp_path / "a.md").write_text("The pier was rebuilt in 1921.", encoding="utf-8")
    (tmp_path / "film.mov").write_bytes(b"x")
    for number in range(9):
        (tmp_path / f"{number}.png").write_bytes(b"x")
    found = citebrief("index", str(tmp_path), "--store", str(tmp_path / ".store"), "--quiet")
    png, mov = sorted(found.stderr.splitlines(), key=lambda line: "film.mov" in line)
    assert png.startswith("skipped 9 files: .png: not a format citebrief reads")
    assert "0.png" in png
    assert "8.png" not in png
    assert mov.startswith(f"skipped {tmp_path / 'film.mov'}: .mov")


def test_quiet_prints_what_was_skipped_and_no_status(tmp_path: Path, citebrief: Run) -> None:
    shutil.copy(ROOT / "corpus" / "papadopoulos.md", tmp_path)
    (tmp_path / "draft.md").write_text("# Draft\n\nNot for the index.\n")
    (tmp_path / ".citebriefignore").write_text("draft.md\n")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 nothing follows")
    done = citebrief("index", str(tmp_path), "--store", str(tmp_path / ".store"), "--quiet")
    assert "1 added" in done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"skipped {tmp_path / 'broken.pdf'}: ")


def test_pages_without_text_are_told_of_by_index_and_show(tmp_path: Path, citebrief: Run) -> None:
    from reportlab.pdfgen.canvas import Canvas

    folder, store = tmp_path / "docs", str(tmp_path / ".store")
    folder.mkdir()
    canvas = Canvas(str(folder / "scan.pdf"))
    canvas.drawString(72, 700, "The lock of Ostby opens at seven in the morning.")
    canvas.showPage()
    canvas.rect(50, 50, 300, 500, fill=1)
    canvas.showPage()
    canvas.save()
    done = citebrief("index", str(folder), "--store", store, "--json")
    (row,) = json.loads(done.stdout)["documents"]
    assert (row["document_id"], row["unit"], row["total"], row["read"]) == ("scan.pdf", "page", 2, 1)
    assert row["left_out"] == [{"what": "no text layer", "count": 1, "pages": [2], "detail": "", "lost": True}]
    assert "partly read scan.pdf: no text layer (page 2)" in done.stderr
    assert citebrief("index", str(folder), "--store", store, "--strict").returncode == 1, "unchanged, and still in part"
    shown = citebrief("show", "--document", "scan.pdf", "--store", store)
    assert "1 of 2 pages have text in it" in shown.stdout
    assert "no text layer (page 2)" in shown.stdout
    assert json.loads(citebrief("show", "--document", "scan.pdf", "--store", store, "--json").stdout)["read"] == 1
    assert citebrief("show", "--document", "none.pdf", "--store", store).returncode == 2
    assert citebrief("show", "--store", store).returncode == 2


def test_an_index_without_a_document_is_a_failure_and_an_unchanged_one_is_not(tmp_path: Path, citebrief: Run) -> None:
    folder, other = tmp_path / "docs", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    (other / "broken.pdf").write_bytes(b"%PDF-1.7 nothing follows")
    for path in (folder, other, other):
        empty = citebrief("index", str(path), "--store", str(tmp_path / ".store"))
        assert empty.returncode == 1
        assert f"nothing was indexed: {path} has no file" in empty.stderr
    (folder / "a.md").write_text("# Locks\n\nThe lock of Ostby opens at seven in the morning.\n")
    for summary in ("1 added", "1 unchanged"):
        done = citebrief("index", str(folder), "--store", str(tmp_path / ".store"))
        assert done.returncode == 0
        assert summary in done.stdout
        assert "nothing was indexed" not in done.stderr
    beside = citebrief("index", str(other), "--store", str(tmp_path / ".store"))
    assert beside.returncode == 0, "the index has a document of another folder"
    assert f"nothing was indexed: {other} has no file" in beside.stderr


def test_a_path_that_does_not_exist_leaves_no_store(tmp_path: Path, citebrief: Run) -> None:
    for missing in ("nosuch", "*.md"):
        arguments = (str(tmp_path / missing), "--store", str(tmp_path / "made" / "store"))
        for options in ((), ("--dry-run",)):
            done = citebrief("index", *arguments, *options)
            assert done.returncode == 2
            assert missing in done.stderr
    assert not list(tmp_path.iterdir())
