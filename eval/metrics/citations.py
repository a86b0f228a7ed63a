"""Metrics of a brief, as pure functions over plain values.

Each function returns a number, or None where its denominator is zero: the metric is then *unscored*, not 0.
A verdict of None means that the judge gave none. What depends on it is left out, in the numerator and the denominator;
the scorecard counts such sentences, and a threshold does not hold where they are many.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rag.types import Support

SUPPORT_GRADE: Mapping[Support, float] = {"full": 1.0, "partial": 0.5, "none": 0.0}
"""Weights of the support grades in TREC RAG's support evaluation."""

HIGHER_IS_BETTER = {
    "citation_recall", "citation_precision", "citation_f1", "weighted_precision", "weighted_recall", "nugget_recall",
    "vital_recall", "evidence_recall", "abstention_precision", "abstention_recall", "effective_citations",
}  # fmt: skip
"""Metrics where a higher value is better. Lower is better for all others: ``uncited_rate``, ``invalid_citation_rate``,
``redundancy``, ``seconds``, ``tokens`` and ``cost``."""

METRICS = (
    "uncited_rate", "invalid_citation_rate", "citation_recall", "citation_precision", "citation_f1",
    "weighted_precision", "weighted_recall", "nugget_recall", "vital_recall", "evidence_recall",
    "abstention_precision", "abstention_recall", "redundancy", "effective_citations", "seconds", "tokens", "cost",
)  # fmt: skip
"""All metrics in display order."""

OF_VERDICTS = frozenset(
    {"citation_recall", "citation_precision", "citation_f1", "weighted_precision", "weighted_recall"}
)
"""Metrics that leave out sentences without a verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedSentence:
    """A judge's verdicts on one sentence.

    ``support`` is the verdict on all valid citations, ``alone[i]`` on valid citation i alone and ``without[i]`` on all
    valid citations except i. ``invalid`` counts citations that are missing from the brief's sources; these have no
    entry in ``alone`` and ``without``.
    """

    support: Support | None = None
    alone: tuple[Support | None, ...] = ()
    without: tuple[Support | None, ...] = ()
    invalid: int = 0

    @property
    def citations(self) -> int:
        """Number of citations of the sentence, valid or not."""
        return len(self.alone) + self.invalid


def uncited_rate(sentences: Sequence[JudgedSentence]) -> float | None:
    """Return the share of sentences without a citation (cf. Liu et al., "Evaluating Verifiability", EMNLP 2023)."""
    return _share(sum(not sentence.citations for sentence in sentences), len(sentences))


def invalid_citation_rate(sentences: Sequence[JudgedSentence]) -> float | None:
    """Return the share of citations that refer to nothing that was retrieved, such as an invented source.

    Counted per reference, as Walters & Wilder (Scientific Reports, 2023) count fabricated references.
    """
    return _share(sum(s.invalid for s in sentences), sum(s.citations for s in sentences))


def citation_recall(sentences: Sequence[JudgedSentence]) -> float | None:
    """Return the share of sentences that their citations jointly support in full (ALCE: Gao et al., EMNLP 2023)."""
    verdicts = [sentence.support for sentence in sentences if sentence.support is not None]
    return _share(verdicts.count("full"), len(verdicts))


def citation_precision(sentences: Sequence[JudgedSentence]) -> float | None:
    """Return the share of citations that are needed (ALCE: Gao et al., EMNLP 2023).

    A citation counts if its sentence is fully supported, unless it does not support the sentence alone and the other
    citations support it without this one. An invalid citation never counts. None if there are no citations.
    """
    marks = [
        _is_needed(alone, without) if sentence.support == "full" else False
        for sentence in sentences
        if sentence.support is not None
        for alone, without in zip(sentence.alone, sentence.without, strict=True)
    ]
    known = [mark for mark in marks if mark is not None]
    return _share(sum(known), len(known) + sum(sentence.invalid for sentence in sentences))


def citation_f1(sentences: Sequence[JudgedSentence]) -> float | None:
    """Return the harmonic mean of citation recall and precision (ALCE: Gao et al., EMNLP 2023)."""
    return harmonic_mean(citation_recall(sentences), citation_precision(sentences))


def weighted_precision(sentences: Sequence[JudgedSentence]) -> float | None:
    """Return the mean grade of citations, each judged alone: full 1, partial ½, none and invalid 0.

    TREC RAG's support evaluation (Thakur et al., "Support Evaluation for the TREC 2024 RAG Track", 2025), here over
    all citations of a sentence; the track judged only the first.
    """
    grades = [SUPPORT_GRADE[alone] for sentence in sentences for alone in sentence.alone if alone is not None]
    return _share(sum(grades), len(grades) + sum(sentence.invalid for sentence in sentences))


def weighted_recall(sentences: Sequence[JudgedSentence]) -> float | None:
    """Return the mean grade of sentences by all their citations, 0 without any (TREC RAG: Thakur et al., 2025)."""
    grades = [SUPPORT_GRADE[sentence.support] for sentence in sentences if sentence.support is not None]
    return _share(sum(grades), len(grades))


def nugget_recall(stated: Sequence[bool | None]) -> float | None:
    """Return the share of nuggets that the brief states (strict "all" score, Pradeep et al., TREC 2024 RAG nuggets)."""
    known = [is_stated for is_stated in stated if is_stated is not None]
    return _share(sum(known), len(known))


def vital_recall(stated: Sequence[bool | None], vital: Sequence[bool]) -> float | None:
    """Return the share of vital nuggets that the brief states (strict "vital" score, Pradeep et al., 2024)."""
    return nugget_recall([is_stated for is_stated, is_vital in zip(stated, vital, strict=True) if is_vital])


def evidence_recall(retrieved: Sequence[bool]) -> float | None:
    """Return the share of nuggets with a supporting quote among the retrieved passages.

    This is the recall of the search (Cleverdon, "The Cranfield tests", 1967), an upper bound on what a writer can
    state.
    """
    return _share(sum(retrieved), len(retrieved))


def abstention_precision(abstained: Sequence[bool], answerable: Sequence[bool]) -> float | None:
    """Return the share of declined questions that have no answer (Wen et al., "Know Your Limits", TACL 2025)."""
    declined = [not has_answer for declines, has_answer in zip(abstained, answerable, strict=True) if declines]
    return _share(sum(declined), len(declined))


def abstention_recall(abstained: Sequence[bool], answerable: Sequence[bool]) -> float | None:
    """Return the share of questions without an answer that were declined (Wen et al., TACL 2025)."""
    unanswerable = [declines for declines, has_answer in zip(abstained, answerable, strict=True) if not has_answer]
    return _share(sum(unanswerable), len(unanswerable))


def redundancy(texts: Sequence[str], n: int = 4) -> float | None:
    """Return the share of word ``n``-grams that repeat an earlier one (seq-rep-4: Welleck et al., ICLR 2020)."""
    grams = [tuple(words[i : i + n]) for words in (t.lower().split() for t in texts) for i in range(len(words) - n + 1)]
    return _share(len(grams) - len(set(grams)), len(grams))


def effective_citations(documents: Collection[str]) -> float | None:
    """Return the effective number of cited documents: exp of the entropy of the citations over documents.

    The Hill number of order 1 (Hill, Ecology 1973): ten citations of one document give 1, of ten documents 10.
    ``documents`` has one document id for each citation.
    """
    counts = Counter(documents)
    total = counts.total()
    if not total:
        return None
    return math.exp(-sum(n / total * math.log(n / total) for n in counts.values()))


def harmonic_mean(recall: float | None, precision: float | None) -> float | None:
    """Return the harmonic mean: 0 if either value is 0, None if recall is unscored."""
    if recall is None:
        return None
    if not recall or not precision:
        return 0.0
    return 2 * recall * precision / (recall + precision)


def _is_needed(alone: Support | None, without: Support | None) -> bool | None:
    """Return whether a citation of a supported sentence is needed; None if the judge did not say enough to tell."""
    if alone == "full" or without in ("partial", "none"):
        return True
    return None if alone is None or without is None else False


def _share(part: float, whole: int) -> float | None:
    return part / whole if whole else None
