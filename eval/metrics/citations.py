"""The metrics, as pure functions over plain values. Read one, and you have read them all.

A value is a number, or None where there is nothing that it could be the share of: that is *unscored*, not zero.
A judgement that is None could not be made; it counts as no support, so that a judge that fails does not flatter.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rag.types import Support

GRADE = {"full": 1.0, "partial": 0.5, "none": 0.0, None: 0.0}
"""What a support grade is worth in TREC RAG's support evaluation."""

HIGHER = {
    "citation_recall", "citation_precision", "citation_f1", "weighted_precision", "weighted_recall", "nugget_recall",
    "vital_recall", "evidence_recall", "abstention_precision", "abstention_recall", "effective_citations",
}  # fmt: skip
"""Metrics of which more is better. Of ``uncited_rate``, ``invalid_citation_rate`` and ``redundancy``, and of
``seconds``, ``tokens`` and ``cost``, less is."""

KEYS = (
    "uncited_rate", "invalid_citation_rate", "citation_recall", "citation_precision", "citation_f1",
    "weighted_precision", "weighted_recall", "nugget_recall", "vital_recall", "evidence_recall",
    "abstention_precision", "abstention_recall", "redundancy", "effective_citations", "seconds", "tokens", "cost",
)  # fmt: skip
"""Every metric, in the order in which they are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A sentence and what a judge said of it.

    ``together`` is its support by all valid citations; ``alone[i]`` by citation i, ``without[i]`` by all others.
    ``invalid`` counts citations of something that the brief's sources do not have; they are not among the others.
    """

    together: Support | None = None
    alone: tuple[Support | None, ...] = ()
    without: tuple[Support | None, ...] = ()
    invalid: int = 0

    @property
    def citations(self) -> int:
        """How many citations the sentence has, valid or not."""
        return len(self.alone) + self.invalid


def uncited_rate(sentences: Sequence[Judged]) -> float | None:
    """The share of sentences without any citation (cf. Liu et al., "Evaluating Verifiability", EMNLP 2023)."""
    return _share(sum(not sentence.citations for sentence in sentences), len(sentences))


def invalid_citation_rate(sentences: Sequence[Judged]) -> float | None:
    """The share of citations that name nothing that was retrieved, as a made-up source does.

    Counted per reference, as fabricated ones are by Walters & Wilder (Scientific Reports, 2023).
    """
    return _share(sum(s.invalid for s in sentences), sum(s.citations for s in sentences))


def citation_recall(sentences: Sequence[Judged]) -> float | None:
    """The share of sentences that their citations together support fully (ALCE: Gao et al., EMNLP 2023)."""
    return _share(sum(sentence.together == "full" for sentence in sentences), len(sentences))


def citation_precision(sentences: Sequence[Judged]) -> float | None:
    """The share of citations that are needed (ALCE: Gao et al., EMNLP 2023).

    A citation counts where its sentence is fully supported, unless it does not support it alone and the others do
    without it. An invalid citation never counts. None where nothing is cited.
    """
    needed = sum(
        not (alone != "full" and without == "full")
        for sentence in sentences
        if sentence.together == "full"
        for alone, without in zip(sentence.alone, sentence.without, strict=True)
    )
    return _share(needed, sum(sentence.citations for sentence in sentences))


def citation_f1(sentences: Sequence[Judged]) -> float | None:
    """The harmonic mean of :func:`citation_recall` and :func:`citation_precision` (ALCE: Gao et al., EMNLP 2023)."""
    return harmonic(citation_recall(sentences), citation_precision(sentences))


def weighted_precision(sentences: Sequence[Judged]) -> float | None:
    """The mean grade of citations, each judged alone: full 1, partial ½, none and invalid 0.

    TREC RAG's support evaluation (Thakur et al., "Support Evaluation for the TREC 2024 RAG Track", 2025), over all
    citations of a sentence where the track judged the first.
    """
    grades = [GRADE[alone] for sentence in sentences for alone in sentence.alone]
    return _share(sum(grades), sum(sentence.citations for sentence in sentences))


def weighted_recall(sentences: Sequence[Judged]) -> float | None:
    """The mean grade of sentences by their citations together, 0 without any (TREC RAG: Thakur et al., 2025)."""
    return _share(sum(GRADE[sentence.together] for sentence in sentences), len(sentences))


def nugget_recall(stated: Sequence[bool]) -> float | None:
    """The share of nuggets that the brief states (strict "all" score of Pradeep et al., TREC 2024 RAG nuggets)."""
    return _share(sum(stated), len(stated))


def vital_recall(stated: Sequence[bool], vital: Sequence[bool]) -> float | None:
    """The share of vital nuggets that the brief states (strict "vital" score of Pradeep et al., 2024)."""
    return nugget_recall([said for said, counts in zip(stated, vital, strict=True) if counts])


def evidence_recall(retrieved: Sequence[bool]) -> float | None:
    """The share of nuggets of which the retrieved passages have a stating quote: recall of the search (Cleverdon,
    "The Cranfield tests", 1967), which bounds what any writer can state."""
    return _share(sum(retrieved), len(retrieved))


def abstention_precision(abstained: Sequence[bool], answerable: Sequence[bool]) -> float | None:
    """Of the questions that were declined, the share that has no answer (Wen et al., "Know Your Limits", TACL 2025)."""
    declined = [not can for said_no, can in zip(abstained, answerable, strict=True) if said_no]
    return _share(sum(declined), len(declined))


def abstention_recall(abstained: Sequence[bool], answerable: Sequence[bool]) -> float | None:
    """Of the questions without an answer, the share that was declined (Wen et al., TACL 2025)."""
    hopeless = [said_no for said_no, can in zip(abstained, answerable, strict=True) if not can]
    return _share(sum(hopeless), len(hopeless))


def redundancy(texts: Sequence[str], n: int = 4) -> float | None:
    """The share of ``n``-grams of words that stood in the text before (seq-rep-4: Welleck et al., ICLR 2020)."""
    grams = [tuple(words[i : i + n]) for words in (t.lower().split() for t in texts) for i in range(len(words) - n + 1)]
    return _share(len(grams) - len(set(grams)), len(grams))


def effective_citations(documents: Collection[str]) -> float | None:
    """How many documents carry the brief: the exponential of the entropy of its citations over documents.

    The Hill number of order 1 (Hill, Ecology 1973): ten citations of one document are 1, of ten documents 10.
    """
    counts = Counter(documents)
    total = counts.total()
    if not total:
        return None
    return math.exp(-sum(n / total * math.log(n / total) for n in counts.values()))


def harmonic(recall: float | None, precision: float | None) -> float | None:
    """The harmonic mean; 0 where either is, None where recall is unscored."""
    if recall is None:
        return None
    if not recall or not precision:
        return 0.0
    return 2 * recall * precision / (recall + precision)


def _share(part: float, whole: int) -> float | None:
    return part / whole if whole else None
