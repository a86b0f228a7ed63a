"""Jupyter notebooks: cells, outputs, metadata."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from rag.types import Document


def notebook(*cells: dict[str, Any], **metadata: str) -> str:
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4})


def code(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": list(outputs)}


def printed(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def result(**forms: str) -> dict[str, Any]:
    return {"output_type": "execute_result", "data": {key.replace("_", "/"): text for key, text in forms.items()}}


def counts(document: Document) -> dict[str, tuple[int, ...]]:
    return {item.what: item.parts for item in document.coverage.omissions}


def test_cells_and_what_they_print_are_read(read_document: Callable[..., Document]) -> None:
    table = "<style>td {color: red}</style>"
    table += "<table><tr><th>Lock</th><th>Boats</th></tr><tr><td>Ostby</td><td>4</td></tr></table>"
    content = notebook(
        {"cell_type": "markdown", "source": ["# Locks\n", "\n", "The lock **opens** at seven."]},
        code("boats = 4\nprint(boats)", printed("working 1\rworking 2\r\x1b[1m4\x1b[0m\n")),
        code("table", result(text_plain="   Lock  Boats", text_html=table)),
    )
    document = read_document("a.ipynb", content)
    assert document.title == "Locks"
    assert document.text == (
        "The lock opens at seven.\n\n    boats = 4\n    print(boats)\n\n    4\n\n    table\n\nLock; Boats\nOstby; 4"
    )
    assert (document.coverage.unit, document.coverage.read, document.coverage.total) == ("cell", 3, 3)
    assert not document.coverage.omissions


def test_other_outputs_are_named(read_document: Callable[..., Document]) -> None:
    content = notebook(
        code("draw()", result(image_png="AAAA", text_plain="<Figure>")),
        code("b", printed("careful", "stderr"), printed("line\n" * 150)),
        code("c", {"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": []}),
        code("d", {"output_type": "display_data", "data": {"application/json": {"a": 1}, "text/javascript": "x"}}),
        code(""),
    )
    document = read_document("a.ipynb", content)
    assert document.text == "    draw()\n\n    b\n\n    c\n\n    d"
    assert counts(document) == {
        "images": (1,),
        "warnings and logs": (2,),
        "long outputs": (2,),
        "errors of code": (3,),
        "outputs of other formats": (4,),
        "blank cells": (5,),
    }


def test_title_and_date_of_the_metadata_and_of_a_front_matter(read_document: Callable[..., Document]) -> None:
    text = {"cell_type": "markdown", "source": "The lock opens."}
    first = {"cell_type": "raw", "source": "---\ntitle: Locks of Ostby\ndate: 2021-03-04\n---\n"}
    document = read_document("a.ipynb", notebook(first, text))
    assert (document.title, document.date, document.text) == ("Locks of Ostby", "2021-03-04", "The lock opens.")
    assert read_document("b.ipynb", notebook(text, title="Canals")).title == "Canals"


def test_format_3_is_read(read_document: Callable[..., Document]) -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Locks"},
        {"cell_type": "code", "input": "x", "outputs": [{"output_type": "pyout", "text": "4"}]},
        {"cell_type": "markdown", "source": "It opens."},
    ]
    document = read_document("a.ipynb", json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3}))
    assert (document.title, document.text) == ("Locks", "    x\n\n    4\n\nIt opens.")


def test_other_json_is_reported(skip_reason: Callable[..., str]) -> None:
    assert skip_reason("a.ipynb", "{}") == "no notebook: it has no cells"
    assert skip_reason("b.ipynb", "[1]") == "no notebook: it is not an object"
    assert skip_reason("c.ipynb", '{"cells": [').startswith("damaged, or no notebook: not JSON")
    assert skip_reason("d.ipynb", "[" * 100_000) == "not JSON that can be read: nested too deeply"
    assert "no text found" in skip_reason("e.ipynb", '{"cells": [1, null, {"source": 7, "outputs": {"a": 1}}]}')
