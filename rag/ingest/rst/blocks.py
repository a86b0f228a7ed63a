"""Convert a docutils tree into blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rag.ingest.blocks import Block
from rag.ingest.clean import match_key
from rag.ingest.rst.markup import Directive, parse_rst, role_text, split_directive
from rag.text import bullet, join_cells

if TYPE_CHECKING:
    from docutils import nodes

_CODE_DIRECTIVES = frozenset(
    "code code-block sourcecode doctest testcode testoutput testsetup testcleanup prompt ipython productionlist"
    " graphviz digraph graph uml mermaid".split()
)
_WITHOUT_TEXT = frozenset(
    "include literalinclude toctree raw index highlight image figure rst-class default-domain module currentmodule"
    " py:module py:currentmodule automodule autoclass autofunction autosummary tabularcolumns sectionauthor"
    " codeauthor".split()
)
"""Directives with names of files, objects or options, or with mark-up of another language, and no text."""

_VERSIONS = {
    "versionadded": "Added in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
    "versionremoved": "Removed in version",
}
_DROPPED = frozenset(
    "comment target substitution_definition footnote pending raw decoration meta transition label".split()
)
_MAX_DEPTH = 20
"""Unknown directives nested deeper than this are read as one paragraph."""


def rst_blocks(tree: nodes.Node, *, level: int = 0, depth: int = 0) -> Iterator[Block]:
    """Yield the headings, paragraphs and code of ``tree`` in reading order.

    List items are lines of one block, as are the rows of a table; a definition follows its term after a colon.

    Args:
        level: the level of the heading above.
        depth: how many unknown directives ``tree`` lies in.
    """
    for node in tree.children:
        yield from _node_blocks(node, level, depth)


def _node_blocks(node: Any, level: int, depth: int) -> Iterator[Block]:  # noqa: PLR0912 — one case per kind of node
    match node.tagname:
        case "section":
            yield from rst_blocks(node, level=level + 1, depth=depth)
        case "title" if node.parent.tagname == "section":
            yield Block(text=inline_text(node), level=level)
        case "paragraph" | "title" | "subtitle" | "rubric" | "attribution" | "caption" | "term" | "image":
            yield Block(text=inline_text(node))
        case "literal_block" | "doctest_block" | "math_block":
            yield Block(text=inline_text(node), code=True)
        case "line_block":
            yield Block(text="\n".join(_lines_of_verse(node)))
        case "bullet_list" | "enumerated_list":
            yield from _as_lines(_list_blocks(node, level, depth))
        case "field_list":
            yield from _as_lines(block for item in node.children for block in _labelled_blocks(item, level, depth))
        case "definition_list" | "option_list":
            for item in node.children:
                yield from _labelled_blocks(item, level, depth)
        case "table":
            yield from _table_blocks(node)
        case "topic" if "contents" in node["classes"]:
            pass
        case "system_message":
            yield from _message_blocks(node, level, depth)
        case name if name not in _DROPPED:
            if _holds_text(node):
                yield Block(text=inline_text(node))
            else:
                yield from rst_blocks(node, level=level, depth=depth)


def inline_text(node: Any) -> str:
    """Return the text of ``node`` without mark-up, footnote marks and section numbers; an image gives its alt text."""
    match node.tagname:
        case "#text":
            return str(node.astext())
        case "problematic":
            return role_text(node.astext())
        case "image":
            return str(node.get("alt", ""))
        case "footnote_reference" | "generated" | "system_message" | "target" | "raw" | "comment":
            return "" if node.tagname != "target" else str(node.astext())
    words = "".join(inline_text(child) for child in node.children)
    if node.tagname in {"paragraph", "title", "term", "field_name", "classifier", "rubric"}:
        return words.replace("\n", " ")
    return words


def _holds_text(node: Any) -> bool:
    """Whether the children of ``node`` are text and inline mark-up."""
    from docutils import nodes

    return isinstance(node, (nodes.Text, nodes.TextElement))


def _list_blocks(node: Any, level: int, depth: int) -> Iterator[Block]:
    number = int(node.get("start", 1))
    for item in node.children:
        marker = bullet(_bullet_depth(node))
        if node.tagname == "enumerated_list":
            alphabetic = node["enumtype"].endswith("alpha") and number <= 26
            first = "A" if node["enumtype"].startswith("upper") else "a"
            marker = f"{chr(ord(first) + number - 1) if alphabetic else number}. "
            number += 1
        for block in rst_blocks(item, level=level, depth=depth):
            if block.code or marker == "":
                yield block
            else:
                yield Block(text=marker + block.text, level=block.level)
                marker = ""


def _bullet_depth(node: Any) -> int:
    """Return how many lists with bullets, ``node`` included, an item of ``node`` stands in."""
    depth = 0
    while node is not None:
        depth += node.tagname == "bullet_list"
        node = node.parent
    return max(1, depth)


def _as_lines(blocks: Iterator[Block]) -> Iterator[Block]:
    """Join consecutive paragraphs to the lines of one block; code keeps a block of its own."""
    lines: list[str] = []
    for block in blocks:
        if block.code or block.level:
            if lines:
                yield Block(text="\n".join(lines))
                lines = []
            yield block
        elif block.text.strip():
            lines.append(block.text)
    if lines:
        yield Block(text="\n".join(lines))


def _labelled_blocks(item: Any, level: int, depth: int) -> Iterator[Block]:
    """Yield the blocks of an item of terms, fields or options and their texts; the first follows after a colon."""
    labels = [child for child in item.children if child.tagname in {"term", "field_name", "option_group", "classifier"}]
    separator = ", " if item.tagname == "option_list_item" else " : "
    label = separator.join(
        ", ".join(map(inline_text, each.children)) if each.tagname == "option_group" else inline_text(each)
        for each in labels
    ).rstrip(" :")
    bodies = [child for child in item.children if child not in labels]
    for block in (block for body in bodies for block in rst_blocks(body, level=level, depth=depth)):
        if label and (block.code or block.level):
            yield Block(text=f"{label}:")
        elif label:
            block = Block(text=f"{label}: {block.text}")  # noqa: PLW2901 — the first block has the label
        label = ""
        yield block
    if label and item.tagname != "field":
        yield Block(text=label)


def _table_blocks(table: Any) -> Iterator[Block]:
    for node in table.children:
        if node.tagname == "title":
            yield Block(text=inline_text(node))
    rows = table.findall(lambda node: node.tagname == "row")
    lines = (join_cells([_cell_text(cell) for cell in row.children]) for row in rows)
    yield Block(text="\n".join(filter(None, lines)))


def _cell_text(cell: Any) -> str:
    return " ".join(" ".join(block.text for block in rst_blocks(cell)).split())


def _lines_of_verse(node: Any) -> Iterator[str]:
    for child in node.children:
        if child.tagname == "line_block":
            yield from _lines_of_verse(child)
        else:
            yield inline_text(child)


def _message_blocks(message: Any, level: int, depth: int) -> Iterator[Block]:
    """Yield the text of a directive that docutils did not accept, which its message quotes."""
    for quoted in message.children:
        if quoted.tagname != "literal_block":
            continue
        directive = split_directive(quoted.astext())
        if directive is None:
            yield Block(text=quoted.astext())
        elif directive.name.lower() not in _WITHOUT_TEXT:
            yield from _directive_blocks(directive, level, depth)


def _directive_blocks(directive: Directive, level: int, depth: int) -> Iterator[Block]:
    name, argument = directive.name.lower(), directive.argument
    yield from _parsed(directive.caption, depth)
    if name in _CODE_DIRECTIVES:
        yield Block(text=directive.content or argument, code=True)
        return
    if depth >= _MAX_DEPTH:
        yield Block(text=f"{argument}\n{directive.content}")
        return
    if name in _VERSIONS:
        version, _, rest = argument.partition(" ")
        argument = f"{_VERSIONS[name]} {version}{':' if rest or directive.content else '.'} {rest}"
    first, *others = _parsed(argument, depth) or [Block(text="")]
    content = _parsed(directive.content, depth)
    if name in _VERSIONS and content and not (content[0].code or content[0].level):
        first, content = Block(text=f"{first.text} {content[0].text}"), content[1:]
    for block in (first, *others, *content):
        yield Block(text=block.text, level=level + block.level, code=block.code) if block.level else block


def _parsed(text: str, depth: int) -> list[Block]:
    return list(rst_blocks(parse_rst(text), depth=depth + 1)) if match_key(text) else []
