from __future__ import annotations

import json
import subprocess
import sys

import pytest
from briefs import REPORT
from command_line import ROOT, Run

from rag._internal.ids import earlier_id

pytestmark = pytest.mark.integration

SLOW_TO_IMPORT = (
    *("sentence_transformers", "transformers", "datasets", "sklearn", "scipy", "pandas", "pyarrow", "onnxruntime"),
    *("openai", "langchain_core", "ray", "spacy", "trafilatura", "lxml", "pypdf"),
)
"""Libraries that neither a search nor a brief without a model needs."""


def test_show_prints_a_passage_that_search_found_with_its_surroundings(store: str, citebrief: Run) -> None:
    rows = json.loads(citebrief("search", "polling data", "--k", "2", "--store", store, "--json").stdout)
    assert [hit["rank"] for hit in rows] == [1, 2]
    assert "polling" in rows[0]["text"]
    shown = json.loads(citebrief("show", rows[0]["chunk_id"], "--store", store, "--json").stdout)
    assert shown["text"] == rows[0]["text"]
    assert shown["before"] or shown["after"]


def test_show_names_all_pages_of_a_passage(citebrief: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.pipeline.show", lambda *_: (REPORT, "Before it.\n", "\nAfter it."))
    heading, *_ = citebrief("show", REPORT.id).stdout.splitlines()
    assert heading.endswith(" › A. Trump Tower Moscow, pp. 67–68")


def test_show_finds_a_passage_by_its_id_of_an_earlier_version_and_says_so(store: str, citebrief: Run) -> None:
    [row] = json.loads(citebrief("search", "polling data", "--k", "1", "--store", store, "--json").stdout)
    done = citebrief("show", earlier_id(row["chunk_id"]), "--store", store)
    assert row["text"] in done.stdout
    assert f"in this index it is {row['chunk_id']}" in done.stderr


def test_an_unknown_chunk_id_is_refused_with_the_command_that_finds_one(store: str, citebrief: Run) -> None:
    done = citebrief("show", "made-up.12345678", "--store", store)
    assert done.returncode == 2
    assert "made-up.12345678" in done.stderr
    assert "citebrief search" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["search", "polling data"], SLOW_TO_IMPORT),
        (["ask", "What did Manafort share with Kilimnik?", "--llm", "extractive", "--quiet", "--k=8"], SLOW_TO_IMPORT),
        (["show", "CHUNK"], (*SLOW_TO_IMPORT, "torch", "tokenizers", "chromadb", "numpy", "httpx")),
    ],
)
def test_commands_import_no_library_that_they_do_not_use_and_do_not_search_all_objects_for_garbage(
    arguments: list[str], absent: tuple[str, ...], store: str, citebrief: Run
) -> None:
    if "CHUNK" in arguments:
        found = json.loads(citebrief("search", "polling data", "--k", "1", "--store", store, "--json").stdout)
        arguments = ["show", found[0]["chunk_id"]]
    code = f"""
import gc, sys
from rag.cli.main import cli
full_collections = []
gc.callbacks.append(lambda phase, info: full_collections.append(phase) if info["generation"] == 2 else None)
cli.main({[*arguments, "--store", store]!r}, standalone_mode=False)
print([name for name in {absent!r} if name in sys.modules], full_collections)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert len(done.stdout.splitlines()) > 1
    assert done.stdout.splitlines()[-1] == "[] []"
