"""Score a brief: obtain a judge's verdict on each sentence and compute the metrics of the brief.

Only the sentences, their citations and the passages of the brief's source list are read. What the brief says about its
own support is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rag.check import DISAGREEMENT_PART, ParsedBrief, read_claims
from rag.check.checker import Checker
from rag.types import Chunk, Claim, Support, Verdict

from ..judges.judge import Judge
from ..metrics import citations
from ..metrics.citations import JudgedSentence
from .cases import Case, collapse_whitespace

CaseOutcome = Literal["answered", "insufficient_evidence", "failed"]
MetricValues = Mapping[str, float | None]
"""Metric → its value, None if unscored."""

ResolveCitation = Callable[[str, str], Sequence[Chunk] | None]
"""(citation, sentence) → the cited passages: empty if they cannot be read, None if the source is unknown."""

ZERO_IF_UNANSWERED = (
    "citation_recall", "citation_precision", "citation_f1", "weighted_precision", "weighted_recall", "nugget_recall",
    "vital_recall",
)  # fmt: skip
"""Metrics that are 0 for an answerable question without an answer; ``evidence_recall`` is 0 too if the run failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceScore:
    """A sentence and the judge's verdicts on its passages.

    ``support`` is the verdict on all valid citations, ``alone[c]`` on citation c alone and ``without[c]`` on all valid
    citations except c. ``invalid`` are the citations that are missing from the brief's sources.
    """

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
    def judged(self) -> JudgedSentence:
        """The verdicts in the form that the metrics take."""
        return JudgedSentence(
            support=self.support,
            alone=tuple(self.alone.values()),
            without=tuple(self.without.values()),
            invalid=len(self.invalid),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredBrief:
    """The score of a brief.

    ``passages`` are the cited texts by citation, ``missed`` the texts of the nuggets that the brief does not state, and
    ``verifier`` is the verifier named in its trace.
    """

    id: str
    question: str
    status: CaseOutcome
    values: MetricValues
    rows: tuple[SentenceScore, ...] = ()
    passages: Mapping[str, str] = field(default_factory=dict)
    missed: tuple[str, ...] = ()
    verifier: str = ""
    error: str = ""
    answerable: bool | None = None


def score_brief_file(path: Path, judge: Judge, *, id_: str | None = None, case: Case | None = None) -> ScoredBrief:
    """Score the brief at ``path``: citebrief's JSON, or Markdown of any origin whose source list names readable files.

    Args:
        path: the file of the brief.
        judge: gives the verdicts.
        id_: id of the brief, by default the stem of ``path``.
        case: the case that the brief answers; without it the nugget metrics are unscored.

    Raises:
        UsageError, ReadError: see :func:`rag.check.read_claims`.
    """
    found = read_claims(path)
    if found.raw:
        return score_brief(found, judge, _resolver_of(found), id_=id_ or path.stem, case=case)
    from rag.verify import default_verifier

    checker = Checker(brief=found, verifier=default_verifier(), directories=(path.resolve().parent, Path.cwd()))
    return score_brief(found, judge, checker.passages, id_=id_ or path.stem, case=case)


def score_brief(
    found: ParsedBrief, judge: Judge, resolve: ResolveCitation, *, id_: str, case: Case | None = None
) -> ScoredBrief:
    """Score a parsed brief as :func:`score_brief_file` does; ``resolve`` finds the cited passages."""
    counted = [claim for claim in found.claims if claim.where != DISAGREEMENT_PART]
    rows, passages = _judge(counted, judge, resolve)
    insufficient = found.raw.get("status") == "insufficient_evidence"
    values: dict[str, float | None] = dict.fromkeys(citations.METRICS)
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
        missed = [nugget.text for nugget, is_stated in zip(case.nuggets, stated, strict=True) if is_stated is False]
        values["nugget_recall"] = citations.nugget_recall(stated)
        values["vital_recall"] = citations.vital_recall(
            stated, [nugget.importance == "vital" for nugget in case.nuggets]
        )
        values["evidence_recall"] = citations.evidence_recall(_retrieved(case, found))
        if insufficient:
            values |= dict.fromkeys(ZERO_IF_UNANSWERED, 0.0)
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


def failed_brief(id_: str, error: str, case: Case | None = None) -> ScoredBrief:
    """Score a question without a brief: 0 in the metrics that an answer has, unless the case is not answerable."""
    values: dict[str, float | None] = dict.fromkeys(citations.METRICS)
    if case is None or case.answerable:
        zero = [key for key in (*ZERO_IF_UNANSWERED, "evidence_recall") if case or "nugget" not in key]
        values |= dict.fromkeys(zero, 0.0)
    return ScoredBrief(
        id=id_, question=case.question if case else "", status="failed", values=values, error=error,
        answerable=case.answerable if case else None,
    )  # fmt: skip


def _resolver_of(found: ParsedBrief) -> ResolveCitation:
    """Resolve citations by the passages that the JSON of a brief carries."""

    def resolve(cited: str, _: str) -> Sequence[Chunk] | None:
        source = found.sources.get(cited)
        return None if source is None or source.chunk is None else (source.chunk,)

    return resolve


def _judge(
    counted: Sequence[Claim], judge: Judge, resolve: ResolveCitation
) -> tuple[list[SentenceScore], dict[str, Chunk]]:
    """Judge all claims in one call of the judge; return their scores and the cited passages by citation."""
    passages: dict[str, Chunk] = {}
    pairs: dict[tuple[str, tuple[str, ...]], tuple[str, tuple[Chunk, ...]]] = {}
    cited: list[dict[str, tuple[Chunk, ...] | None]] = []
    for claim in counted:
        found = {key: resolve(key, claim.text) for key in claim.citations}
        read = {key: None if chunks is None else tuple(chunks) for key, chunks in found.items()}
        cited.append(read)
        valid = {key: chunks for key, chunks in read.items() if chunks}
        passages |= {key: chunks[0] for key, chunks in valid.items()}
        for keys in _subsets(tuple(valid)):
            pairs[claim.text, keys] = (claim.text, tuple(chunk for key in keys for chunk in valid[key]))
    verdicts = dict(zip(pairs, judge.verify(list(pairs.values())), strict=True))
    return [_sentence_score(claim, read, verdicts) for claim, read in zip(counted, cited, strict=True)], passages


def _subsets(keys: tuple[str, ...]) -> set[tuple[str, ...]]:
    """Return the sets of citations to judge: all of ``keys``, each key alone, and all except each key."""
    if not keys:
        return set()
    others = {tuple(other for other in keys if other != key) for key in keys}
    return {keys, *((key,) for key in keys), *others} - {()}


def _sentence_score(
    claim: Claim,
    read: Mapping[str, tuple[Chunk, ...] | None],
    verdicts: Mapping[tuple[str, tuple[str, ...]], Verdict],
) -> SentenceScore:
    invalid = tuple(key for key, chunks in read.items() if chunks is None)
    valid = tuple(key for key, chunks in read.items() if chunks)
    unread = tuple(key for key, chunks in read.items() if chunks == ())
    if valid:
        verdict = verdicts[claim.text, valid]
        support, value, reason = verdict.support, verdict.score, verdict.reason
    else:
        support, value = "none", 0.0
        nearest = f"{', '.join(unread)} shares no word with it, or cannot be read"
        reason = nearest if unread else "cites nothing that its sources have"
    alone: dict[str, Support | None] = {key: verdicts[claim.text, (key,)].support for key in valid}
    without: dict[str, Support | None] = {}
    for key in valid:
        others = tuple(other for other in valid if other != key)
        without[key] = verdicts[claim.text, others].support if others else "none"
    unsupported: dict[str, Support | None] = dict.fromkeys(unread, "none")
    return SentenceScore(
        where=claim.where, text=claim.text, citations=claim.citations, invalid=invalid, support=support, score=value,
        reason=reason, alone=alone | unsupported, without=without | unsupported,
    )  # fmt: skip


def _stated(case: Case, rows: Sequence[SentenceScore], judge: Judge) -> list[bool | None]:
    """Judge for each nugget whether it follows from the sentences of the brief; None without a verdict."""
    sentences = [row.text for row in rows]
    if not sentences:
        return [False] * len(case.nuggets)
    verdicts = judge.verify([(nugget.text, sentences) for nugget in case.nuggets])
    return [None if verdict.support is None else verdict.support == "full" for verdict in verdicts]


def _retrieved(case: Case, found: ParsedBrief) -> list[bool]:
    """Tell for each nugget with quotes whether a retrieved passage contains one of them."""
    chunks = [*(listed.chunk for listed in found.sources.values() if listed.chunk), *found.spare]
    return [
        any(
            source.document_id == chunk.document_id
            and collapse_whitespace(source.quote) in collapse_whitespace(chunk.text)
            for source in nugget.support
            for chunk in chunks
        )
        for nugget in case.nuggets
        if nugget.support
    ]


def _spent(raw: Mapping[str, Any]) -> dict[str, float | None]:
    """Read time, tokens and cost from the trace. The stage "model" is left out, being part of the stage "write"."""
    trace = raw.get("trace") or {}
    seconds = {stage: value for stage, value in (trace.get("seconds") or {}).items() if stage != "model"}
    tokens = trace.get("tokens") or {}
    return {
        "seconds": sum(seconds.values()) if seconds else None,
        "tokens": float(tokens.get("prompt", 0) + tokens.get("completion", 0)) if tokens else None,
        "cost": trace.get("cost"),
    }
