"""Examples in which the evidence was changed, so that a true claim turns false and its false twin true.

A claim that was corrupted by a program is false wherever it stands, and a model can learn to know it by its looks. Here
each claim comes with evidence that states it and with evidence that states its twin instead, so only the evidence
decides (Kaushik et al., 2020, "Learning the Difference that Makes a Difference with Counterfactually-Augmented Data").

Two values of a passage, such as two numbers, change places everywhere: both stay in the evidence, and only what they
are said of differs. Or one sentence of the passage is negated, or a word or number of it is replaced.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from rag.text import MONTHS, WEEKDAYS, content_stems, find_figures

from . import corrupt
from .copies import Change
from .examples import Example, twins
from .prose import Passage, Unit, refuted
from .written import WrittenPair

COMPARISON = re.compile(
    r"\b(?:more|less|fewer|most|least|than|both|same|equal|twice|half|double[ds]?|tripled?|total|sum|average|between)\b",
    re.IGNORECASE,
)
"""Words of claims that relate values to each other: such claims are left out where values change places."""

SWAPS = 2
"""Pairs of values that change places in a passage at the most."""
CLAIMS_PER_SWAP = 3
REVERSALS = 2
"""Sentences of a passage that are changed in its evidence at the most."""
NEGATED_SHARE = 0.5
"""Share of these of which negation is tried before the other changes."""
COPIES = 2
"""Sentences of a passage that are claims where values change places, beside the true claims on it."""
FEWEST_WORDS, MOST_WORDS = 5, 45
"""Length of a sentence that is changed."""
SHORT = 25
"""Words up to which the negation of a sentence denies what a claim that needs it says."""

_MONTH = re.compile(rf"\b(?:{'|'.join(MONTHS)})\b")
_WEEKDAY = re.compile(rf"\b(?:{'|'.join(WEEKDAYS)})\b")


def values_of(text: str) -> dict[str, str]:
    """Return the values of ``text`` that can change places: their words, and the kind that two of them must share."""
    found: dict[str, str] = {}
    for figure in find_figures(text):
        if figure.kind != "name":
            is_year = figure.kind == "plain" and re.fullmatch(r"1[5-9]\d\d|20\d\d", figure.words)
            found[figure.words] = "year" if is_year else f"{figure.kind} {figure.decimals > 0}"
    for pattern, kind in ((_MONTH, "month"), (_WEEKDAY, "weekday")):
        found |= {match.group(): kind for match in pattern.finditer(text)}
    for match in corrupt.NAME_PATTERN.finditer(text):
        words = re.sub(r"['’]s$", "", match.group())
        opens = match.start() == 0 or text[: match.start()].rstrip(' "“(')[-1:] in ".!?:\n"
        is_name = len(words) > 2 and "\n" not in words and bool(content_stems(words.split()[0]))
        if not opens and is_name and words not in MONTHS + WEEKDAYS:
            found[words] = f"name {len(words.split())} {words.isupper()}"
    return found


def exchanged(text: str, first: str, second: str) -> str:
    """Return ``text`` with two values in each other's places, as whole words."""
    other = {first: second, second: first}
    pattern = "|".join(re.escape(value) for value in sorted(other, key=len, reverse=True))
    return re.sub(rf"(?<![\w.,$€£-])(?:{pattern})(?![\w-]|[.,]\d)", lambda match: other[match.group()], text)


def has_value(text: str, value: str) -> bool:
    """Whether ``text`` has ``value`` as whole words."""
    return exchanged(text, value, "\0") != text


def _is_whole(value: str, text: str) -> bool:
    """Whether no capitalised word of ``value`` stands in ``text`` beside the value itself, as a surname may."""
    rest = exchanged(text, value, "\0")
    return not any(has_value(rest, word) for word in value.split() if word[0].isupper())


def exchanged_examples(evidence: str, claims: Sequence[str], source: str, rng: random.Random) -> Iterator[Example]:
    """Yield examples in which two values of ``evidence`` change places, in it or in true ``claims`` on it."""
    by_kind: defaultdict[str, list[str]] = defaultdict(list)
    for value, kind in values_of(evidence).items():
        by_kind[kind].append(value)
    plain = [claim for claim in claims if not COMPARISON.search(claim)]
    everything = "\n".join([evidence, *plain])
    pairs = []
    for values in by_kind.values():
        whole = [value for value in values if _is_whole(value, everything)]
        for first, second in combinations(whole, 2):
            if has_value(first, second) or has_value(second, first):
                continue
            touched = [claim for claim in plain if has_value(claim, first) != has_value(claim, second)]
            if touched:
                pairs.append((first, second, touched))
    for first, second, touched in rng.sample(pairs, min(SWAPS, len(pairs))):
        chosen = rng.sample(touched, min(CLAIMS_PER_SWAP, len(touched)))
        other = exchanged(evidence, first, second)
        changed = [exchanged(claim, first, second) for claim in chosen]
        kinds = ("values in place", "values exchanged")
        pairs_before = [each for old, new in zip(chosen, changed, strict=True) for each in twins(old, new, kinds)]
        pairs_after = [each for old, new in zip(chosen, changed, strict=True) for each in twins(new, old, kinds)]
        yield Example(evidence=evidence, claims=tuple(pairs_before), source=source)
        yield Example(evidence=other, claims=tuple(pairs_after), source=source)


_NO = re.compile(
    r"\b(there (?:is|are|was|were|will be)|ha[sd]|have|with|of|makes?|made|takes?|found|gives?|gave) no (?=[a-z])",
    re.IGNORECASE,
)
_WITHOUT_NO = re.compile(
    r"\b(there (?:is|are|was|were|will be)) (?:an? |some |several |many |any )?(?!no\b|not\b)(?=[a-z])", re.IGNORECASE
)


def negated(text: str, rng: random.Random) -> str | None:
    """Insert or remove a "not", "never" or "no"."""
    if found := list(_NO.finditer(text)):
        match = rng.choice(found)
        return text[: match.start()] + match.group(1) + " " + text[match.end() :]
    if (found := list(_WITHOUT_NO.finditer(text))) and rng.random() < 0.7:
        match = rng.choice(found)
        return text[: match.start()] + match.group(1) + " no " + text[match.end() :]
    return corrupt.negation(text, rng)


CHANGES: Mapping[str, Change] = {
    "negation": negated,
    "opposite": corrupt.opposite,
    "number": corrupt.number,
}
"""Changes after which a sentence no longer states what it stated, nor the other way round."""


def reversed_examples(passage: Passage, units: Sequence[Unit], rng: random.Random) -> Iterator[Example]:
    """Yield the passage with a sentence changed: the changed sentence is supported, the old one and claims on it not.

    Claims that need other sentences only keep their labels.
    """
    numbers = [at for at, each in enumerate(passage.sentences, 1) if FEWEST_WORDS <= len(each.split()) <= MOST_WORDS]
    for number in rng.sample(numbers, min(REVERSALS, len(numbers))):
        sentence = passage.sentences[number - 1]
        kind, changed = _changed(sentence, rng)
        if not changed:
            continue
        other = replace(passage, sentences=(*passage.sentences[: number - 1], changed, *passage.sentences[number:]))
        supported = [unit for unit in units if unit.claim.supported and unit.needs]
        claims = [*twins(changed, sentence, ("copy", f"{kind} in the evidence"))]
        if kind == "negation" and len(sentence.split()) <= SHORT:
            claims += [refuted(unit.claim, "evidence negated") for unit in supported if unit.needs == {number}][:2]
        claims += [claim for unit in supported if number not in unit.needs for claim in unit.claims()][:2]
        yield Example(evidence=passage.text(), claims=twins(sentence, changed, ("copy", kind)), source=passage.domain)
        yield Example(evidence=other.text(), claims=tuple(claims), source=passage.domain)


def _changed(sentence: str, rng: random.Random) -> tuple[str, str]:
    """Return the kind of a change and the changed sentence; negation is tried first half of the time."""
    kinds = rng.sample(sorted(CHANGES), len(CHANGES))
    for kind in ["negation", *kinds] if rng.random() < NEGATED_SHARE else kinds:
        changed = CHANGES[kind](sentence, rng)
        if changed is not None and changed != sentence:
            return kind, changed
    return "", ""


def all_exchanged(
    passages: Mapping[str, Passage],
    units: Mapping[str, Sequence[Unit]],
    written: Sequence[WrittenPair],
    rng: random.Random,
) -> Iterator[Example]:
    """Yield :func:`exchanged_examples` of each passage with its ``units``, and of the evidence of ``written`` pairs."""
    for key, passage in passages.items():
        supported = [unit.claim.text for unit in units.get(key, ()) if unit.claim.supported]
        copied = rng.sample(passage.sentences, min(COPIES, len(passage.sentences)))
        yield from exchanged_examples(passage.text(), [*supported, *copied], passage.domain, rng)
    by_evidence: defaultdict[str, list[WrittenPair]] = defaultdict(list)
    for pair in written:
        by_evidence[pair.evidence].append(pair)
    for evidence, pairs in by_evidence.items():
        yield from exchanged_examples(evidence, [pair.claims[0].text for pair in pairs], pairs[0].collection, rng)


def all_reversed(
    passages: Mapping[str, Passage], units: Mapping[str, Sequence[Unit]], rng: random.Random
) -> Iterator[Example]:
    """Yield :func:`reversed_examples` of each passage with its ``units``."""
    for key, passage in passages.items():
        yield from reversed_examples(passage, units.get(key, ()), rng)
