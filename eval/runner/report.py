"""Report a run as Markdown and as one self-contained HTML page, with the sentences that are not fully supported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from ..metrics import citations
from .score import ScoredBrief, SentenceScore
from .scorecard import format_figure, format_scorecard

SENTENCES_SHOWN = 20
_ORDER = {None: 0, "none": 1, "partial": 2, "full": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsupportedSentence:
    """A sentence that is not fully supported, with the (citation, text) of each passage that it cites."""

    brief: str
    row: SentenceScore
    passages: tuple[tuple[str, str], ...]


def unsupported_sentences(scored: Sequence[ScoredBrief], limit: int = SENTENCES_SHOWN) -> list[UnsupportedSentence]:
    """Return up to ``limit`` sentences that are not fully supported: unscored, none, partial, then by rising score."""
    found = [
        UnsupportedSentence(
            brief=brief.id,
            row=row,
            passages=tuple((cited, brief.passages.get(cited, "no such passage")) for cited in row.citations),
        )
        for brief in scored
        for row in brief.rows
        if row.support != "full"
    ]
    return sorted(found, key=lambda sentence: (_ORDER[sentence.row.support], sentence.row.score))[:limit]


def report_markdown(card: Mapping[str, Any], scored: Sequence[ScoredBrief]) -> str:
    """Format the scorecard, a table of the questions, and the unsupported sentences with their passages."""
    lines = ["# Scorecard", "", *(f"{line}  " if line else "" for line in format_scorecard(card).splitlines()[:3]), ""]
    lines += ["| metric | mean | 95 % interval | n | unscored |", "|---|---|---|---|---|"]
    for key, figure in card["metrics"].items():
        mean = "unscored" if figure["mean"] is None else f"{figure['mean']:.3f}"
        bounds = f"{figure['low']:.3f} to {figure['high']:.3f}" if figure["low"] is not None else ""
        lines.append(f"| {key} | {mean} | {bounds} | {figure['n']} | {figure['unscored']} |")
    if card["corrected"]:
        lines += [
            "",
            f"Sentences fully supported in truth, the judge corrected: {format_figure(card['corrected']).strip()}",
        ]
    shown = ("citation_recall", "citation_precision", "nugget_recall", "vital_recall")
    lines += ["", "## Questions", "", f"| id | status | {' | '.join(shown)} |", "|---|---|" + "---|" * len(shown)]
    for case in card["cases"]:
        cells = " | ".join("" if case[key] is None else f"{case[key]:.2f}" for key in shown)
        lines.append(f"| {case['id']} | {case['error'] or case['status']} | {cells} |")
    lines += ["", "## Worst sentences", ""]
    for sentence in unsupported_sentences(scored):
        row = sentence.row
        lines += [f"- **{row.support or 'no verdict'}** ({sentence.brief}, {row.where}): {row.text}"]
        lines += [f"  - {row.reason}"] if row.reason else []
        lines += [f"  - [{cited}] {' '.join(text.split())}" for cited, text in sentence.passages]
    return "\n".join(lines) + "\n"


def report_html(card: Mapping[str, Any], scored: Sequence[ScoredBrief]) -> str:
    """Format the content of :func:`report_markdown` as one self-contained page with bars and intervals."""
    from jinja2 import Environment

    template = (files("rag.eval.runner") / "report.html").read_text(encoding="utf-8")
    shares = [key for key in citations.METRICS if key not in ("seconds", "tokens", "cost", "effective_citations")]
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["figure"] = lambda figure: format_figure(figure).strip()
    return environment.from_string(template).render(
        card=card,
        head=format_scorecard(card).splitlines()[:3],
        shares=[(key, card["metrics"][key]) for key in shares],
        others=[(key, card["metrics"][key]) for key in citations.METRICS if key not in shares],
        unsupported=unsupported_sentences(scored),
    )


def comparison_markdown(
    before: Mapping[str, Any], after: Mapping[str, Any], changes: Mapping[str, Mapping[str, Any]]
) -> str:
    """Format two scorecards and their ``changes``, see :func:`.scorecard.compare_scorecards`, as a Markdown table."""
    lines = ["| metric | before | after | change and 95 % interval | |", "|---|---|---|---|---|"]
    for key, change in changes.items():
        means = [card["metrics"][key]["mean"] for card in (before, after)]
        cells = ["unscored" if mean is None else f"{mean:.3f}" for mean in means]
        missing = f", {change['missing']} missing" if change["missing"] else ""
        difference = format_figure(change["change"]).strip()
        lines.append(f"| {key} | {' | '.join(cells)} | {difference} | {change['verdict']}{missing} |")
    return "\n".join(lines) + "\n"
