"""Join the lines of a PDF into blocks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rag.ingest.blocks import Block
from rag.ingest.clean import PAGE_BREAK, REDACTED, match_key
from rag.ingest.line_joining import join_lines, word_counts
from rag.ingest.pdf.contents import has_leader
from rag.ingest.pdf.headings import SENTENCE_END, Bookmark, LineGroup, group_lines
from rag.ingest.pdf.lines import Line

_LIST_ITEM = re.compile(r"[•◦▪‣·●–*-]\s+\S|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)]\s+\S")
_BULLET = re.compile(rf"({PAGE_BREAK}*)[•◦▪‣·●]\s+(?=\S)")


def pdf_blocks(pages: Sequence[Sequence[Line]], bookmarks: Sequence[Bookmark], size: float) -> list[Block]:
    """Return the body lines of each page as blocks with page breaks.

    Args:
        size: the font size of the body in points.
    """
    groups = group_lines(pages, bookmarks, size)
    counts = word_counts(line.text for group in groups for line in group.lines)
    line_spacing = _line_spacing(groups)
    margins = _margins(pages)
    blocks: list[Block] = []
    page = 0
    paragraph: list[Line] = []
    captions: list[Line] = []
    asides: list[Line] = []

    def flush() -> None:
        for lines in (paragraph, captions):
            if lines and lines[0].cells > 1:
                rows = [replace(line, text=_row_text(line)) for line in lines]
                blocks.append(Block(text="\n".join(join_with_page_breaks([row]) for row in rows)))
            elif lines:
                _append_paragraph(blocks, join_with_page_breaks(lines))
            lines.clear()
        blocks.extend([Block(text=join_with_page_breaks([line])) for line in asides])
        asides.clear()

    def join_with_page_breaks(lines: Sequence[Line]) -> str:
        nonlocal page
        texts = []
        for line in lines:
            texts.append(PAGE_BREAK * (line.page - page) + line.text)
            page = max(page, line.page)
        return join_lines(texts, counts)

    for group in groups:
        if group.level:
            flush()
            blocks.append(Block(text=join_with_page_breaks(group.lines), level=group.level))
            continue
        rows = _table_rows(group.lines)
        for given in group.lines:
            line = given if id(given) in rows else replace(given, cells=1)
            if line.aside:
                asides.append(line)
                continue
            in_table = bool(paragraph) and paragraph[0].cells > 1
            if line.cells > 1 or in_table:
                if not (line.cells > 1 and in_table):
                    flush()
                paragraph.append(line)
                continue
            if paragraph and _is_caption(line, paragraph[-1], captions, size):
                captions.append(line)
                continue
            if paragraph and _begins_paragraph(line, paragraph, line_spacing, margins):
                flush()
            paragraph.append(line)
    flush()
    return [*blocks, Block(text=PAGE_BREAK * max(0, len(pages) - 1 - page))]


def _row_text(line: Line) -> str:
    """Return a line with its cells apart, unless its text was changed since they were found."""
    return line.row if line.row and match_key(line.row) == match_key(line.text) else line.text


def _table_rows(lines: Sequence[Line]) -> set[int]:
    """Return the identities of the lines that are rows of a table: two in turn with wide gaps, or one with a leader."""
    rows: set[int] = set()
    before: Line | None = None
    for line in lines:
        is_row = line.cells > 1 and not line.aside
        if is_row and (has_leader(line.text) or (before is not None and before.page == line.page)):
            rows |= {id(line)} | ({id(before)} if before is not None else set())
        before = line if is_row else None
    return rows


def _is_caption(line: Line, last: Line, captions: Sequence[Line], size: float) -> bool:
    """Whether ``line`` belongs to a figure at the head of a page that interrupts a paragraph.

    Such lines are placed after the paragraph.
    """
    small = line.size < 0.93 * size <= last.size and match_key(line.text) != ""
    if captions:
        return small and line.page == captions[-1].page and line.y > captions[-1].y - 2 * line.size
    return small and line.page == last.page + 1 and not SENTENCE_END.search(last.text)


def _append_paragraph(blocks: list[Block], text: str) -> None:
    """Append a paragraph to ``blocks``; consecutive bulleted items become lines of one block."""
    item = _BULLET.match(text)
    text = _BULLET.sub(r"\1- ", text)
    if item and blocks and not blocks[-1].level and blocks[-1].text.lstrip(PAGE_BREAK).startswith("- "):
        blocks[-1] = Block(text=f"{blocks[-1].text}\n{text}")
    else:
        blocks.append(Block(text=text))


def _begins_paragraph(
    line: Line, paragraph: Sequence[Line], line_spacing: float, margins: Sequence[tuple[float, float]]
) -> bool:
    """Whether ``line`` begins a new paragraph after the lines of ``paragraph``."""
    last = paragraph[-1]
    last_left, last_right = margins[last.page]
    indent, last_indent = line.x0 - margins[line.page][0], last.x0 - last_left
    sentence_ended = bool(SENTENCE_END.search(last.text))
    ended = sentence_ended and last.x1 - last_left < 0.93 * (last_right - last_left)
    if _LIST_ITEM.match(line.text) and (indent > 4 or _LIST_ITEM.match(paragraph[0].text)):
        return True
    drop = last.y - line.y
    if line.page != last.page or drop < 0:  # on a new page or column the vertical distance says nothing
        return ended or (sentence_ended and indent > 6 and indent > last_indent + 4)
    resized = REDACTED not in (line.text, last.text) and abs(line.size - last.size) > 0.11 * last.size
    hangs = bool(_LIST_ITEM.match(paragraph[0].text)) and len(paragraph) == 1
    indented = indent > last_indent + 6 and not hangs
    outdented = len(paragraph) > 1 and last_indent > indent + 6 and abs(paragraph[-2].x0 - last.x0) < 4
    short = ended and last.x1 - last_left < 0.8 * (last_right - last_left)
    return drop > 1.35 * line_spacing or resized or indented or outdented or short


def _line_spacing(groups: Sequence[LineGroup]) -> float:
    """Return the most frequent distance between two baselines, in points."""
    steps: Counter[float] = Counter()
    for group in groups:
        for above, below in zip(group.lines, group.lines[1:], strict=False):
            if above.page == below.page and 0 < above.y - below.y < 4 * above.size:
                steps[round(2 * (above.y - below.y)) / 2] += 1
    return steps.most_common(1)[0][0] if steps else 14.0


def _margins(pages: Sequence[Sequence[Line]]) -> list[tuple[float, float]]:
    """Return the left edge of each page's text, where most of its lines begin, and its right edge."""
    edges = []
    for lines in pages:
        starts = Counter(round(line.x0 / 3) for line in lines)
        common = max(starts.values(), default=0)
        left = min((3.0 * x for x, count in starts.items() if count >= max(2, common // 4)), default=0.0)
        edges.append((left, max((line.x1 for line in lines), default=0.0)))
    return edges
