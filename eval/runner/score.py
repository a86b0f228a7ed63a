"""A brief that exists → a judge's verdict on every sentence, and the brief's metrics.

Read are the sentences, what they cite, and the passages of the brief's own source list; never what the brief says about
its own support.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rag.check import DISAGREEMENTS, ParsedBrief, read_claims
from rag.check.checker import Checker
from rag.types import Chunk, Claim, Support, Verdict

from ..judges.judge import Judge
from ..metrics import citations
from ..metrics.citations import Judged
from .cases import Case, plain

CaseOutcome = Literal["answered", "insufficient_evidence", "failed"]
Values = Mapping[str, float | None]

Resolve = Callable[[str, str], Sequence[Chunk] | None]
"""(what is cited, the sentence) → the passages that it stands for, none where they cannot be read; None if unknown."""

LOST = (
    "citation_recall", "citation_precision", "citation_f1", "weighted_precision", "weighted_recall", "nugget_recall",
    "vital_recall",
)  # fmt: skip
"""What a question that should have been answered, and was not, scores 0 in (``evidence_recall`` too, if it failed)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceScore:
    """A sentence and the judge's verdicts: on all its passages, on each alone, and on all others."""

    where: str
    text: str
    citations: tuple[str, ...]
    invalid: tuple[str, ...]
    support: Support | None
    score: float
    reason: str
    alone: Mapping[str, Support | None] = field(default_factory=dict)
    without: Mapping[str, Support | None] = field(default_factory=dict)

    @property
    def judged(self) -> Judged:
        """The verdicts as the metrics take them."""
        return Judged(
            together=self.support,
            alone=tuple(self.alone.values()),
            without=tuple(self.without.values()),
            invalid=len(self.invalid),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredBrief:
    """A brief, scored. ``passages`` are the texts that its rows cite; ``verifier`` is what gated it, by its trace.

    ``missed`` are the texts of the nuggets that it does not state. ``unread`` counts judgements that could not be had.
    """

    id: str
    question: str
    status: CaseOutcome
    values: Values
    rows: tuple[SentenceScore, ...] = ()
    passages: Mapping[str, str] = field(default_factory=dict)
    missed: tuple[str, ...] = ()
    verifier: str = ""
    error: str = ""
    answerable: bool | None = None


def score_file(path: Path, judge: Judge, *, id_: str | None = None, case: Case | None = None) -> ScoredBrief:
    """The brief at ``path``, our JSON or anybody's Markdown whose source list names files that can be read.

    Raises:
        UsageError, ReadError: see :func:`rag.check.read_claims`.
    """
    found = read_claims(path)
    if found.raw:
        return score(found, judge, _listed(found), id_=id_ or path.stem, case=case)
    from rag.verify.verifier import default_verifier

    checker = Checker(brief=found, verifier=default_verifier(), directories=(path.resolve().parent, Path.cwd()))
    return score(found, judge, checker.passages, id_=id_ or path.stem, case=case)


def score(found: ParsedBrief, judge: Judge, resolve: Resolve, *, id_: str, case: Case | None = None) -> ScoredBrief:
    """See :func:`score_file`; ``resolve`` finds the passages."""
    counted = [claim for claim in found.claims if claim.where != DISAGREEMENTS]
    rows, passages = _judge(counted, judge, resolve)
    insufficient = found.raw.get("status") == "insufficient_evidence"
    values: dict[str, float | None] = dict.fromkeys(citations.KEYS)
    judged = [row.judged for row in rows]
    values |= {
        "uncited_rate": citations.uncited_rate(judged),
        "invalid_citation_rate": citations.invalid_citation_rate(judged),
        "citation_recall": citations.citation_recall(judged),
        "citation_precision": citations.citation_precision(judged),
        "citation_f1": citations.citation_f1(judged),
        "weighted_precision": citations.weighted_precision(judged),
        "weighted_recall": citations.weighted_recall(judged),
        "redundancy": citations.redundancy([row.text for row in rows]),
        "effective_citations": citations.effective_citations(
            [passages[cited].document_id for row in rows for cited in row.alone]
        ),
        **_spent(found.raw),
    }
    missed: list[str] = []
    if case is not None and case.answerable:
        stated = _stated(case, rows, judge)
        missed = [nugget.text for nugget, said in zip(case.nuggets, stated, strict=True) if not said]
        values["nugget_recall"] = citations.nugget_recall(stated)
        values["vital_recall"] = citations.vital_recall(
            stated, [nugget.importance == "vital" for nugget in case.nuggets]
        )
        values["evidence_recall"] = citations.evidence_recall(_retrieved(case, found))
        if insufficient:
            values |= dict.fromkeys(LOST, 0.0)
    return ScoredBrief(
        id=id_,
        question=str(found.raw.get("question", case.question if case else "")),
        status="insufficient_evidence" if insufficient else "answered",
        values=values,
        rows=tuple(rows),
        passages={cited: chunk.text for cited, chunk in passages.items()},
        missed=tuple(missed),
        verifier=str(found.raw.get("trace", {}).get("verifier", "")),
        answerable=case.answerable if case else None,
    )


def failed(id_: str, error: str, case: Case | None = None) -> ScoredBrief:
    """A run that gave no brief: it scores 0 in all that it was to show, unless there was nothing to answer."""
    values: dict[str, float | None] = dict.fromkeys(citations.KEYS)
    if case is None or case.answerable:
        lost = [key for key in (*LOST, "evidence_recall") if case or "nugget" not in key]
        values |= dict.fromkeys(lost, 0.0)
    return ScoredBrief(
        id=id_, question=case.question if case else "", status="failed", values=values, error=error,
        answerable=case.answerable if case else None,
    )  # fmt: skip


def _listed(found: ParsedBrief) -> Resolve:
    def resolve(cited: str, _: str) -> Sequence[Chunk] | None:
        source = found.sources.get(cited)
        return None if source is None or source.chunk is None else (source.chunk,)

    return resolve


def _judge(counted: Sequence[Claim], judge: Judge, resolve: Resolve) -> tuple[list[SentenceScore], dict[str, Chunk]]:
    """The rows, and the passages by what cites them; all pairs go to the judge at once."""
    passages: dict[str, Chunk] = {}
    asked: dict[tuple[str, tuple[str, ...]], tuple[str, tuple[Chunk, ...]]] = {}
    cited: list[dict[str, tuple[Chunk, ...] | None]] = []
    for claim in counted:
        found = {key: resolve(key, claim.text) for key in claim.citations}
        read = {key: None if chunks is None else tuple(chunks) for key, chunks in found.items()}
        cited.append(read)
        valid = {key: chunks for key, chunks in read.items() if chunks}
        passages |= {key: chunks[0] for key, chunks in valid.items()}
        for keys in _subsets(tuple(valid)):
            asked[claim.text, keys] = (claim.text, tuple(chunk for key in keys for chunk in valid[key]))
    verdicts = dict(zip(asked, judge.verify(list(asked.values())), strict=True))
    return [_row(claim, read, verdicts) for claim, read in zip(counted, cited, strict=True)], passages


def _subsets(keys: tuple[str, ...]) -> set[tuple[str, ...]]:
    """All of ``keys``, each alone, and all but each."""
    if not keys:
        return set()
    others = {tuple(other for other in keys if other != key) for key in keys}
    return {keys, *((key,) for key in keys), *others} - {()}


def _row(
    claim: Claim,
    read: Mapping[str, tuple[Chunk, ...] | None],
    verdicts: Mapping[tuple[str, tuple[str, ...]], Verdict],
) -> SentenceScore:
    invalid = tuple(key for key, chunks in read.items() if chunks is None)
    valid = tuple(key for key, chunks in read.items() if chunks)
    unread = tuple(key for key, chunks in read.items() if chunks == ())
    if valid:
        verdict = verdicts[claim.text, valid]
        support, points, reason = verdict.support, verdict.score, verdict.reason
    else:
        support, points = (None, 0.0) if unread else ("none", 0.0)
        reason = f"{', '.join(unread)} cannot be read" if unread else "cites nothing that its sources have"
    alone: dict[str, Support | None] = {key: verdicts[claim.text, (key,)].support for key in valid}
    without: dict[str, Support | None] = {}
    for key in valid:
        others = tuple(other for other in valid if other != key)
        without[key] = verdicts[claim.text, others].support if others else "none"
    nothing: dict[str, Support | None] = dict.fromkeys(unread)
    return SentenceScore(
        where=claim.where, text=claim.text, citations=claim.citations, invalid=invalid, support=support, score=points,
        reason=reason, alone=alone | nothing, without=without | nothing,
    )  # fmt: skip


def _stated(case: Case, rows: Sequence[SentenceScore], judge: Judge) -> list[bool]:
    sentences = [row.text for row in rows]
    if not sentences:
        return [False] * len(case.nuggets)
    return [verdict.support == "full" for verdict in judge.follows([(n.text, sentences) for n in case.nuggets])]


def _retrieved(case: Case, found: ParsedBrief) -> list[bool]:
    """For each nugget, whether a retrieved passage has one of its quotes."""
    chunks = [*(source.chunk for source in found.sources.values() if source.chunk), *found.spare]
    return [
        any(
            evidence.document_id == chunk.document_id and plain(evidence.quote) in plain(chunk.text)
            for evidence in nugget.support
            for chunk in chunks
        )
        for nugget in case.nuggets
        if nugget.support
    ]


def _spent(raw: Mapping[str, Any]) -> dict[str, float | None]:
    """What the brief says it took. The model's time is part of the writing's."""
    trace = raw.get("trace") or {}
    seconds = {stage: value for stage, value in (trace.get("seconds") or {}).items() if stage != "model"}
    tokens = trace.get("tokens") or {}
    return {
        "seconds": sum(seconds.values()) if seconds else None,
        "tokens": float(tokens.get("prompt", 0) + tokens.get("completion", 0)) if tokens else None,
        "cost": trace.get("cost"),
    }
