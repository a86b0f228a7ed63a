"""What every format says in the same words: where a passage stands, who made the brief, what was searched.

Also the cleaning that every format needs before its own escaping.
"""

from __future__ import annotations

import re
from collections import Counter
from urllib.parse import urlsplit

from rag.types import Brief, Chunk, Hit, Sentence, Trace

NEAREST_SHOWN = 5
"""Passages shown when the corpus does not answer; the JSON lists all that were retrieved."""

SUMMARY = "Executive summary"
CONCLUSION = "Conclusion"
DISAGREEMENTS = "Where the sources disagree"
GAPS = "What the corpus does not say"
SOURCES = "Sources"
NO_ANSWER = "The corpus does not answer this question."
SEARCHED = "What was searched"
NEAREST_PASSAGES = "Nearest passages"

ACTIONS = {
    "rewrite": "rewritten",
    "reattribute": "given other citations",
    "quote": "replaced by a quotation",
    "drop": "dropped",
}

# C0 and C1 controls but for tab and line feed: a terminal would obey some of them.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Embeddings, overrides and isolates can make a line read other than it is stored ("Trojan Source", Boucher 2021).
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_MARKER = re.compile(r"\[(\d+)\]")
_END = re.compile(r"(?<![.!?…])[.!?…]$")
_ABBREVIATION = re.compile(r"(?:\b[A-Z]|\b(?:Inc|Ltd|Co|Corp|Bros|Jr|Sr|No|St|etc|al|Org|Dept|[ap]\.m))\.$")


def visible(text: str) -> str:
    """``text`` in which nothing acts: control characters are drawn (``␛``), direction overrides left out."""
    text = _CONTROL.sub(_picture, text.replace("\r\n", "\n"))
    return _BIDI.sub("", text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return "\n" if match.group() in "\v\f\r\x1c\x1d\x1e" else chr(0x2400 + code)
    return {0x7F: "␡", 0x85: "\n"}.get(code, "\ufffd")


def line(text: str) -> str:
    """:func:`visible` text on one line, white space collapsed."""
    return " ".join(visible(text).split())


def prose(text: str) -> str:
    """:func:`line` for what stands in running text: a ``[7]`` of its own must not pass for one of our markers."""
    return _MARKER.sub(r"(\1)", line(text))


def split_end(text: str) -> tuple[str, str]:
    """``text`` in two, so that markers go between: before its full stop, or at its end.

    Taking the markers out gives the sentence back, so a stop that belongs to an abbreviation or stands inside
    a quotation stays where it is.
    """
    if _END.search(text) and not _ABBREVIATION.search(text):
        return text[:-1], text[-1]
    return text, ""


def numbers(brief: Brief) -> dict[str, int]:
    """Chunk id → its number in the source list."""
    return {chunk.id: n for n, chunk in enumerate(brief.cited(), start=1)}


def marks(sentence: Sentence, number: dict[str, int]) -> str:
    """The markers of a sentence: ``[1] [5]``."""
    return " ".join(f"[{number[cited]}]" for cited in sentence.citations)


def title(chunk: Chunk) -> str:
    """The document's title, or what stands in for it."""
    return line(chunk.title) or line(chunk.source) or line(chunk.document_id)


def pages(chunk: Chunk) -> str:
    """``p. 33`` or ``pp. 33–34``; empty where the format has no pages."""
    if chunk.pages is None:
        return ""
    first, last = chunk.pages
    return f"p. {first}" if first == last else f"pp. {first}–{last}"


def place(chunk: Chunk) -> str:
    """Headings and pages: ``Volume I › Contacts, p. 33``; empty where a document has neither."""
    headings = [line(heading) for heading in chunk.heading_path]
    if headings and headings[0] == title(chunk):
        headings = headings[1:]
    return ", ".join(part for part in (" › ".join(filter(None, headings)), pages(chunk)) if part)


def link(source: str) -> str | None:
    """``source`` where it is a web address that is safe to link, else None: no other scheme is ever linked."""
    if re.search(r"[\s<>\"`\\]", source) or visible(source) != source:
        return None
    try:
        parts = urlsplit(source)
    except ValueError:
        return None
    return source if parts.scheme in ("http", "https") and parts.hostname else None


def count(n: int, noun: str) -> str:
    """``1 passage``, ``2 passages``."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def nearest(brief: Brief) -> tuple[Hit, ...]:
    """The first :data:`NEAREST` hits by rank."""
    return tuple(sorted(brief.evidence, key=lambda hit: hit.rank)[:NEAREST_SHOWN])


def searched(brief: Brief) -> str:
    """What was looked at before saying that there is no answer, as one or two sentences."""
    if not brief.evidence:
        return "The search found no passage at all."
    documents = count(len({hit.chunk.document_id for hit in brief.evidence}), "document")
    found = f"{count(len(brief.evidence), 'passage')} from {documents} came nearest; none states an answer."
    shown = len(nearest(brief))
    return found if shown == len(brief.evidence) else f"{found} The first {shown} follow."


def made_by(brief: Brief) -> str:
    """Version, model and verifier."""
    trace = brief.trace
    if _verbatim(brief):
        return f"citebrief {line(trace.version)}: sentences quoted from the passages, without a model."
    return f"citebrief {line(trace.version)}: written by {line(trace.model)}; checked by {line(trace.verifier)}."


def checked(brief: Brief) -> str:
    """How many sentences were checked, and what became of those that failed."""
    printed = sum(1 for _ in brief.sentences())
    repairs = Counter(repair.action for repair in brief.trace.repairs)
    if printed and _verbatim(brief):
        first = "Every sentence stands word for word in the passage that it cites."
    elif not printed:
        first = "No sentence is printed."
    elif printed == 1:
        first = "The one sentence printed was checked against the passages that it cites."
    else:
        first = f"All {printed} sentences printed were checked against the passages that they cite."
    if not repairs:
        return first
    done = ", ".join(f"{n} {ACTIONS[action]}" for action, n in repairs.items())
    return f"{first} Repaired on the way: {done}."


def _verbatim(brief: Brief) -> bool:
    return brief.trace.model.startswith("extractive")


def trace_rows(trace: Trace) -> list[tuple[str, str]]:
    """What stands in the trace, as names and values to show."""
    rows = [
        ("Model", trace.model),
        ("Parameters", ", ".join(f"{name} {value}" for name, value in trace.parameters.items())),
        ("Verifier", trace.verifier),
        ("Embedder", trace.embedder),
        ("Index", trace.fingerprint),
        ("Prompts", ", ".join(f"{name} {sha256[:12]}" for name, sha256 in trace.prompts.items())),
        ("Seconds", ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in trace.seconds.items())),
        ("Tokens", ", ".join(f"{kind} {n:,}" for kind, n in trace.tokens.items())),
        ("Cost", "not known" if trace.cost is None else f"${trace.cost:.4f}"),
    ]
    return [(name, value) for name, value in rows if value]
