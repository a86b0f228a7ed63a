"""A run as pages to read: Markdown, and one HTML file that carries its plots with it. Worst sentences first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from ..metrics import citations
from .score import ScoredBrief, SentenceScore
from .scorecard import as_figure, as_text

WORST = 20
_ORDER = {None: 0, "none": 1, "partial": 2, "full": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """A sentence that is not fully supported, and the passages that it cites."""

    brief: str
    row: SentenceScore
    passages: tuple[tuple[str, str], ...]


def worst(scored: Sequence[ScoredBrief], n: int = WORST) -> list[Worst]:
    """Up to ``n`` sentences that are not fully supported: unscored, then none, then partial; lowest score first."""
    found = [
        Worst(
            brief=brief.id,
            row=row,
            passages=tuple((cited, brief.passages.get(cited, "no such passage")) for cited in row.citations),
        )
        for brief in scored
        for row in brief.rows
        if row.support != "full"
    ]
    return sorted(found, key=lambda each: (_ORDER[each.row.support], each.row.score))[:n]


def as_markdown(card: Mapping[str, Any], scored: Sequence[ScoredBrief]) -> str:
    """The scorecard, a line a question, and the worst sentences with their passages."""
    lines = ["# Scorecard", "", *(f"{line}  " if line else "" for line in as_text(card).splitlines()[:3]), ""]
    lines += ["| metric | mean | 95 % interval | n | unscored |", "|---|---|---|---|---|"]
    for key, figure in card["metrics"].items():
        mean = "unscored" if figure["mean"] is None else f"{figure['mean']:.3f}"
        bounds = f"{figure['low']:.3f} to {figure['high']:.3f}" if figure["low"] is not None else ""
        lines.append(f"| {key} | {mean} | {bounds} | {figure['n']} | {figure['unscored']} |")
    if card["corrected"]:
        lines += [
            "",
            f"Sentences fully supported in truth, the judge corrected: {as_figure(card['corrected']).strip()}",
        ]
    shown = ("citation_recall", "citation_precision", "nugget_recall", "vital_recall")
    lines += ["", "## Questions", "", f"| id | status | {' | '.join(shown)} |", "|---|---|" + "---|" * len(shown)]
    for case in card["cases"]:
        cells = " | ".join("" if case[key] is None else f"{case[key]:.2f}" for key in shown)
        lines.append(f"| {case['id']} | {case['error'] or case['status']} | {cells} |")
    lines += ["", "## Worst sentences", ""]
    for each in worst(scored):
        lines += [f"- **{each.row.support or 'no verdict'}** ({each.brief}, {each.row.where}): {each.row.text}"]
        lines += [f"  - {each.row.reason}"] if each.row.reason else []
        lines += [f"  - [{cited}] {' '.join(text.split())}" for cited, text in each.passages]
    return "\n".join(lines) + "\n"


def as_html(card: Mapping[str, Any], scored: Sequence[ScoredBrief]) -> str:
    """One self-contained page."""
    from jinja2 import Environment

    template = (files("rag.eval.runner") / "report.html").read_text(encoding="utf-8")
    shares = [key for key in citations.KEYS if key not in ("seconds", "tokens", "cost", "effective_citations")]
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["figure"] = lambda figure: as_figure(figure).strip()
    return environment.from_string(template).render(
        card=card,
        head=as_text(card).splitlines()[:3],
        shares=[(key, card["metrics"][key]) for key in shares],
        others=[(key, card["metrics"][key]) for key in citations.KEYS if key not in shares],
        worst=worst(scored),
    )


def comparison(before: Mapping[str, Any], after: Mapping[str, Any], changes: Mapping[str, Mapping[str, Any]]) -> str:
    """Two runs side by side, as Markdown."""
    lines = ["| metric | before | after | change and 95 % interval | |", "|---|---|---|---|---|"]
    for key, found in changes.items():
        means = [card["metrics"][key]["mean"] for card in (before, after)]
        cells = ["unscored" if mean is None else f"{mean:.3f}" for mean in means]
        missing = f", {found['missing']} missing" if found["missing"] else ""
        lines.append(
            f"| {key} | {' | '.join(cells)} | {as_figure(found['change']).strip()} | {found['verdict']}{missing} |"
        )
    return "\n".join(lines) + "\n"
