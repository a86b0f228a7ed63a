"""Report of a check: the verdict on every claim, as JSON or as text."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from rag.types import Chunk, Claim, Quote, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedClaim:
    """A claim with its verdict. ``better`` is a passage that supports the claim where its citations do not."""

    claim: Claim
    verdict: Verdict
    quotes: tuple[Quote, ...] = ()
    better: Chunk | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """Every claim of a brief with its verdict. An unscored claim counts as not supported."""

    checked: tuple[CheckedClaim, ...]
    judge: str
    listed: frozenset[str] | None = None
    """The keys of the sources that the brief gives; None if it is not known."""

    @property
    def unresolved(self) -> dict[str, int]:
        """The citations that lead to no source of the brief, each with the number of claims that have it."""
        if self.listed is None:
            return {}
        cited = Counter(key for each in self.checked for key in dict.fromkeys(each.claim.citations))
        return {key: count for key, count in cited.items() if key not in self.listed}

    @property
    def full(self) -> int:
        """The number of claims that their citations fully support."""
        return sum(each.verdict.support == "full" for each in self.checked)

    @property
    def share(self) -> float:
        """The share of claims that their citations fully support, 0 to 1."""
        return self.full / len(self.checked)


def report_json(report: CheckReport, brief: str, min_support: float) -> str:
    """Return the report as JSON: counts by support, the share, unresolved citations, and every sentence.

    Args:
        report: the report.
        brief: the path of the brief, as the user gave it.
        min_support: the share that the command demands, 0 to 1.
    """
    counts = dict.fromkeys(("full", "partial", "none", "unscored"), 0)
    for each in report.checked:
        counts[each.verdict.support or "unscored"] += 1
    rows = [
        {
            "text": each.claim.text,
            "where": each.claim.where,
            "citations": list(each.claim.citations),
            "support": each.verdict.support,
            "score": each.verdict.score,
            "reason": each.verdict.reason,
            "quotes": [
                {"chunk_id": quote.chunk_id, "start": quote.start, "end": quote.end, "text": quote.text}
                for quote in each.quotes
            ],
            "better": each.better.id if each.better else None,
        }
        for each in report.checked
    ]
    head = {"brief": brief, "judge": report.judge, "n": len(rows), **counts}
    return json.dumps(
        {
            **head,
            "share": round(report.share, 4),
            "min_support": min_support,
            "unresolved": report.unresolved,
            "sentences": rows,
        },
        ensure_ascii=False,
    )


def report_text(report: CheckReport) -> str:
    """Return the report as text: each sentence that is not fully supported, with the reason, and the counts."""
    lines = []
    for each in report.checked:
        if each.verdict.support == "full":
            continue
        cited = "".join(f"[{marker}]" for marker in each.claim.citations) or "no citation"
        where = f"{each.claim.where}: " if each.claim.where else ""
        lines += [f"{each.verdict.support or 'unscored'}  {each.claim.text} {cited}"]
        lines += [f"    {where}{each.verdict.reason}"]
        lines += [f"    nearest: “{' '.join(quote.text.split())}”" for quote in each.quotes]
        if each.better:
            lines += [f"    better: {each.better.id} ({each.better.context})"]
        lines += [""]
    if unresolved := report.unresolved:
        named = ", ".join(
            f"[{key}]" + (f" (in {count} sentences)" if count > 1 else "") for key, count in unresolved.items()
        )
        lines += [f"Citations that lead to no source of the brief: {len(unresolved)}: {named}", ""]
    total = len(report.checked)
    lines += [f"{report.full} of {total} sentences are fully supported by what they cite ({100 * report.share:.1f} %)."]
    return "\n".join(lines)
