"""Answers of any system in the form that the scores of briefs are computed from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rag._internal.ids import chunk_id
from rag.check import ParsedBrief
from rag.check.markdown import parse_markdown
from rag.check.parsed_brief import ListedSource
from rag.types import Chunk, Claim

from .documents import document_id
from .interface import Answer, Passage, answer_from_json

_LEADING_MARKERS = re.compile(
    r"^(\s*(?:[-*+]\s+|\d{1,3}[.)]\s+)?)((?:\[\d{1,4}\][\s,]*)+)[:.–-]*\s*(\S.*)$", re.MULTILINE
)


def parsed_brief(answer: Answer) -> ParsedBrief:
    """Return the claims of ``answer`` and its passages as the source list; no claims where the system declined.

    A citation is the number of a passage. One without a passage stays, and counts as invalid.
    """
    sources = {str(n): _source(passage) for n, passage in enumerate(answer.passages, 1)}
    claims = () if answer.declined else _claims(answer)
    raw = {"status": "insufficient_evidence" if answer.declined else "answered"}
    return ParsedBrief(claims=tuple(claims), sources=sources, raw=raw)


def cited_chunks(brief: ParsedBrief) -> list[Chunk]:
    """Return the passages that a claim of ``brief`` cites."""
    cited = {number for claim in brief.claims for number in claim.citations}
    return [source.chunk for number, source in brief.sources.items() if number in cited and source.chunk]


def listed_chunks(brief: ParsedBrief) -> list[Chunk]:
    """Return the passages that the writer of ``brief`` was sent, cited or not."""
    return [source.chunk for source in brief.sources.values() if source.chunk]


def answers_of(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Answer]:
    """Return the answers among the rows of a run, by system and id of the case."""
    return {
        (row["system"], row["question"]): answer_from_json(row["answer"]) for row in rows if row["kind"] == "answer"
    }


def _claims(answer: Answer) -> Sequence[Claim]:
    if answer.sentences:
        return [Claim(text=text, citations=tuple(map(str, cited)), where="") for text, cited in answer.sentences]
    return parse_markdown(_with_trailing_markers(answer.text)).claims


def _with_trailing_markers(text: str) -> str:
    """Move the markers with which a line begins to its end: ``[1] He left.`` is a claim, and no source's entry."""
    return _LEADING_MARKERS.sub(lambda line: f"{line[1]}{line[3].rstrip()} {line[2].strip()}", text)


def _source(passage: Passage) -> ListedSource:
    document = document_id(passage.document)
    chunk = Chunk(
        id=chunk_id(document, 0, passage.text),
        document_id=document,
        text=passage.text,
        start=0,
        end=len(passage.text),
    )
    return ListedSource(entry=chunk.id, chunk=chunk)
