"""Read the claims of a brief in our JSON, or in any Markdown with citation marks and sources.

Reading does not validate: a marker without a source, a sentence without a marker and a passage with a made-up id are
parsed as they are, because the check has to report them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rag._internal.ids import is_genuine
from rag.check.markdown import parse_markdown
from rag.check.parsed_brief import DISAGREEMENT_PART, ListedSource, ParsedBrief
from rag.errors import ReadError, UsageError
from rag.ingest.formats import suffix_of_bytes
from rag.render.wording import NO_ANSWER
from rag.types import Chunk, Claim


def read_claims(path: str | Path) -> ParsedBrief:
    """Parse the brief at ``path``. It has no claims if it says that the corpus does not answer its question.

    Raises:
        UsageError: there is no such file.
        ReadError: the file is not text, or not a brief, or has no sentence.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise ReadError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise ReadError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    if suffix_of_bytes(text[:1024].encode()) == ".html":
        raise ReadError(f"{path}: HTML cannot be checked; give the Markdown or the JSON of the brief")
    try:
        brief = _parse_json(text) if Path(path).suffix.lower() == ".json" else _parse_markdown(text)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReadError(f"{path}: not the JSON of a brief ({type(error).__name__}: {error})") from None
    if not brief.claims and brief.raw.get("status") != "insufficient_evidence":
        raise ReadError(f"{path}: no sentence to check; a brief has sentences, [n] markers and a source list")
    return brief


def _parse_markdown(text: str) -> ParsedBrief:
    """Parse Markdown; a brief of ours that says that the corpus does not answer has no claims, as its JSON has none."""
    if any(line.strip() == f"**{NO_ANSWER}**" for line in text.splitlines()):
        return ParsedBrief(claims=(), sources={}, raw={"status": "insufficient_evidence"})
    return parse_markdown(text)


def _parse_json(text: str) -> ParsedBrief:
    brief = json.loads(text)
    if not str(brief.get("schema", "")).startswith("citebrief.brief/"):
        raise ValueError('no "schema": "citebrief.brief/1"')
    parts = [("summary", brief.get("summary", ()))]
    parts += [(f"{n}. {part.get('heading', '')}", part["sentences"]) for n, part in enumerate(brief["sections"], 1)]
    parts += [("conclusion", brief.get("conclusion", ()))]
    parts += [(DISAGREEMENT_PART, [side for each in brief.get("disagreements", ()) for side in each["sides"]])]
    claims = [
        Claim(text=str(row["text"]), citations=tuple(map(str, row.get("citations") or ())), where=where)
        for where, rows in parts
        for row in rows
    ]
    sources = {str(row["chunk_id"]): _listed_source(row) for row in brief["sources"]}
    uncited = [
        _listed_source({**row["passage"], "chunk_id": row["chunk_id"]})
        for row in brief.get("evidence", ())
        if row.get("passage")
    ]
    spare = tuple(each.chunk for each in uncited if each.chunk and not each.fault)
    return ParsedBrief(claims=tuple(claims), sources=sources, spare=spare, raw=brief)


def _listed_source(row: Mapping[str, Any]) -> ListedSource:
    """Return the source of a passage in our JSON, with a fault if its chunk id is not genuine."""
    text, start = str(row["text"]), int(row.get("start") or 0)
    chunk = Chunk(
        id=str(row["chunk_id"]),
        document_id=str(row.get("document_id", "")),
        text=text,
        start=start,
        end=start + len(text),
        heading_path=tuple(row.get("heading_path") or ()),
        pages=tuple(row["pages"]) if row.get("pages") else None,
        title=str(row.get("title", "")),
        source=str(row.get("source", "")),
        date=row.get("date"),
        columns=str(row.get("columns") or ""),
    )
    fault = "" if is_genuine(chunk) else f"{chunk.id} is not the id of the passage that the file gives"
    return ListedSource(entry=chunk.id, chunk=chunk, fault=fault)
