"""What the benchmarks of batches share: questions made from an index, and a server that writes as a good model would.

Its replies quote the passages that it is shown, so that a brief takes the calls that it takes with a real model: one
for each section, two to sum up, and hardly a rewrite. Faults are those of ``tests/fault_server.py``.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "tests"))

from fault_server import FaultServer, ReceivedRequest, ScriptedReply, cut_line

from rag.text.sentences import split

ASKING = ("What is known about {}?", "What happened in the matter of {}?", "Who was involved in {}, and when?")
PASSAGE = re.compile(r"^(E\d+) \[.*\]\n", re.MULTILINE)
INVENTED = ScriptedReply(content="a good reply that cites what was never shown")
NUMBERED = re.compile(r"^(S\d+): (.*)$", re.MULTILINE)


def questions(store: str, number: int) -> list[str]:
    """``number`` questions about the titles and headings in ``store``, each another one."""
    from rag.embedding.encoder import load_embedder
    from rag.store.index import Index

    index = Index.open(store, load_embedder("minilm"))
    chunks = index.catalogue.by_records(list(index.catalogue.records())).values()
    subjects = sorted(
        {
            f"{chunk.title}: {heading}"
            for chunk in chunks
            for heading in chunk.heading_path
            if heading != "Public records"
        }
    )
    index.close()
    found = [asking.format(subject) for asking in ASKING for subject in subjects]
    if len(found) < number:
        raise SystemExit(f"{store} has {len(subjects)} headings: too few for {number} questions")
    return found[:number]


class Quoting(FaultServer):
    """A fault server whose good replies quote what they are shown. ``seconds`` is how long each of them takes."""

    def __init__(self, *, seconds: float = 0.0, odds: Any = (), seed: int = 7) -> None:
        super().__init__(odds=odds, seed=seed)
        self.seconds = seconds

    def _next(self, asked: ReceivedRequest) -> ScriptedReply:
        deal = super()._next(asked)
        if deal == INVENTED:
            return replace(deal, content=re.sub(r"\"[ES]\d+\"", '"E99"', written(asked.body)))
        if deal in (ScriptedReply(), cut_line()) or deal.after:
            return replace(deal, content=written(asked.body), after=deal.after or self.seconds)
        return deal


def written(body: dict[str, Any]) -> str:
    """The reply of a model that copies well."""
    user = body["messages"][-1]["content"]
    name = body["response_format"]["json_schema"]["name"]
    if name == "section":
        parts = PASSAGE.split(user)[1:]
        texts = dict(zip(parts[::2], parts[1::2], strict=True))
        items = [
            {"text": " ".join(text[start:end].split()), "citations": [alias]}
            for alias, text in texts.items()
            for start, end in [max(split(text.strip()), key=lambda span: span[1] - span[0])]
        ]
        return json.dumps({"heading": user.partition("about: ")[2].partition("\n")[0], "sentences": items[:5]})
    if name == "summary":
        numbered = NUMBERED.findall(user)
        return json.dumps({"sentences": [{"text": text, "from": [alias]} for alias, text in numbered[:3]]})
    return json.dumps({"sentence": user.partition("Evidence: ")[2].partition("\nSentence: ")[0].split("\n")[1]})
