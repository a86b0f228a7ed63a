"""What the support model looks at: token alignments, and facts that vectors blur.

Each token of the sentence finds its most similar token in the evidence (ColBERT's MaxSim, arXiv:2004.12832); the features
are the distribution of those maxima, over the whole evidence, over its best sentence and over its best two. Beside them
stand the facts that embeddings miss: numbers, names and negations of the sentence that the evidence does not have.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from rag.support_encoding import Encoded, Floats

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
    if value > 1
} | {"first": "1", "second": "2", "third": "3", "fourth": "4", "fifth": "5"}
_NEGATIONS = frozenset(
    [
        "not",
        "no",
        "never",
        "none",
        "neither",
        "nor",
        "nothing",
        "nobody",
        "without",
        "n't",
        "cannot",
        "denied",
        "deny",
        "denies",
        "refused",
        "failed",
        "fails",
        "fail",
        "unable",
        "lack",
        "lacks",
        "lacked",
        "unlikely",
        "hardly",
        "false",
    ]
)
_ABSOLUTES = frozenset(
    [
        "all",
        "only",
        "always",
        "every",
        "first",
        "most",
        "never",
        "none",
        "entirely",
        "solely",
        "must",
        "proves",
        "sole",
        "exclusively",
    ]
)
_HEDGES = frozenset(
    [
        "may",
        "might",
        "could",
        "can",
        "perhaps",
        "possibly",
        "likely",
        "some",
        "several",
        "many",
        "suggests",
        "reportedly",
        "allegedly",
        "probably",
    ]
)
STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "in",
        "on",
        "at",
        "to",
        "for",
        "from",
        "by",
        "with",
        "and",
        "or",
        "but",
        "as",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "am",
        "it",
        "its",
        "this",
        "that",
        "these",
        "those",
        "he",
        "she",
        "they",
        "his",
        "her",
        "their",
        "him",
        "them",
        "i",
        "we",
        "you",
        "my",
        "our",
        "your",
        "who",
        "whom",
        "whose",
        "which",
        "what",
        "where",
        "when",
        "how",
        "why",
        "do",
        "does",
        "did",
        "has",
        "have",
        "had",
        "will",
        "would",
        "can",
        "could",
        "may",
        "might",
        "shall",
        "should",
        "must",
        "there",
        "here",
        "than",
        "then",
        "so",
        "if",
        "into",
        "onto",
        "over",
        "under",
        "about",
        "after",
        "before",
        "between",
        "during",
        "through",
        "up",
        "down",
        "out",
        "off",
        "again",
        "also",
        "just",
        "very",
        "too",
        "such",
        "own",
        "same",
        "other",
        "s",
        "t",
        "d",
        "ll",
        "m",
        "re",
        "ve",
    ]
)

NAMES = (
    # claim tokens against all evidence tokens, last layer: weighted by rarity, then plain
    "high_mean", "high_median", "high_p25", "high_p10", "high_min", "high_second", "high_below_50", "high_below_65", "high_below_80",
    "high_all_mean",
    # the same, fourth layer, where a vector is still near its word
    "low_mean", "low_median", "low_p25", "low_p10", "low_min", "low_below_50", "low_below_70",
    # sentence windows
    "best_sentence", "best_pair", "best_two", "pair_gain", "all_gain", "best_sentence_min", "best_two_min", "best_sentence_low",
    "runner_up", "sentence_cosine", "window_cosine", "passage_cosine", "reverse_high", "reverse_low",
    # the weakest stretch of the claim: five content words in a row, three, and a whole clause
    "high_five", "high_three", "low_five", "low_three", "best_two_five", "clause_weakest", "clause_covered_weakest",
    # words
    "covered", "covered_plain", "covered_best", "covered_two", "bigrams", "longest_run", "same_word_high", "same_word_high_min",
    "same_word_low", "missing_high", "missing_low", "order", "spread",
    # facts
    "numbers", "numbers_missing", "numbers_missing_best", "any_number_missing", "names", "names_missing", "names_missing_share",
    "names_missing_best", "negated", "negated_best", "negation_differs", "negation_extra", "absolutes_new", "hedges_lost", "first_person",
    # size
    "log_claim", "log_evidence", "log_sentences", "clauses",
)  # fmt: skip


def rarity(ids: npt.NDArray[np.int32], idf: Floats) -> Floats:
    """Weight of each token: its inverse document frequency; 0 for stop words and punctuation (``idf`` says so)."""
    weights = idf[ids]
    return weights if weights.any() else np.ones(len(ids), np.float32)


def _quantiles(values: Floats, weights: Floats) -> list[float]:
    order = np.argsort(values)
    heap = np.cumsum(weights[order])
    at = np.searchsorted(heap, np.array([0.5, 0.25, 0.10]) * heap[-1])
    return [float(values[order[min(int(i), len(order) - 1)]]) for i in at]


def features(claim: Encoded, evidence: Encoded, idf: Floats) -> Floats:
    """The features ``NAMES`` of one pair, float32. Both texts must have at least one token."""
    weights = rarity(claim.ids, idf)
    content = weights > 0
    total = float(weights.sum())
    high = claim.high @ evidence.high.T
    low = claim.low @ evidence.low.T
    best_high, best_low = high.max(1), low.max(1)
    out: list[float] = []

    values, used = best_high[content], weights[content]
    ordered = np.sort(values)
    out += [
        float(used @ values) / total,
        *_quantiles(values, used),
        float(ordered[0]),
        float(ordered[min(1, len(ordered) - 1)]),
    ]
    out += [float(used[values < bar].sum()) / total for bar in (0.5, 0.65, 0.8)]
    out.append(float(best_high.mean()))
    values = best_low[content]
    out += [float(used @ values) / total, *_quantiles(values, used), float(values.min())]
    out += [float(used[values < bar].sum()) / total for bar in (0.5, 0.7)]

    # One column a sentence: the best match of each claim token within it.
    starts = np.flatnonzero(np.diff(evidence.sentence, prepend=-1))
    by_sentence = np.maximum.reduceat(high, starts, axis=1)
    by_sentence_low = np.maximum.reduceat(low, starts, axis=1)
    scores = weights @ by_sentence / total
    best = int(scores.argmax())
    with_best = weights @ np.maximum(by_sentence, by_sentence[:, [best]]) / total
    second = int(with_best.argmax())
    pair = (
        scores.max()
        if len(starts) < 2
        else (weights @ np.maximum(by_sentence[:, 1:], by_sentence[:, :-1])).max() / total
    )
    two = np.maximum(by_sentence[:, best], by_sentence[:, second])
    low_scores = weights @ by_sentence_low / total
    out += [
        float(scores[best]), float(pair), float(with_best[second]), float(with_best[second] - scores[best]), out[0] - float(scores[best]),
        float(by_sentence[content, best].min()), float(two[content].min()), float(low_scores.max()),
        float(np.sort(scores)[-2]) if len(scores) > 1 else 0.0,
    ]  # fmt: skip

    sums = np.add.reduceat(evidence.high, starts, axis=0)
    claim_sum = claim.high.sum(0)
    claim_sum /= np.linalg.norm(claim_sum)
    windows = sums[1:] + sums[:-1] if len(sums) > 1 else sums
    out += [
        float(((s @ claim_sum) / np.linalg.norm(s, axis=1)).max()) for s in (sums, windows, sums.sum(0, keepdims=True))
    ]
    span = slice(int(starts[best]), int(starts[best + 1]) if best + 1 < len(starts) else len(evidence.ids))
    reverse = idf[evidence.ids[span]]
    reverse_total = max(float(reverse.sum()), 1e-6)
    out += [float(reverse @ high[:, span].max(0)) / reverse_total, float(reverse @ low[:, span].max(0)) / reverse_total]

    same = claim.ids[:, None] == evidence.ids[None, :]
    found = same.any(1)
    found_best = same[:, span].any(1)
    span_second = slice(int(starts[second]), int(starts[second + 1]) if second + 1 < len(starts) else len(evidence.ids))
    found_two = found_best | same[:, span_second].any(1)
    out += [
        float(weights @ found) / total,
        float(found[content].mean()),
        float(weights @ found_best) / total,
        float(weights @ found_two) / total,
    ]
    clause = _clauses(claim)
    out[-4:-4] = [
        _weakest(best_high[content], 5), _weakest(best_high[content], 3), _weakest(best_low[content], 5), _weakest(best_low[content], 3),
        _weakest(two[content], 5), _weakest_clause(best_high, weights, clause), _weakest_clause(found.astype(np.float32), weights, clause),
    ]  # fmt: skip
    runs = same[:-1, :-1] & same[1:, 1:]
    out.append(float(runs.any(1).mean()) if len(claim.ids) > 1 else 0.0)
    out.append(_longest_run(same) / len(claim.ids))
    matched, unmatched = found & content, ~found & content
    same_high, same_low = np.where(same, high, -1.0).max(1), np.where(same, low, -1.0).max(1)
    out += (
        [float(same_high[matched].mean()), float(same_high[matched].min()), float(same_low[matched].mean())]
        if matched.any()
        else [0.0, 0.0, 0.0]
    )
    out += [float(best_high[unmatched].mean()), float(best_low[unmatched].mean())] if unmatched.any() else [1.0, 1.0]
    places = high.argmax(1)[content]
    steps = np.diff(places)
    out += [
        float((steps > 0).mean()) if len(steps) else 1.0,
        float(np.log1p(np.median(np.abs(steps)))) if len(steps) else 0.0,
    ]

    out += _facts(
        claim.text, evidence.text, evidence.text[int(evidence.starts[span][0]) : int(evidence.ends[span][-1])]
    )
    out += [float(np.log(len(claim.ids))), float(np.log(len(evidence.ids))), float(np.log(len(starts)))]
    out.append(float(len(re.findall(r"[,;:]| and | while | but | which ", claim.text))))
    return np.array(out, np.float32)


def _weakest(values: Floats, width: int) -> float:
    """Lowest mean of ``width`` values in a row."""
    if len(values) <= width:
        return float(values.mean())
    sums = np.cumsum(np.concatenate(([0.0], values)))
    return float((sums[width:] - sums[:-width]).min() / width)


def _clauses(claim: Encoded) -> npt.NDArray[np.intp]:
    """Number of the clause of each token: clauses end at punctuation, and before *and*, *while*, *but*, *which*, *who*."""
    cuts = [
        match.start() for match in re.finditer(r"[,;:.!?–—](?=\s)|\b(?:and|while|but|which|who|where)\b", claim.text)
    ]
    return np.searchsorted(cuts, claim.starts, side="right")


def _weakest_clause(values: Floats, weights: Floats, clause: npt.NDArray[np.intp]) -> float:
    """Lowest weighted mean of a clause of at least two content words; of the whole where there is none."""
    size = np.bincount(clause, weights > 0)
    weight = np.bincount(clause, weights)
    mean = np.bincount(clause, weights * values) / np.maximum(weight, 1e-6)
    return float(mean[size >= 2].min()) if (size >= 2).any() else float(weights @ values / weights.sum())


def relevant(claim: Encoded, evidence: Encoded, idf: Floats, limit: int = 160) -> npt.NDArray[np.int32]:
    """Positions of the evidence's tokens in the sentences that bear most on the claim, at most ``limit`` of them, in order."""
    if len(evidence.ids) <= limit:
        return np.arange(len(evidence.ids), dtype=np.int32)
    weights = rarity(claim.ids, idf)
    starts = np.flatnonzero(np.diff(evidence.sentence, prepend=-1))
    ends = np.append(starts[1:], len(evidence.ids))
    scores = weights @ np.maximum.reduceat(claim.high @ evidence.high.T, starts, axis=1)
    kept: list[int] = []
    room = limit
    for s in np.argsort(-scores):
        if not kept or ends[s] - starts[s] <= room:
            kept.append(int(s))
            room -= int(ends[s] - starts[s])
    return np.concatenate([np.arange(starts[s], ends[s], dtype=np.int32) for s in sorted(kept)])[:limit]


def _longest_run(same: npt.NDArray[np.bool_]) -> int:
    """Length of the longest run of tokens that claim and evidence share, in tokens."""
    longest = 0
    row = np.zeros(same.shape[1], np.int32)
    for line in same:
        shifted = np.concatenate(([0], row[:-1]))
        row = np.where(line, shifted + 1, 0)
        longest = max(longest, int(row.max()))
    return longest


def numbers(text: str) -> set[str]:
    """The numbers of a text, written one way: ``1,000`` and ``1000``, ``two`` and ``2`` are the same."""
    found = {match.replace(",", "").rstrip(".") for match in _NUMBER.findall(text)}
    return found | {_NUMBER_WORDS[word] for word in _WORD.findall(text.lower()) if word in _NUMBER_WORDS}


def _words(text: str) -> set[str]:
    return {word.lower().removesuffix("'s").removesuffix("’s") for word in _WORD.findall(text)}


def names(text: str) -> set[str]:
    """Words that look like parts of names: capitals that do not only open a sentence, in lower case."""
    found = set()
    for match in _WORD.finditer(text):
        word = match.group()
        before = text[: match.start()].rstrip(" \"“'(‘")
        opens = not before or before[-1] in ".!?:\n"
        if word[0].isupper() and word.lower() not in STOP_WORDS and (not opens or (word.isupper() and len(word) > 1)):
            found.add(word.lower().removesuffix("'s").removesuffix("’s"))
    return found


def _facts(claim: str, evidence: str, sentence: str) -> list[float]:
    """Numbers, names and turns of the claim that the evidence, or its best sentence, does not have."""
    claim_numbers, evidence_numbers = numbers(claim), numbers(evidence)
    missing = claim_numbers - evidence_numbers
    missing_best = claim_numbers - numbers(sentence)
    claim_words, evidence_words, sentence_words = _words(claim), _words(evidence), _words(sentence)
    claim_names = names(claim)
    strangers = claim_names - evidence_words
    negated, negated_best = _negations(claim), _negations(sentence)
    return [
        float(len(claim_numbers)), len(missing) / max(1, len(claim_numbers)), len(missing_best) / max(1, len(claim_numbers)), float(bool(missing)),
        float(len(claim_names)), float(len(strangers)), len(strangers) / max(1, len(claim_names)),
        len(claim_names - sentence_words) / max(1, len(claim_names)),
        float(negated > 0), float(negated_best > 0), float((negated > 0) != (negated_best > 0)), float(negated > 0 and not _negations(evidence)),
        float(len((claim_words & _ABSOLUTES) - evidence_words)), float(len((sentence_words & _HEDGES) - claim_words)),
        float(bool({"i", "my", "me", "i'm"} & claim_words)),
    ]  # fmt: skip


def _negations(text: str) -> int:
    return sum(word in _NEGATIONS or word.endswith(("n't", "n’t")) for word in _WORD.findall(text.lower()))
