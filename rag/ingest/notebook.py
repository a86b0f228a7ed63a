"""Read Jupyter notebooks: Markdown cells through the Markdown reader, code cells and what they print as code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from rag.errors import ReadError
from rag.ingest.blocks import Block, ParsedDocument
from rag.ingest.dates import iso_date
from rag.ingest.encoding import decode
from rag.ingest.markdown import body_blocks, read_markdown
from rag.ingest.omissions import Tally

MAX_OUTPUT_LINES = 100
"""Lines of one output that are read: longer ones are logs. Of 416 printed by notebooks of ten repositories 97 % are."""

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_UNSEEN = re.compile(r"application/(?:vnd\.jupyter\.widget-view|javascript)|text/(?:latex|javascript)")


def read_notebook(data: bytes, name: str) -> ParsedDocument:
    """Read the notebook in ``data``; title and date are those of its metadata or of the front matter of its first cell.

    Text that code printed is read, and of a table its rows; pictures, other outputs and error messages are counted.

    Raises:
        ReadError: ``data`` is not JSON, or no notebook.
    """
    text, metadata = decode(data)
    try:
        values = json.loads(text)
    except RecursionError:
        raise ReadError("not JSON that can be read: nested too deeply") from None
    except ValueError as error:
        raise ReadError(f"damaged, or no notebook: not JSON ({error})") from None
    cells = _cells(values)
    notebook = _mapping(values.get("metadata"))
    reader = _Reader(name)
    blocks = tuple(block for number, cell in enumerate(cells, 1) for block in reader.cell_blocks(cell, number))
    title, date = notebook.get("title"), notebook.get("date")
    return ParsedDocument(
        blocks=blocks,
        media_type="application/x-ipynb+json",
        title=title if isinstance(title, str) and title.strip() else reader.title,
        date=iso_date(date) or reader.date,
        metadata=metadata,
        unit="cell",
        parts=len(cells),
        read=reader.read,
        tally=reader.tally,
    )


def _cells(values: object) -> list[Mapping[str, Any]]:
    """Return the cells of a notebook of the formats 4 and, in worksheets, 3."""
    if not isinstance(values, dict):
        raise ReadError("no notebook: it is not an object")
    sheets = values.get("worksheets")
    holders = [values, *(sheets if isinstance(sheets, list) else ())]
    if not any(isinstance(_mapping(holder).get("cells"), list) for holder in holders):
        raise ReadError("no notebook: it has no cells")
    return [_mapping(cell) for holder in holders for cell in _list(_mapping(holder).get("cells"))]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    """Return a text that is one string or a list of lines."""
    parts = value if isinstance(value, list) else [value]
    return "".join(part for part in parts if isinstance(part, str))


class _Reader:
    """Reads the cells of a notebook, and counts what it leaves out."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.tally = Tally()
        self.read = 0
        self.title: str | None = None
        self.date: str | None = None

    def cell_blocks(self, cell: Mapping[str, Any], number: int) -> list[Block]:
        """Return the blocks of a cell and of its outputs."""
        source = _text(cell.get("source", cell.get("input")))
        kind = cell.get("cell_type")
        self.tally.add("images", part=number, count=len(_mapping(cell.get("attachments"))))
        if not source.strip():
            self.tally.add("blank cells", part=number)
            blocks = []
        elif kind == "code":
            blocks = [Block(text=source, code=True)]
        elif kind == "heading":
            level = cell.get("level")
            blocks = [Block(text=source, level=level if isinstance(level, int) and 1 <= level <= 6 else 1)]
        else:
            blocks = self._prose(source, number)
        blocks += [block for output in _list(cell.get("outputs")) for block in self._output(_mapping(output), number)]
        self.read += bool(blocks)
        return blocks

    def _prose(self, source: str, number: int) -> list[Block]:
        """Return the blocks of a cell in Markdown; the first may have a front matter, as that of Quarto has."""
        if number == 1 and source.lstrip().startswith("---"):
            first = read_markdown(source.encode("utf-8", "replace"), self._name)
            self.title, self.date = first.title, first.date
            self.tally.merge(first.tally)
            return list(first.blocks)
        return list(body_blocks(source.replace("\r\n", "\n"), self.tally))

    def _output(self, output: Mapping[str, Any], number: int) -> Iterator[Block]:
        kind = output.get("output_type")
        # The format 3 has the texts beside the type, under short names.
        forms = output.get("data", {"text/plain": output.get("text"), "text/html": output.get("html")})
        forms = {key: text for key, value in _mapping(forms).items() if (text := _text(value)).strip()}
        if output.get("name") == "stderr" or output.get("stream") == "stderr":
            self.tally.add("warnings and logs", part=number)
        elif kind in {"error", "pyerr"}:
            self.tally.add("errors of code", part=number, detail=f"{output.get('ename')}: {output.get('evalue')}")
        elif pictures := [
            key for key in (*forms, *output) if key.startswith("image/") or key in {"png", "svg", "jpeg"}
        ]:
            self.tally.add("images", part=number, detail=pictures[0])
        elif "text/markdown" in forms:
            yield from body_blocks(forms["text/markdown"], self.tally)
        elif "<table" in forms.get("text/html", ""):
            yield from self._tables(forms["text/html"], number)
        elif printed := _printed(forms.get("text/plain", "")):
            if any(_UNSEEN.match(key) for key in forms):
                self.tally.add("outputs of other formats", part=number, detail=next(filter(_UNSEEN.match, forms)))
            elif printed.count("\n") >= MAX_OUTPUT_LINES:
                self.tally.add("long outputs", part=number)
            else:
                yield Block(text=printed, code=True)
        elif forms:
            self.tally.add("outputs of other formats", part=number, detail=next(iter(forms)))

    def _tables(self, source: str, number: int) -> Iterator[Block]:
        from rag.ingest.html.blocks import html_blocks
        from rag.ingest.html.tree import parse_html

        try:
            _, tree = parse_html(source.encode("utf-8-sig", "replace"), self.tally)
        except ReadError as error:
            self.tally.add("damaged parts", part=number, detail=str(error))
            return
        for block in html_blocks(tree):
            if block.text.count("\n") >= MAX_OUTPUT_LINES:
                self.tally.add("long outputs", part=number)
            else:
                yield block


def _printed(text: str) -> str:
    """Return what a terminal shows of ``text``: of the states of a progress bar, on one line, the last."""
    lines = _ESCAPES.sub("", text).split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines).strip("\n")
