"""Headings of sections: choose one from the documents, and check one that a model wrote."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from rag.text import CALENDAR, find_dates
from rag.types import Chunk
from rag.verify.facts import findings, missing
from rag.writing.evidence import EvidenceSentence

_ENUMERATOR = re.compile(r"^(?:(?:[ivxlc]+|[a-z]|\d+(?:\.\d+)*)[.)]\s+)+", re.IGNORECASE)
"""The number or letter before a heading of a document, which has no meaning in a brief."""

_GENERIC_HEADINGS = frozenset(
    (
        "analysis|overview|background|introduction|summary|conclusion|conclusions|factual background|executive summary"
        "|executive summary to volume i|executive summary to volume ii|application|public records"
        "|appendix|notes|discussion|results|general|legal framework|preface|foreword|contents|abstract|other"
    ).split("|")
)
"""Headings that any document may have: they do not say what a section is about."""

_NAME_WITHIN = re.compile(r"(?<=[a-z,;] )[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)*")
"""A name that does not open its sentence."""

_TITLE_WORDS = frozenset(
    "President Senator Representative Judge Director Secretary Congress Campaign Office Committee".split()
)
"""Words for a person or body that do not say which one."""

_FULL_NAME = re.compile(r"\b[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)+")
"""A name of at least two words."""

_SHORT_YEARS = re.compile(r"\b(1\d|20)(\d\d)([–/]|-(?=1[3-9]|[2-9]\d))(\d\d)\b(?![-/])")
"""A span of years whose second one is shortened: "1931–32", "2007/08". Behind a hyphen it is no month.

All of 39 such headings of official statistics and of 20 places in a history are years; of three in a report with legal
citations none is (pages, the number of an opinion), which a heading of a brief does not have.
"""

_WORD = r"[^\W\d_][\w-]*"
_NAME_WORD_WITHIN = re.compile(r"(?<=[a-z,;] )[A-Z][\w-]*")
"""A capitalised word that does not open its sentence."""

_HEADING_MARKS = " \t.,:;#*_\"'“”‘’–-"
"""Characters at either end of a heading that are no part of it."""

MAX_HEADING_WORDS = 12
"""Largest number of words of a heading that a large model wrote."""

MIN_LONG_WORD, MIN_CASED_WORDS = 4, 3
"""Letters from which title case capitalises a word, and number of such words that shows title case."""


def headings_from_documents(groups: Sequence[Sequence[EvidenceSentence]]) -> list[str]:
    """Return a heading for each of ``groups``, no two alike: what the documents call its subject, or names it shares.

    The heading closest above most of its sentences comes first, then those further up. A heading that any document may
    have ("Analysis", "Overview") is not used if there is another, nor is a document's title, which says too little.
    """
    taken: set[str] = set()
    headings = []
    for group in groups:
        candidates = _heading_candidates(group)
        heading = next(
            (name for name in candidates if name and name.casefold() not in taken),
            f"{candidates[0]} ({len(taken) + 1})",
        )
        taken.add(heading.casefold())
        headings.append(heading)
    return headings


def heading_of_passages(passages: Iterable[Chunk], taken: Sequence[str]) -> str:
    """Return the heading that the documents of ``passages`` give them, with a number if it is ``taken``."""
    whole = [EvidenceSentence(text=chunk.text, chunk=chunk, start=0, end=len(chunk.text)) for chunk in passages]
    [heading] = headings_from_documents([whole])
    return f"{heading} ({len(taken) + 1})" if taken_heading_fault(heading, taken) else heading


def clean_heading(heading: str, texts: Sequence[str]) -> str:
    """Return ``heading`` without enumerator, markup and final punctuation.

    A heading in capitals gets small letters except where ``texts`` have capitals inside a sentence.
    """
    plain = _ENUMERATOR.sub("", " ".join(heading.split()).strip(_HEADING_MARKS)).strip(_HEADING_MARKS)
    if plain.isupper() and len(re.findall(_WORD, plain)) > 1:
        plain = _in_sentence_case(plain, texts)
    return plain[:1].upper() + plain[1:]


def _is_title_case(heading: str) -> bool:
    long_words = [word for word in re.findall(_WORD, heading) if len(word) >= MIN_LONG_WORD]
    return len(long_words) >= MIN_CASED_WORDS and all(word[0].isupper() for word in long_words)


def _in_sentence_case(heading: str, texts: Sequence[str]) -> str:
    """Return ``heading`` in small letters except where ``texts`` have capitals inside a sentence."""
    names = {name.casefold(): name for text in texts for name in _NAME_WORD_WITHIN.findall(text)}
    starts = {name[:5] for name in names if len(name) > 4}  # "Russian" where the texts have "Russia"

    def recased(match: re.Match[str]) -> str:
        word = match[0].lower()
        return names.get(word) or (word.capitalize() if word[:5] in starts else word)

    return re.sub(_WORD, recased, heading)


def heading_fault(heading: str, evidence: Sequence[str], taken: Sequence[str]) -> str | None:
    """Return why a section may not have ``heading``, or None.

    A heading has no citation, so its names, places, numbers and dates have to stand in the ``evidence``: the section's
    passages, with their titles and headings. Its other words are the writer's own.

    Args:
        heading: a cleaned heading.
        evidence: the passages, each with its title and headings.
        taken: the headings of the other sections.
    """
    if not 1 <= len(heading.split()) <= MAX_HEADING_WORDS:
        return f"is not 1 to {MAX_HEADING_WORDS} words"
    cased = _in_sentence_case(heading, evidence) if _is_title_case(heading) else heading
    if absent := _absent_names_and_figures(_SHORT_YEARS.sub(r"\1\2\3\1\4", cased), evidence):
        return f"names {', '.join(absent)}, which the section does not"
    return taken_heading_fault(heading, taken)


def taken_heading_fault(heading: str, taken: Sequence[str]) -> str | None:
    """Return which heading in ``taken`` is the same as ``heading`` but for case and punctuation, or None."""
    words = re.findall(r"\w+", heading.casefold())
    for other in taken:
        if re.findall(r"\w+", other.casefold()) == words:
            return f"is the heading of another section: {other!r}"
    return None


def _absent_names_and_figures(heading: str, evidence: Sequence[str]) -> list[str]:
    """Return the names, dates and numbers of ``heading`` that ``evidence`` does not have.

    Digits have to stand there; a number in words may be a count ("Three failed talks").
    """
    found = findings(heading, evidence)
    names = [each.words for each in found if each.rule in {"name", "full name"}]
    opening = re.match(r"([A-Z][\w-]+)['’]s? ", heading)  # a capital alone does not make the first word a name
    if opening and findings(f"of {opening[1]}", evidence):
        names.insert(0, opening[1])
    literal = [
        words for words in missing(heading, evidence) if re.search(r"\d", words) or any(find_dates(f"of {words}"))
    ]
    in_words = [each.words for each in found if each.rule == "number" and not re.search(r"\d", each.words)]
    return list(dict.fromkeys([*names, *literal, *in_words]))


def _heading_candidates(group: Sequence[EvidenceSentence]) -> list[str]:
    """Return possible headings of ``group``, best first; some may be empty."""
    paths = [[_ENUMERATOR.sub("", part) for part in sentence.chunk.heading_path] for sentence in group]
    own = [
        name
        for up in range(1, max(map(len, paths)) + 1)
        for name, _ in Counter(path[-up] for path in paths if len(path) >= up).most_common()
    ]
    titles = [sentence.chunk.title for sentence in group if sentence.chunk.title]
    specific = [name for name in own if name.casefold() not in _GENERIC_HEADINGS and name not in titles]
    lowest = Counter(path[-1] for path in paths if path and path[-1] in specific).most_common(1)
    if lowest and 2 * lowest[0][1] <= len(group):  # no heading covers more than half of the sentences
        _, best = max(zip(group, paths, strict=True), key=lambda each: each[0].relevance)
        specific = [*(part for part in best[:-2:-1] if part in specific), *specific]
    names = [name for name in [" and ".join(_shared_names(group)), *_full_names(group)] if name]
    return [
        *specific,
        # Where another section has the heading: what this one adds to it.
        *(f"{heading}: {name}" for heading in specific[:1] for name in names if name not in heading),
        *(name for name in names if " " in name),
        *titles,
        *own,
        "What the documents say",
    ]


def _shared_names(group: Sequence[EvidenceSentence]) -> list[str]:
    """Return the one or two names that most sentences of ``group`` have; each occurs in at least two of them."""
    found = [
        {match.group() for match in _NAME_WITHIN.finditer(sentence.text)} - _TITLE_WORDS - CALENDAR
        for sentence in group
    ]
    counts = Counter(name for names in found for name in names)
    return sorted((name for name, count in counts.items() if count > 1), key=lambda name: (-counts[name], name))[:2]


def _full_names(group: Sequence[EvidenceSentence]) -> list[str]:
    """Return the first full name of each sentence of ``group``."""
    return [match.group() for sentence in group if (match := _FULL_NAME.search(sentence.text))]
