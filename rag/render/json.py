"""Convert a brief to JSON (``"schema": "citebrief.brief/1"``) and back, without loss: ``from_json(to_json(b)) == b``.

Anybody may have edited a file, so reading one validates everything again: pydantic the fields and their types, the
constructors of ``rag/types.py`` citations and quotes, and this module the chunk ids and source numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag._internal.ids import is_genuine
from rag.errors import ReadError, UsageError
from rag.render.schema import (
    SCHEMA,
    BriefJson,
    DisagreementJson,
    EvidenceJson,
    PassageJson,
    QuoteJson,
    SentenceJson,
    SourceJson,
)
from rag.types import Brief, Chunk, Disagreement, Hit, Quote, Repair, Section, Sentence, Trace

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

T = TypeVar("T")

LINE_BREAKS = {code: f"\\u{code:04x}" for code in (0x85, 0x2028, 0x2029)}
"""Escapes of characters that are legal in JSON strings but at which ``str.splitlines()`` would break a JSONL line."""


class _Version(BaseModel):
    """The schema of a file, read first: a file of another schema fails with that reason alone."""

    model_config = ConfigDict(extra="ignore")
    schema_: str = Field(alias="schema")


def to_json(brief: Brief, *, indent: int | None = 2) -> str:
    """Return ``brief`` as one JSON object and a line break; ``indent=None`` puts it on one line, for JSONL.

    Raises:
        ValueError: a sentence does not have full support; such a sentence is never printed.
    """
    chunks = brief.cited()
    cited = {chunk.id for chunk in chunks}
    model = BriefJson.model_validate(
        {
            "schema": SCHEMA,
            "question": brief.question,
            "status": brief.status,
            "summary": _sentence_rows(brief.summary),
            "sections": tuple(
                {"heading": section.heading, "sentences": _sentence_rows(section.sentences)}
                for section in brief.sections
            ),
            "conclusion": _sentence_rows(brief.conclusion),
            "disagreements": tuple(
                {"about": each.about, "sides": _sentence_rows(each.sides)} for each in brief.disagreements
            ),
            "gaps": brief.gaps,
            "evidence": tuple(_evidence_row(hit, cited) for hit in brief.evidence),
            "sources": tuple({"n": n, "chunk_id": chunk.id} | _passage_row(chunk) for n, chunk in enumerate(chunks, 1)),
            "trace": _fields(brief.trace, "repairs")
            | {"repairs": tuple(_fields(each) for each in brief.trace.repairs)},
        }
    )
    plain = model.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, indent=indent).translate(LINE_BREAKS) + "\n"


def _fields(value: object, *without: str) -> dict[str, Any]:
    """Return the fields of a value of ``rag/types.py`` that has the same field names in JSON, except ``without``."""
    names = (name for name in type(value).__slots__ if name not in without)  # type: ignore[attr-defined]
    return {name: getattr(value, name) for name in names}


def _sentence_rows(sentences: Iterable[Sentence]) -> tuple[dict[str, Any], ...]:
    return tuple(
        _fields(sentence, "quotes") | {"quotes": tuple(_fields(quote) for quote in sentence.quotes)}
        for sentence in sentences
    )


def _passage_row(chunk: Chunk) -> dict[str, Any]:
    row = {name: getattr(chunk, name) for name in PassageJson.model_fields}
    return {name: value for name, value in row.items() if value or name not in ("items", "columns")}


def _evidence_row(hit: Hit, cited: set[str]) -> dict[str, Any]:
    entry = {"chunk_id": hit.chunk.id, "rank": hit.rank, "score": hit.score, "found_by": hit.found_by}
    return entry if hit.chunk.id in cited else entry | {"passage": _passage_row(hit.chunk)}


def read_brief(path: str | Path) -> Brief:
    """Return the brief in the JSON file at ``path``.

    Raises:
        UsageError: there is no such file.
        ReadError: the file cannot be read, or is not a valid brief.
    """
    try:
        return from_json(Path(path).read_bytes(), name=str(path))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except OSError as error:
        raise ReadError(f"{path}: {(error.strerror or str(error)).lower()}") from None


def from_json(text: str | bytes, *, name: str = "brief") -> Brief:
    """Parse and validate the JSON of a brief. Error messages begin with ``name``.

    Evidence whose passage is not in the file is left out; a notice in the trace gives the number of such hits.

    Args:
        text: the JSON; bytes are UTF-8.

    Raises:
        ReadError: not JSON, not a brief, of another schema, or inconsistent: a made-up chunk id, a citation that was
            not retrieved, a quote that is not in its chunk, a wrong source number.
    """
    try:
        content = text.removeprefix("\ufeff") if isinstance(text, str) else text.decode("utf-8-sig")
        version = _Version.model_validate_json(content).schema_
        if version != SCHEMA:
            raise ReadError(f"{name}: schema {version!r} is not known to this citebrief, which reads {SCHEMA!r}")
        return _brief(BriefJson.model_validate_json(content))
    except UnicodeDecodeError as error:
        raise ReadError(f"{name}: not UTF-8 text (byte {error.start})") from None
    except ValidationError as error:
        raise ReadError(f"{name}: {_first_error(error.errors(include_url=False))}") from None
    except _InconsistentError as error:
        raise ReadError(f"{name}: {error}") from None


class _InconsistentError(Exception):
    """A brief that matches the schema but contradicts itself. The message names the field and the fault."""


def _first_error(errors: list[ErrorDetails]) -> str:
    """Return a message about the first of pydantic's errors, and the number of the others."""
    error = errors[0]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).removeprefix(".")
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    if error["type"] == "json_invalid":
        return error["msg"]
    if path == "schema" and error["type"] == "missing":
        return f'not a brief: no "schema": "{SCHEMA}"'
    if not path:
        return f"not a brief: {error['msg'].lower()}"
    return f"{path}: {error['msg'].lower()}{more}"


def _construct(where: str, type_: Callable[..., T], **fields: Any) -> T:
    """Return ``type_(**fields)``; add ``where``, the place in the file, to an error of the constructor."""
    try:
        return type_(**fields)
    except ValueError as error:
        raise _InconsistentError(f"{where}: {error}") from None


def _brief(model: BriefJson) -> Brief:
    sources = dict(_sources(model.sources))
    evidence = tuple(_hits(model.evidence, sources))
    left_out = len(model.evidence) - len(evidence)
    brief = _construct(
        "brief",
        Brief,
        question=model.question,
        status=model.status,
        summary=_sentences("summary", model.summary),
        sections=tuple(
            _construct(
                f"sections[{i}]",
                Section,
                heading=section.heading,
                sentences=_sentences(f"sections[{i}].sentences", section.sentences),
            )
            for i, section in enumerate(model.sections)
        ),
        conclusion=_sentences("conclusion", model.conclusion),
        disagreements=tuple(_disagreement(i, each) for i, each in enumerate(model.disagreements)),
        gaps=model.gaps,
        evidence=evidence,
        trace=_trace(model, left_out),
    )
    if list(sources) != [chunk.id for chunk in brief.cited()]:
        raise _InconsistentError("sources: not the cited chunks in the order of first citation")
    return brief


def _sources(models: tuple[SourceJson, ...]) -> Iterator[tuple[str, Chunk]]:
    for i, model in enumerate(models):
        if model.n != i + 1:
            raise _InconsistentError(f"sources[{i}].n: {model.n} stands where {i + 1} belongs")
        yield model.chunk_id, _chunk(f"sources[{i}]", model.chunk_id, model)


def _chunk(where: str, chunk_id: str, model: PassageJson) -> Chunk:
    fields = {name: getattr(model, name) for name in PassageJson.model_fields}
    chunk = _construct(where, Chunk, id=chunk_id, **fields)
    if not is_genuine(chunk):
        raise _InconsistentError(
            f"{where}: {chunk_id!r} is not the id of this passage at {chunk.start} of {chunk.document_id!r}: "
            "the id was made up, or the passage changed"
        )
    return chunk


def _hits(models: tuple[EvidenceJson, ...], sources: dict[str, Chunk]) -> Iterator[Hit]:
    seen: set[str] = set()
    for i, model in enumerate(models):
        where = f"evidence[{i}]"
        if model.chunk_id in seen:
            raise _InconsistentError(f"{where}: {model.chunk_id} is listed twice")
        seen.add(model.chunk_id)
        chunk = sources.get(model.chunk_id)
        if model.passage is not None:
            passage = _chunk(f"{where}.passage", model.chunk_id, model.passage)
            if chunk not in (None, passage):
                raise _InconsistentError(f"{where}.passage: differs from the one in sources")
            chunk = passage
        if chunk is not None:
            yield Hit(chunk=chunk, rank=model.rank, score=model.score, found_by=model.found_by)


def _sentences(where: str, models: tuple[SentenceJson, ...]) -> tuple[Sentence, ...]:
    return tuple(
        _construct(
            f"{where}[{i}]",
            Sentence,
            text=model.text,
            citations=model.citations,
            support=model.support,
            score=model.score,
            quotes=tuple(_quote(f"{where}[{i}].quotes[{j}]", quote) for j, quote in enumerate(model.quotes)),
        )
        for i, model in enumerate(models)
    )


def _quote(where: str, model: QuoteJson) -> Quote:
    if model.end - model.start != len(model.text):
        raise _InconsistentError(f"{where}: offsets {model.start}…{model.end} do not span its text")
    return Quote(**model.model_dump())


def _disagreement(i: int, model: DisagreementJson) -> Disagreement:
    one, other = _sentences(f"disagreements[{i}].sides", model.sides)
    return Disagreement(about=model.about, sides=(one, other))


def _trace(model: BriefJson, left_out: int) -> Trace:
    fields = {name: getattr(model.trace, name) for name in type(model.trace).model_fields}
    fields["repairs"] = tuple(Repair(**repair.model_dump()) for repair in model.trace.repairs)
    if left_out:
        fields["notices"] += (f"Retrieved passages that the brief's file lists without their text: {left_out}.",)
    return Trace(**fields)
