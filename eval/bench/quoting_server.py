"""A server for benchmarks of batches whose replies quote the passages of the prompt, and questions made from an index.

A brief takes as many calls as with a good model: one for the queries, one for the choice of passages, one for its text,
and one for corrections, of which it makes none.
The faults are those of ``tests/fault_server.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fault_server import FaultServer, ReceivedRequest, ScriptedReply, cut_line

from rag.text import split_sentences

QUESTION_FORMS = ("What is known about {}?", "What happened in the matter of {}?", "Who was involved in {}, and when?")
INVENTED = ScriptedReply(content="a reply whose citations are replaced by one that was not in the prompt")
_PASSAGE = re.compile(r"^(E\d+): (.*(?:\n(?!\n(?:E\d+: |\[)).*)*)", re.MULTILINE)


def questions_about(store: str, number: int) -> list[str]:
    """Make ``number`` distinct questions about the titles and headings of the index in ``store``."""
    from rag.embedding import load_embedder
    from rag.store import Index

    index = Index.open(store, load_embedder("minilm"))
    chunks = index.catalogue.chunks_by_record(list(index.catalogue.records())).values()
    subjects = sorted(
        {
            f"{chunk.title}: {heading}"
            for chunk in chunks
            for heading in chunk.heading_path
            if heading != "Public records"
        }
    )
    index.close()
    questions = [form.format(subject) for form in QUESTION_FORMS for subject in subjects]
    if len(questions) < number:
        raise SystemExit(f"{store} has {len(subjects)} headings: too few for {number} questions")
    return questions[:number]


class QuotingServer(FaultServer):
    """A fault server whose good replies quote the passages of the prompt and take ``seconds`` each."""

    def __init__(
        self, *, seconds: float = 0.0, odds: Sequence[tuple[ScriptedReply, float]] = (), seed: int = 7
    ) -> None:
        super().__init__(odds=odds, seed=seed)
        self.seconds = seconds

    def _next(self, request: ReceivedRequest) -> ScriptedReply:
        deal = super()._next(request)
        if deal == INVENTED:
            return replace(deal, content=re.sub(r"\"[ES]\d+\"", '"E99"', quoting_reply(request.body)))
        if deal in (ScriptedReply(), cut_line()) or deal.after:
            return replace(deal, content=quoting_reply(request.body), after=deal.after or self.seconds)
        return deal


def quoting_reply(body: dict[str, Any]) -> str:
    """Write the reply to a request from its own passages: the longest sentence of each.

    Raises:
        ValueError: the prompt is none of a large model's.
    """
    user = body["messages"][-1]["content"]
    name = body["response_format"]["json_schema"]["name"]
    if name == "queries":
        return json.dumps({"queries": ["what happened", "who took part", "when it happened"]})
    if name == "select":
        return json.dumps({"read": [alias for alias, _ in _PASSAGE.findall(user)][:20], "searches": []})
    if name == "brief":
        return json.dumps(_brief(user))
    if name == "verify":
        claims = re.findall(r"^(C\d+) \(", user, re.MULTILINE)
        return json.dumps({claim: {"support": "full", "unsupported": ""} for claim in claims})
    if name == "edit":
        return json.dumps({"edits": [], "headings": [], "closed": [], "open": []})
    raise ValueError(f"no reply to the prompt {name!r}")


def _brief(user: str) -> dict[str, Any]:
    """Return a brief of four sections, each with a quarter of the passages' longest sentences."""
    sentences = [
        {"text": " ".join(text[start:end].split()), "citations": [alias]}
        for alias, text in _PASSAGE.findall(user)
        for start, end in [max(split_sentences(text.strip()), key=lambda span: span[1] - span[0])]
    ][:24]
    sections = [
        {"heading": f"Part {number}", "sentences": own[:5]}
        for number, own in zip(("one", "two", "three", "four"), (sentences[at::4] for at in range(4)), strict=True)
        if own
    ]
    told = [{**each, "text": f"It is said: {each['text']}"} for each in sentences[:4]]
    empty: dict[str, list[Any]] = {"disagreements": [], "gaps": [], "searches": []}
    return {
        "answered": "fully",
        "outline": "",
        "sections": sections,
        "summary": told[:3],
        "conclusion": told[3:],
        **empty,
    }
