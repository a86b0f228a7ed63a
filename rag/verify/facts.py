"""Numbers, dates and names of a sentence that its evidence neither gives nor lets a reader derive.

They are words for a verdict's reason. A rule refuses a sentence by itself only if it is right in 95 of 100 cases in
which it fires. Measured by ``eval/training/verifier/measure_facts.py`` on 7,906 claims written by hand over 28 kinds of
text, half of them fully supported: rules were tuned on every second kind (4,162 claims), the figures are of the others
(3,744). "Elsewhere" are SummEdits, FactCG, WiCE and BEGIN (11,247 pairs, 4,270 fully supported).

================ ====== ========= ======= =====================
rule             fires  precision recall  precision elsewhere
================ ====== ========= ======= =====================
**full name**    1      1.00      .0005   .98 (366 of 373)
money            7      .71       .0027   1.00 (85 of 85)
percentage       0                        1.00 (24 of 24)
large number     2      .50       .0005   .98 (46 of 47)
year             0                        .93 (97 of 104)
number           61     .52       .0171   .88 (141 of 161)
full date        0                        .73 (60 of 82)
date             3      .67       .0011   .82 (81 of 99)
name             93     .52       .0256   .89 (1,042 of 1,169)
before: number   498    .51       .1357   .91 (1,005 of 1,110)
before: date     4      .50       .0011   .78 (140 of 180)
before: name     113    .51       .0310   .88 (1,491 of 1,700)
before: denial   19     .58       .0059
before: reserve  19     .58       .0059
================ ====== ========= ======= =====================

The rule in bold refuses: it is right wherever it fires in the prose, if only twice, and holds elsewhere. "Money" and
"large number" hold elsewhere only. On the tuning half these three and "year" fire once each and rightly.
The rules "before" compared words and derived nothing; denial and reserve compared a "not" or a hedge of the sentence
with the passage sentences that it rests on. A wrong number of these claims is mostly another number of its passage,
which no rule of this kind can see.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import floor, log10
from typing import Literal

from rag.text import (
    CALENDAR,
    Figure,
    date_matches,
    find_dates,
    find_figures,
    find_names,
    find_numbers,
    name_forms,
    name_words,
)

Rule = Literal["money", "percentage", "large number", "year", "number", "full date", "date", "full name", "name"]
"""What is missing. A "large number" has decimals or exceeds the years; a "full date" has day, month and year; of a
"full name" two words that follow each other are missing."""

VETOING_RULES: frozenset[Rule] = frozenset({"full name"})
"""The rules that refuse a sentence."""

MAX_KNOWN_NUMBERS, MAX_KNOWN_NUMBERS_OF_THREE = 60, 25
"""Count of the evidence's numbers from which one or two, and three, may give a number of the sentence."""

_YEAR = re.compile(r"(?<!\d)(1[5-9]|20)\d\d(?!\d)")
_FACTORS = (2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 12.0, 24.0, 30.0, 52.0, 60.0, 100.0, 365.0, 1000.0)
"""Factors between units of time, length and money, and those of words such as "twice" and "a tenth"."""

_WITHIN_NAME = re.compile(r"(?: of(?: the)?| for)? ")
_CAPITALISED = re.compile(r"\b[A-Z][\w’'-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A fact of a sentence that its evidence does not give: the rule that found it, and its words."""

    rule: Rule
    words: str


def findings(sentence: str, texts: Sequence[str], contexts: Sequence[str] = ()) -> list[Finding]:
    """Return the facts of ``sentence`` that the evidence neither states nor lets one derive.

    Args:
        sentence: the sentence.
        texts: the passages.
        contexts: titles and headings, of these passages or of others in the brief's evidence; they give names and
            dates like the passages.
    """
    evidence = "\n".join((*texts, *contexts))
    rest = sentence
    found: list[Finding] = []
    known_dates = [date for date, _ in find_dates(evidence)]
    for date, words in find_dates(sentence):
        rest = rest.replace(words, " " * len(words), 1)
        if re.search(r"\bmay$|^\d+ may\b", words) or any(date_matches(date, other) for other in known_dates):
            continue
        found.append(Finding(rule="full date" if None not in date else "date", words=words))
    known = _values(evidence)
    figures = list(find_figures(rest))
    found += [
        Finding(rule=_rule(figure), words=figure.words.strip())
        for figure in figures
        if figure.kind != "name" and not _derivable(figure.value, figure.decimals, known)
    ]
    in_figures = {figure.words for figure in figures}
    found += [
        Finding(rule="number", words=words)
        for value, words in find_numbers(rest)
        if words not in in_figures and not _derivable(value, 0, known)
    ]
    return [*found, *_missing_names(rest, evidence)]


def vetoes(sentence: str, texts: Sequence[str], contexts: Sequence[str] = ()) -> list[str]:
    """Return the facts of ``sentence`` for whose absence it is refused, whatever a model says. See the module."""
    return [each.words for each in findings(sentence, texts, contexts) if each.rule in VETOING_RULES]


def suspicions(sentence: str, texts: Sequence[str], contexts: Sequence[str] = ()) -> list[str]:
    """Return the facts of ``sentence`` that are missing but no reason to refuse it: words for a verdict's reason."""
    return [each.words for each in findings(sentence, texts, contexts) if each.rule not in VETOING_RULES]


def missing(sentence: str, evidence: Iterable[str]) -> list[str]:
    """Return the numbers, dates and names of ``sentence``, as they stand in it, that no text of ``evidence`` has.

    "2 November 2015" has "November 2015" and the "2010s", "$8,000,000" has "8 million", and a name is had by each of
    its words. Nothing else is derived: this suits sentences and headings that keep to the words of their sources.
    """
    texts = list(evidence)
    known_dates = [date for text in texts for date, _ in find_dates(text)]
    rest, absent = sentence, []
    for date, words in find_dates(sentence):
        rest = rest.replace(words, " " * len(words), 1)
        if not any(date_matches(date, other) for other in known_dates):
            absent.append(words)
    known_numbers = {number for text in texts for number, _ in find_numbers(text)}
    decades = {int(year[0]) // 10 * 10 for text in texts for year in _YEAR.finditer(text)}
    absent += [
        words
        for number, words in find_numbers(rest)
        if number not in known_numbers and not (words.endswith("s") and number in decades)
    ]
    known_words = {word for text in texts for word in name_words(text)}
    absent += [name for name in find_names(rest) if not name_forms(name.lower()) & known_words]
    return absent


def _rule(figure: Figure) -> Rule:
    if figure.kind == "money":
        return "money"
    if figure.kind == "percent":
        return "percentage"
    if figure.decimals or figure.value > 2100:
        return "large number"
    if figure.kind == "plain" and 1500 <= figure.value <= 2100 and figure.words.strip().isdigit():
        return "year"
    return "number"


def _values(text: str) -> list[float]:
    """Return the values of all numbers of ``text``, those in dates and names included."""
    values = [value for value, _ in find_numbers(text)]
    values += [float(digits) for digits in re.findall(r"\d+(?:\.\d+)?", text)]
    values += [float(part) for date, _ in find_dates(text) for part in date if part]
    return list(dict.fromkeys(values))


def _derivable(value: float, decimals: int, known: Sequence[float]) -> bool:
    """Whether ``value`` is, or rounds, a number of ``known`` or what sums, differences or shares of them give."""
    if any(_rounds_to(number, value, decimals) for number in known):
        return True
    return any(_rounds_to(result, value, decimals) for result in _results(sorted(known[:MAX_KNOWN_NUMBERS])))


def _results(known: Sequence[float]) -> Iterator[float]:
    """Yield what one to three numbers of ``known`` give: converted, added, subtracted, multiplied or divided."""
    for a in known:
        yield 100 - a
        for factor in _FACTORS:
            yield a * factor
            yield a / factor
    for a, b in combinations(known, 2):
        yield from (a + b, b - a, b - a + 1, b - a - 1, a * b)
        for low, high in ((a, b), (b, a)):
            if high:
                yield from (low / high, 100 * low / high, 100 * (low - high) / high)
    for a, b, c in combinations(known[:MAX_KNOWN_NUMBERS_OF_THREE], 3):
        yield from (a + b + c, c - a - b, c + a - b, c + b - a)


def _rounds_to(result: float, value: float, decimals: int) -> bool:
    """Whether ``value`` is ``result`` rounded to as many decimals, or to one to four significant digits."""
    result = abs(result)
    if result == 0 or not 0.5 < (value or 1) / result < 2:
        return result == value
    places = [decimals, *(digits - 1 - floor(log10(result)) for digits in (1, 2, 3, 4))]
    return any(abs(round(result, place) - value) < 1e-6 * max(1.0, value) for place in places)


def _missing_names(sentence: str, evidence: str) -> list[Finding]:
    """Return the names of ``sentence`` that no word, word stem or abbreviation of ``evidence`` gives.

    A word that opens a sentence is left out: its capital does not show whether it is a name.
    """
    known = name_words(evidence)
    starts = {word[:4] for word in known}
    initials = "".join(word[0] for word in re.findall(r"\b[A-Za-z][\w’'-]*", evidence)).upper()
    abbreviations = " ".join(re.findall(r"\b[A-Z]{2,}\b", evidence.replace(".", "")))
    runs: list[list[re.Match[str]]] = []
    for match in _CAPITALISED.finditer(sentence):
        word = match.group()
        before = sentence[: match.start()].rstrip(" “\"'‘(")
        opens = not before or before.endswith((".", "!", "?", ":"))
        letters = re.sub(r"[^A-Z]", "", word)
        abbreviated = len(letters) > 1 and letters in initials
        given = name_forms(word.lower()) & known or word.lower()[:4] in starts or abbreviated
        if opens or word in CALENDAR or len(word) < 2 or given:
            continue
        if runs and _WITHIN_NAME.fullmatch(sentence[runs[-1][-1].end() : match.start()]):
            runs[-1].append(match)
        else:
            runs.append([match])
    found = []
    for run in runs:
        if len(run) > 1 and "".join(match.group()[0] for match in run) in abbreviations:
            continue
        adjacent = any(a.end() + 1 == b.start() for a, b in pairwise(run))
        words = sentence[run[0].start() : run[-1].end()]
        found.append(Finding(rule="full name" if adjacent else "name", words=words))
    return found
