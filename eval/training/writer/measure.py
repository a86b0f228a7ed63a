"""Figures of replies, and a list of their sentences for a reader who does not know which model wrote them. ::

    python -m eval.training.writer.measure --replies with=work/with.jsonl --replies without=work/without.jsonl \\
        --blind work/blind.txt --key work/key.json DATA/sections/sections.jsonl DATA/sections/summaries.jsonl

A copy is a sentence of which one run of words in a note, or in a sentence of a section, makes up more than 80 %. The
verifier's figure is the share of sentences that the packaged verifier, at the threshold for printing, accepts on the
notes that they name. ``written`` are the sentences of the examples themselves, which were written by hand.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from rag.text import words_of
from rag.types import Chunk
from rag.verify import default_verifier
from rag.writing.headings import clean_heading, heading_fault

from .examples import Example, read_examples

MIN_COPIED_SHARE = 0.8
HEADING_WORDS = range(2, 7)
_LINE = re.compile(r"(?P<number>\d+) (?:\[(?P<place>[^\]]*)\] )?(?P<text>.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A sentence of a reply, the numbered lines that it names, and all lines of its prompt, as ``(place, text)``."""

    example: str
    kind: str
    text: str
    named: tuple[tuple[str, str], ...]
    lines: tuple[tuple[str, str], ...]

    @property
    def copied(self) -> bool:
        """Whether one run of words of a line makes up most of the sentence."""
        return max(longest_run(self.text, text) for _, text in self.lines) > MIN_COPIED_SHARE


def longest_run(sentence: str, source: str) -> float:
    """Return the share of the words of ``sentence`` in the longest run of words that ``source`` has too."""
    own, other = (words_of(text.lower()) for text in (sentence, source))
    match = SequenceMatcher(None, own, other, autojunk=False).find_longest_match()
    return match.size / max(1, len(own))


def numbered_lines(user: str) -> dict[int, tuple[str, str]]:
    """Return the numbered lines of a user message, each as its place in brackets and its text."""
    found = (_LINE.fullmatch(line) for line in user.splitlines())
    return {int(match["number"]): (match["place"] or "", match["text"]) for match in found if match}


def written_sentences(example: Example, parsed: Mapping[str, Any]) -> list[Written]:
    """Return the sentences of a reply to ``example``."""
    lines = numbered_lines(example.user)
    items = [*parsed.get("sentences", ()), *parsed.get("summary", ()), *parsed.get("conclusion", ())]
    return [
        Written(
            example=example.id,
            kind=example.kind,
            text=item["text"],
            named=tuple(lines[number] for number in sorted(set(item.get("notes") or item["from"]))),
            lines=tuple(lines.values()),
        )
        for item in items
    ]


def heading_is_valid(example: Example, heading: str) -> bool:
    """Whether ``heading`` has the length that was asked for and passes the product's check."""
    notes = [f"{place}\n{text}" for place, text in numbered_lines(example.user).values()]
    cleaned = clean_heading(heading, notes)
    question = example.user.splitlines()[0]
    return len(cleaned.split()) in HEADING_WORDS and heading_fault(cleaned, [question, *notes], []) is None


def accepted(sentences: Sequence[Written]) -> list[bool]:
    """Return whether the packaged verifier accepts each of ``sentences``."""
    pairs = [(each.text, tuple(_chunk(n, *line) for n, line in enumerate(each.named))) for each in sentences]
    return [verdict.support == "full" for verdict in default_verifier("gating").verify(pairs)]


def _chunk(number: int, place: str, text: str) -> Chunk:
    title, _, heading = place.partition(" | ")
    path = (heading,) if heading else ()
    return Chunk(
        id=f"note.{number:08x}", document_id="note", text=text, start=0, end=len(text), title=title, heading_path=path
    )


def figures(examples: Mapping[str, Example], rows: Sequence[Mapping[str, Any]], kind: str) -> dict[str, Any]:
    """Return the figures of the replies of one kind."""
    rows = [row for row in rows if row["kind"] == kind]
    usable = [row for row in rows if row["parsed"]]
    sentences = [each for row in usable for each in written_sentences(examples[row["id"]], row["parsed"])]
    headings = [heading_is_valid(examples[row["id"]], row["parsed"]["heading"]) for row in usable if kind == "section"]
    return {
        "replies": len(rows),
        "valid": _share(row["parsed"] is not None for row in rows),
        "headings valid": _share(headings),
        "sentences": len(sentences),
        "on two or more": _share(len(each.named) > 1 for each in sentences),
        "copies": _share(each.copied for each in sentences),
        "accepted by the verifier": _share(accepted(sentences)) if sentences else None,
        "tokens a reply": round(sum(row.get("tokens", 0) for row in rows) / max(1, len(rows))),
        "words a sentence": round(sum(len(each.text.split()) for each in sentences) / max(1, len(sentences))),
    }


def _share(values: Any) -> float | None:
    flags = list(values)
    return round(sum(flags) / len(flags), 3) if flags else None


def blind_list(by_name: Mapping[str, Sequence[Written]], seed: int) -> tuple[str, dict[str, str]]:
    """Return all sentences in random order, each with the lines that it names, and who wrote each number."""
    entries = [(name, each) for name, sentences in by_name.items() for each in sentences]
    random.Random(seed).shuffle(entries)
    blocks, key = [], {}
    for number, (name, each) in enumerate(entries, 1):
        named = "\n".join(f"    [{place}] {text}" for place, text in each.named)
        blocks.append(f"{number} ({each.example}) {each.text}\n{named}")
        key[str(number)] = name
    return "\n\n".join(blocks), key


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", type=Path, nargs="+", help="JSONL files of sections and of summaries")
    parser.add_argument("--passages", type=Path, help="passages that evidence refers to by id")
    parser.add_argument("--replies", action="append", required=True, metavar="NAME=FILE")
    parser.add_argument("--blind", type=Path, help="file for the list without names")
    parser.add_argument("--key", type=Path, help="file that says who wrote which sentence of the list")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    examples = {example.id: example for example in read_examples(options.sources, options.passages)}
    rows = {
        name: [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
        for name, path in (each.split("=", 1) for each in options.replies)
    }
    asked = {row["id"] for replies in rows.values() for row in replies}
    rows["written"] = [
        {"id": name, "kind": examples[name].kind, "parsed": json.loads(examples[name].reply)} for name in sorted(asked)
    ]
    for name, replies in rows.items():
        for kind in ("section", "closing"):
            print(name, kind, json.dumps(figures(examples, replies, kind)))
    if options.blind and options.key:
        sentences = {
            name: [
                each
                for row in replies
                if row["parsed"]
                for each in written_sentences(examples[row["id"]], row["parsed"])
            ]
            for name, replies in rows.items()
            if name != "written"
        }
        text, key = blind_list(sentences, options.seed)
        options.blind.write_text(text, encoding="utf-8")
        options.key.write_text(json.dumps(key), encoding="utf-8")


if __name__ == "__main__":
    main()
