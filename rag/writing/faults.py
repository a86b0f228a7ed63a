"""Say in words for a writer what is wrong with a sentence that a verifier refused."""

from __future__ import annotations

from rag.types import Verdict
from rag.verify.facts import suspicions, vetoes
from rag.writing.drafts import Draft


def fault_of(draft: Draft, verdict: Verdict) -> str:
    """Return what the evidence of ``draft`` does not say, as far as it is known; "" if ``verdict`` is full support.

    The clause that the verifier names comes first, then facts that the cited chunks do not have.
    """
    if verdict.support == "full":
        return ""
    if clause := verdict.unsupported.strip(" ."):
        return f"the evidence does not say “{clause}”"
    texts, contexts = [chunk.text for chunk in draft.chunks], [chunk.context for chunk in draft.chunks]
    if absent := [*vetoes(draft.text, texts, contexts), *suspicions(draft.text, texts, contexts)]:
        return f"no cited passage has {', '.join(absent)}"
    return "the evidence does not say all of it"
