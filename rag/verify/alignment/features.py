"""What the alignment model looks at: how similar each token of a sentence is to the nearest one of the evidence.

Each token of the sentence takes its most similar token in the evidence (ColBERT's MaxSim, arXiv:2004.12832). The
features are the distribution of those maxima, over the whole evidence, over its best sentence and over its best two,
and where they are weakest. Beside them stand plain word matches and the facts of ``rag/verify/alignment/facts.py``.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from rag.embedding.tokens import Encoded, Floats, Ints
from rag.verify.alignment.facts import FACTS, facts

_GROUPS = (
    # Best matches of the claim's tokens, last layer: mean weighted by rarity, quantiles, share below a bar; plain mean.
    "high_mean high_median high_p25 high_p10 high_min high_second high_below_50 high_below_65 high_below_80",
    "high_all_mean",
    # The same in the fourth layer, where a vector is still near its word.
    "low_mean low_median low_p25 low_p10 low_min low_below_50 low_below_70",
    # The best sentence, two neighbours, the best two; the pooled cosines; the best sentence's tokens looked up
    # in the claim.
    "best_sentence best_pair best_two pair_gain all_gain best_sentence_min best_two_min best_sentence_low runner_up",
    "sentence_cosine window_cosine passage_cosine reverse_high reverse_low",
    # The weakest stretch of the claim: five content words in a row, three, and a whole clause.
    "high_five high_three low_five low_three best_two_five clause_weakest clause_covered_weakest",
    # The same words: how many, in the same order, and in the same sense.
    "covered covered_plain covered_best covered_two bigrams longest_run same_word_high same_word_high_min",
    "same_word_low missing_high missing_low order spread",
    " ".join(FACTS),
    "log_claim log_evidence log_sentences clauses",
)
NAMES = tuple(" ".join(_GROUPS).split())
"""The features, in the order of :func:`features`."""

_CLAUSE = re.compile(r"[,;:.!?–—](?=\s)|\b(?:and|while|but|which|who|where)\b")
_JOINT = re.compile(r"[,;:]| and | while | but | which ")


def features(claim: Encoded, evidence: Encoded, idf: Floats) -> Floats:  # noqa: PLR0915 (a list of definitions)
    """The features ``NAMES`` of one pair, float32. Both texts must have at least one token.

    ``idf`` weighs each word piece of the vocabulary; 0 marks stop words and punctuation.
    """
    weights = rarity(claim.ids, idf)
    content = weights > 0
    total = float(weights.sum())
    high, low = claim.high @ evidence.high.T, claim.low @ evidence.low.T
    best_high, best_low = high.max(1), low.max(1)
    f: dict[str, float | np.floating] = {}

    for layer, best, bars in (("high", best_high, (0.5, 0.65, 0.8)), ("low", best_low, (0.5, 0.7))):
        values, used = best[content], weights[content]
        f[f"{layer}_mean"] = used @ values / total
        f[f"{layer}_median"], f[f"{layer}_p25"], f[f"{layer}_p10"] = _quantiles(values, used)
        f[f"{layer}_min"] = values.min()
        for bar in bars:
            f[f"{layer}_below_{bar * 100:.0f}"] = used[values < bar].sum() / total
        f[f"{layer}_five"], f[f"{layer}_three"] = _weakest(values, 5), _weakest(values, 3)
    f["high_second"] = np.sort(best_high[content])[:2][-1]
    f["high_all_mean"] = best_high.mean()

    # One column a sentence: the best match of each claim token within it.
    starts = sentence_starts(evidence)
    ends = np.append(starts[1:], len(evidence.ids))
    by_sentence = np.maximum.reduceat(high, starts, axis=1)
    scores = weights @ by_sentence / total
    first = int(scores.argmax())
    with_first = weights @ np.maximum(by_sentence, by_sentence[:, [first]]) / total
    second = int(with_first.argmax())
    neighbours = np.maximum(by_sentence[:, 1:], by_sentence[:, :-1]) if len(starts) > 1 else by_sentence
    two = np.maximum(by_sentence[:, first], by_sentence[:, second])
    f["best_sentence"], f["best_two"] = scores[first], with_first[second]
    f["best_pair"] = (weights @ neighbours).max() / total
    f["pair_gain"], f["all_gain"] = with_first[second] - scores[first], f["high_mean"] - scores[first]
    f["best_sentence_min"], f["best_two_min"] = by_sentence[content, first].min(), two[content].min()
    f["best_sentence_low"] = (weights @ np.maximum.reduceat(low, starts, axis=1)).max() / total
    f["runner_up"] = np.sort(scores)[-2] if len(scores) > 1 else 0.0
    f["best_two_five"] = _weakest(two[content], 5)

    sums = np.add.reduceat(evidence.high, starts, axis=0)
    pooled = claim.high.sum(0) / np.linalg.norm(claim.high.sum(0))
    f["sentence_cosine"] = _cosine(sums, pooled)
    f["window_cosine"] = _cosine(sums[1:] + sums[:-1] if len(sums) > 1 else sums, pooled)
    f["passage_cosine"] = _cosine(sums.sum(0, keepdims=True), pooled)
    span, other = slice(int(starts[first]), int(ends[first])), slice(int(starts[second]), int(ends[second]))
    back = idf[evidence.ids[span]]
    f["reverse_high"] = back @ high[:, span].max(0) / max(float(back.sum()), 1e-6)
    f["reverse_low"] = back @ low[:, span].max(0) / max(float(back.sum()), 1e-6)

    same = claim.ids[:, None] == evidence.ids[None, :]
    found, found_first = same.any(1), same[:, span].any(1)
    f["covered"], f["covered_plain"] = weights @ found / total, found[content].mean()
    f["covered_best"] = weights @ found_first / total
    f["covered_two"] = weights @ (found_first | same[:, other].any(1)) / total
    clause = _clauses(claim)
    f["clause_weakest"] = _weakest_clause(best_high, weights, clause)
    f["clause_covered_weakest"] = _weakest_clause(found.astype(np.float32), weights, clause)
    f["bigrams"] = (same[:-1, :-1] & same[1:, 1:]).any(1).mean() if len(claim.ids) > 1 else 0.0
    f["longest_run"] = _longest_run(same) / len(claim.ids)
    matched, missing = found & content, ~found & content
    same_high, same_low = np.where(same, high, -1.0).max(1), np.where(same, low, -1.0).max(1)
    f["same_word_high"] = same_high[matched].mean() if matched.any() else 0.0
    f["same_word_high_min"] = same_high[matched].min() if matched.any() else 0.0
    f["same_word_low"] = same_low[matched].mean() if matched.any() else 0.0
    f["missing_high"] = best_high[missing].mean() if missing.any() else 1.0
    f["missing_low"] = best_low[missing].mean() if missing.any() else 1.0
    steps = np.diff(high.argmax(1)[content])
    f["order"] = (steps > 0).mean() if len(steps) else 1.0
    f["spread"] = np.log1p(np.median(np.abs(steps))) if len(steps) else 0.0

    best_text = evidence.text[int(evidence.starts[span][0]) : int(evidence.ends[span][-1])]
    f |= dict(zip(FACTS, facts(claim.text, evidence.text, best_text), strict=True))
    f["log_claim"], f["log_evidence"], f["log_sentences"] = np.log([len(claim.ids), len(evidence.ids), len(starts)])
    f["clauses"] = len(_JOINT.findall(claim.text))
    return np.array([f[name] for name in NAMES], np.float32)


def rarity(ids: Ints, idf: Floats) -> Floats:
    """Weight of each token; all 1 where the text has nothing but stop words."""
    weights = idf[ids]
    return weights if weights.any() else np.ones(len(ids), np.float32)


def sentence_starts(text: Encoded) -> npt.NDArray[np.intp]:
    """The first token of each sentence."""
    return np.flatnonzero(np.diff(text.sentence, prepend=-1))


def relevant(claim: Encoded, evidence: Encoded, idf: Floats, limit: int = 160) -> Ints:
    """Positions of the evidence's tokens in the sentences that bear most on the claim, at most ``limit``, in order."""
    if len(evidence.ids) <= limit:
        return np.arange(len(evidence.ids), dtype=np.int32)
    starts = sentence_starts(evidence)
    ends = np.append(starts[1:], len(evidence.ids))
    scores = rarity(claim.ids, idf) @ np.maximum.reduceat(claim.high @ evidence.high.T, starts, axis=1)
    kept: list[int] = []
    room = limit
    for s in np.argsort(-scores):
        if not kept or ends[s] - starts[s] <= room:
            kept.append(int(s))
            room -= int(ends[s] - starts[s])
    return np.concatenate([np.arange(starts[s], ends[s], dtype=np.int32) for s in sorted(kept)])[:limit]


def _quantiles(values: Floats, weights: Floats) -> list[float]:
    """Weighted median, lower quartile and lowest decile."""
    order = np.argsort(values)
    heap = np.cumsum(weights[order])
    at = np.searchsorted(heap, np.array([0.5, 0.25, 0.10]) * heap[-1])
    return [float(values[order[min(int(i), len(order) - 1)]]) for i in at]


def _cosine(sums: Floats, unit: Floats) -> np.floating:
    """The best cosine of ``unit`` with a row of ``sums``."""
    best: np.floating = ((sums @ unit) / np.linalg.norm(sums, axis=1)).max()
    return best


def _weakest(values: Floats, width: int) -> float:
    """Lowest mean of ``width`` values in a row."""
    if len(values) <= width:
        return float(values.mean())
    sums = np.cumsum(np.concatenate(([0.0], values)))
    return float((sums[width:] - sums[:-width]).min() / width)


def _clauses(claim: Encoded) -> npt.NDArray[np.intp]:
    """Number of the clause of each token: clauses end at punctuation, and before *and*, *while*, *but*, *which*,
    *who*."""
    cuts = [match.start() for match in _CLAUSE.finditer(claim.text)]
    return np.searchsorted(cuts, claim.starts, side="right")


def _weakest_clause(values: Floats, weights: Floats, clause: npt.NDArray[np.intp]) -> float:
    """Lowest weighted mean of a clause of at least two content words; of the whole where there is none."""
    size = np.bincount(clause, weights > 0)
    mean = np.bincount(clause, weights * values) / np.maximum(np.bincount(clause, weights), 1e-6)
    return float(mean[size >= 2].min()) if (size >= 2).any() else float(weights @ values / weights.sum())


def _longest_run(same: npt.NDArray[np.bool_]) -> int:
    """Length of the longest run of tokens that claim and evidence share, in tokens."""
    longest = 0
    row = np.zeros(same.shape[1], np.int32)
    for line in same:
        row = np.where(line, np.concatenate(([0], row[:-1])) + 1, 0)
        longest = max(longest, int(row.max()))
    return longest
