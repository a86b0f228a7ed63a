"""Examples of what the writer reads and replies, from sections and summaries that were written by hand.

The messages are those of the product: its prompts, and its numbering of notes and sentences.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rag.llm.prompts import load_prompt
from rag.writing.small_prompts import SECTION_PROMPT, numbered_sources

from .closing import CLOSING_PROMPT, numbered_sentences

HELD_OUT_COLLECTIONS = frozenset({"law and policy", "minutes and incidents"})
"""Collections whose sections are measured on and never trained on: 111 of 974."""

HELD_OUT_SUMMARIES = frozenset(f"U{number}" for number in range(4, 175, 9))
"""Summaries that are measured on and never trained on: 19 of 175 (``U4``, ``U13``, …)."""

Kind = Literal["section", "closing"]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What the model reads, and the reply that was written by hand. ``held_out`` ones are never trained on."""

    id: str
    kind: Kind
    system: str
    user: str
    reply: str
    held_out: bool


def read_examples(sources: Sequence[Path], passages: Path | None = None) -> list[Example]:
    """Return the examples of the files that exist, each of sections or of summaries. Rows that are not complete are
    left out: somebody may be writing them.

    Args:
        sources: JSONL files; summaries refer to sections of any of them.
        passages: the passages that evidence of the form ``[passage id, sentence number]`` refers to.
    """
    rows = [row for path in sources if path.exists() for row in _read_rows(path)]
    known = {} if passages is None else {row["id"]: row for row in _read_rows(passages)}
    sections = {row["id"]: resolved for row in rows if "evidence" in row and (resolved := _resolve(row, known))}
    found = [section_example(row) for row in sections.values()]
    found += [
        closing_example(row, [sections[name] for name in row["sections"]])
        for row in rows
        if "summary" in row and all(name in sections for name in row["sections"])
    ]
    return found


def section_example(row: Mapping[str, Any]) -> Example:
    """Return the example of a section."""
    notes = numbered_sources((each["title"], each["heading"], each["text"]) for each in row["evidence"])
    system, user = load_prompt(SECTION_PROMPT).render(question=row["question"], notes=notes)
    reply = {"heading": row["heading"], "sentences": _items(row["sentences"], "notes")}
    held_out = row.get("collection") in HELD_OUT_COLLECTIONS
    return Example(id=row["id"], kind="section", system=system, user=user, reply=_json(reply), held_out=held_out)


def closing_example(row: Mapping[str, Any], sections: Sequence[Mapping[str, Any]]) -> Example:
    """Return the example of the summary and conclusion over ``sections``."""
    numbered = numbered_sentences(
        (section["heading"], [each["text"] for each in section["sentences"]]) for section in sections
    )
    system, user = load_prompt(CLOSING_PROMPT).render(question=row["question"], sentences=numbered)
    reply = {part: _items(row[part], "from") for part in ("summary", "conclusion")}
    held_out = row["id"] in HELD_OUT_SUMMARIES
    return Example(id=row["id"], kind="closing", system=system, user=user, reply=_json(reply), held_out=held_out)


def _items(sentences: Sequence[Mapping[str, Any]], numbers: str) -> list[Row]:
    return [{numbers: sorted(each[numbers]), "text": each["text"]} for each in sentences]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _resolve(row: Row, passages: Mapping[str, Row]) -> Row | None:
    """Return a section whose evidence is text, or None if a passage is not known."""
    if all(isinstance(each, dict) for each in row["evidence"]):
        return row
    evidence = []
    for name, number in row["evidence"]:
        passage = passages.get(name)
        if passage is None or not 1 <= number <= len(passage["sentences"]):
            return None
        evidence.append({"title": passage["title"], "heading": "", "text": passage["sentences"][number - 1]})
    return {**row, "evidence": evidence}


def _read_rows(path: Path) -> Iterator[Row]:
    for line in path.read_text("utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and "id" in row:
            yield row


def select(examples: Sequence[Example], kinds: Collection[Kind], *, held_out: bool) -> list[Example]:
    """Return the examples of ``kinds`` that are held out, or those that are not."""
    return [example for example in examples if example.kind in kinds and example.held_out is held_out]
