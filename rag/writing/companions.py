"""Find the passages that a reader of others needs beside them, whatever the question: no search returns them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from rag.ingest.header import opens_with_fields
from rag.text import find_dates, is_wordless_code
from rag.types import Chunk, Filter

if TYPE_CHECKING:
    from rag.store import Index

_ISSUE_NUMBER = re.compile(r"(?<![\w#&])#(\d{3,6})\b")
"""The number of an issue, a request or a proposal: "#54563".

Of 65 places drawn from 13 collections (minutes, blogs, proposals, handbooks, manuals) 60 are such numbers; the others,
all in one handbook, are rooms and codes of projects.
"""

BYLINE_WORDS = 20
"""Words of an opening with a date that may be a line of author and date: "Russ Cox, December 2022".

Of 9,600 documents of nine collections 41 open so, 19 of them proposals, all with author and date, and 18 minutes.
Without the date 1,500 do: first sentences of abstracts, and links to recordings.
"""

MOST_PASSAGES_OF_ISSUE = 8
"""A number in more passages than this is no matter that a few meetings dealt with."""


def companions(index: Index, chunks: Sequence[Chunk], where: Filter | None = None) -> dict[str, tuple[Chunk, ...]]:
    """Return the passages that a reader of each of ``chunks`` needs beside it, by its id.

    They are the opening of its document, if that has fields such as a status, an author or a date, or is a line of
    author and date; the passage directly before it, below the same headings, which may have its reason or year, or
    below a heading over its own, which may say from when all of it holds; below the same headings the one behind it,
    which may limit or take back what it says, unless they are code without words, such as checksums; and the
    latest passage of a later document that has the number of the same issue and passes ``where``. Of 20 of the last
    kind for three briefs on minutes all tell what became of the matter, and readers of the briefs had missed four.
    """
    openings = {}
    for document_id in dict.fromkeys(chunk.document_id for chunk in chunks):
        opening = index.catalogue.first_chunk(document_id)
        openings[document_id] = opening if opening and _is_header(opening.text) else None

    @cache
    def latest(number: str) -> Chunk | None:
        passages = [chunk for chunk, _ in index.lexical(number, MOST_PASSAGES_OF_ISSUE + 1, where)]
        dated = [each for each in passages if each.date and number in _ISSUE_NUMBER.findall(each.text)]
        few = dated if len(passages) <= MOST_PASSAGES_OF_ISSUE else []
        return max(few, key=lambda each: (each.date, each.start), default=None)

    found = {}
    for chunk in chunks:
        neighbours = index.catalogue.neighbours(chunk)
        near = [each for each in neighbours if is_same_part(each, chunk) or _introduces(each, chunk)]
        near = [each for each in near if not is_wordless_code(each.text)]
        of_issues = [each for number in _ISSUE_NUMBER.findall(chunk.text) if (each := latest(number))]
        later = [each for each in of_issues if chunk.date and each.date and each.date > chunk.date]
        beside = [openings[chunk.document_id], *near, *later]
        found[chunk.id] = tuple({each.id: each for each in beside if each and each.id != chunk.id}.values())
    return found


def _is_header(text: str) -> bool:
    """Whether the opening of a document is its fields, or a line of author and date."""
    is_byline = len(text.split()) <= BYLINE_WORDS and any(True for _ in find_dates(text))
    return is_byline or opens_with_fields(text)


def _introduces(one: Chunk, other: Chunk) -> bool:
    """Whether ``one`` stands directly before ``other`` and below a heading over its own, but not the document's.

    It makes a brief's passages 1.5 % longer (29 briefs): "Removed in version 8.0." stood above three subsections.
    """
    over = one.heading_path
    is_above = 0 < len(over) < len(other.heading_path) and other.heading_path[: len(over)] == over
    return is_above and one.start < other.start


def is_same_part(one: Chunk, other: Chunk) -> bool:
    """Whether two passages of a document stand below the same headings and, if it is a table, its columns."""
    return (one.heading_path, one.columns) == (other.heading_path, other.columns)
