"""Pydantic models of the JSON of a brief. ``brief.schema.json`` is generated from them.

``python -m rag.render.schema`` writes that file; a test checks that the committed one is current. The docstrings of
the models are descriptions in the published schema, so changing one changes that file.

The models define fields and types. ``rag/render/json.py`` checks what they cannot express, for example that a quote is
in its chunk and that a chunk id is genuine.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from rag.types import RepairAction, Status

SCHEMA: Literal["citebrief.brief/1"] = "citebrief.brief/1"
SCHEMA_FILE = Path(__file__).with_name("brief.schema.json")

Text = Annotated[str, Field(min_length=1)]
Offset = Annotated[int, Field(ge=0)]
PageNumber = Annotated[int, Field(ge=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, populate_by_name=True)


class QuoteJson(_Strict):
    """The words of a cited chunk that support the sentence; offsets count characters from the chunk's start."""

    chunk_id: Text
    start: Offset
    end: Annotated[int, Field(ge=1)]
    text: Text


class SentenceJson(_Strict):
    """One printed sentence, without markers. Only sentences of full support are printed."""

    text: Text
    citations: Annotated[tuple[Text, ...], Field(min_length=1)]
    support: Literal["full"]
    score: Annotated[float, Field(ge=0, le=1)]
    quotes: Annotated[tuple[QuoteJson, ...], Field(min_length=1)]


class SectionJson(_Strict):
    """A section; its number is its place."""

    heading: Text
    sentences: Annotated[tuple[SentenceJson, ...], Field(min_length=1)]


class DisagreementJson(_Strict):
    """What two documents contradict each other about, and what each says."""

    about: str
    sides: tuple[SentenceJson, SentenceJson]


class PassageJson(_Strict):
    """A chunk as it stands in the extracted text of its document: ``text`` is characters ``start`` to ``end``."""

    document_id: str
    title: str
    source: str
    date: str | None = None
    heading_path: tuple[str, ...] = ()
    items: Annotated[
        tuple[str, ...],
        Field(
            description="items of a list that the passage begins within, from the outermost; absent if there are none"
        ),
    ] = ()
    columns: Annotated[
        str, Field(description="header of the table that the passage begins in the middle of; absent otherwise")
    ] = ""
    pages: Annotated[
        tuple[PageNumber, PageNumber] | None,
        Field(description="first and last physical page, from 1; null without pages"),
    ] = None
    start: Offset
    end: Annotated[int, Field(ge=1)]
    text: Text


class _Numbered(_Strict):
    n: Annotated[int, Field(ge=1, description="the number in [n] markers: the order of first citation")]
    chunk_id: Text


class SourceJson(PassageJson, _Numbered):
    """A cited chunk."""


class EvidenceJson(_Strict):
    """A retrieved chunk. ``passage`` is there where ``sources`` does not have the chunk."""

    chunk_id: Text
    rank: Annotated[int, Field(ge=1)]
    score: float
    found_by: tuple[str, ...] = ()
    passage: PassageJson | None = None


class RepairJson(_Strict):
    """A sentence that was not printed as first written: where, what was done, why."""

    where: str
    action: RepairAction = Field(alias="rung")  # its name in version 1 of the schema
    before: str
    after: str
    why: str


class TraceJson(_Strict):
    """How the brief came about. ``seconds`` by stage; ``cost`` in US dollars, null where the price is unknown."""

    version: str
    model: str
    parameters: dict[str, str | int | float] = {}
    prompts: Annotated[dict[str, str], Field(description="prompt name → SHA-256")] = {}
    embedder: str
    fingerprint: Annotated[str, Field(description="of the index")]
    verifier: str
    seconds: dict[str, float] = {}
    tokens: dict[str, int] = {}
    cost: float | None = None
    repairs: tuple[RepairJson, ...] = ()
    notices: tuple[str, ...] = ()


class BriefJson(_Strict):
    """A brief in which every sentence cites the retrieved passages that state it."""

    schema_: Annotated[Literal["citebrief.brief/1"], Field(alias="schema")]
    question: str
    status: Status
    summary: tuple[SentenceJson, ...] = ()
    sections: tuple[SectionJson, ...] = ()
    conclusion: tuple[SentenceJson, ...] = ()
    disagreements: tuple[DisagreementJson, ...] = ()
    gaps: tuple[str, ...] = ()
    evidence: Annotated[tuple[EvidenceJson, ...], Field(description="all that was retrieved, cited or not")]
    sources: Annotated[
        tuple[SourceJson, ...], Field(description="the cited chunks, numbered in the order of first citation")
    ]
    trace: TraceJson


def schema_text() -> str:
    """Return the JSON Schema (draft 2020-12) of a brief, the content of ``brief.schema.json``."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA}
    schema = head | BriefJson.model_json_schema(by_alias=True)
    return json.dumps(schema | {"title": "citebrief brief, version 1"}, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    from rag._internal.files import write_atomically

    write_atomically(SCHEMA_FILE, schema_text())
