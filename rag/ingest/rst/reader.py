"""Read reStructuredText, the language of PEPs and of Python's documentation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rag.ingest.blocks import ParsedDocument
from rag.ingest.encoding import decode
from rag.ingest.header import date_of_fields, split_header, title_field, title_of_fields
from rag.ingest.omissions import Tally
from rag.ingest.rst.blocks import inline_text, rst_blocks
from rag.ingest.rst.markup import parse_rst
from rag.ingest.text import read_text


def read_rst(data: bytes, name: str) -> ParsedDocument:
    """Read the reStructuredText in ``data``; it inserts no file and runs nothing.

    Title and date come from a header block or a list of fields at the top; the other fields stay in the text. A text
    that docutils cannot parse is read as plain text.
    """
    from docutils.nodes import footnote

    text, metadata = decode(data)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    fields: Mapping[str, str] = {}
    tally = Tally()
    if header := split_header(text):
        fields = header.fields
        title = title_field(fields) or ""
        lines = f"{title}: {fields[title]}\n{header.others}"
        text = f"{_as_field_list(lines)}\n\n{header.rest}"
    try:
        tree = parse_rst(text)
        fields = {**fields, **_pop_fields(tree, keep=header is not None)}
        blocks = tuple(block for block in rst_blocks(tree) if block.text.strip())
        tally.add("footnotes", count=len(list(tree.findall(footnote))))
    except Exception:  # docutils fails in many ways on damaged or hostile text
        return read_text(data, name)
    return ParsedDocument(
        blocks=blocks,
        media_type="text/x-rst",
        title=title_of_fields(fields, name),
        date=date_of_fields(fields),
        metadata=metadata,
        tally=tally,
    )


def _as_field_list(lines: str) -> str:
    """Turn ``Name: value`` lines into a list of fields, whose values may have mark-up.

    An initial is escaped: "A. Writer" would otherwise begin a list.
    """
    lines = re.sub(r"^([^:\n]+: )(?=\(?\w{1,4}[.)] )", r"\1\\", lines, flags=re.MULTILINE)
    return re.sub(r"^([^:\n]+):", r":\1:", lines, flags=re.MULTILINE)


def _pop_fields(tree: Any, *, keep: bool) -> dict[str, str]:
    """Return the list of fields before the first paragraph or heading of the text, as a mapping.

    The title is removed from it, and so are fields that only steer Sphinx, unless ``keep``: those without a value in
    words.
    """
    fields: dict[str, str] = {}
    for node in list(tree.children):
        if node.tagname in {"comment", "target", "substitution_definition"}:
            continue
        if node.tagname == "field_list":
            found = [(field, *(_text(part) for part in field.children)) for field in node.children]
            for _, name, value in found:
                if value:
                    fields.setdefault(name.lower(), value)
            title = title_field(fields) or ""
            for field, name, value in found:
                is_title = (name.lower(), value) == (title, fields.get(title))
                if is_title or not (keep or re.search(r"[^\W\d_]|\d{3}", value)):
                    node.remove(field)
        break
    return fields


def _text(node: Any) -> str:
    return " ".join(" ".join(inline_text(child) for child in node.children).split())
