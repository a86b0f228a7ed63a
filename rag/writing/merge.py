"""Does a merged sentence say what its source sentences say, and nothing else?

A small model that is asked to make one sentence of two mostly concatenates them. Where it fails, it moves a name, a
date or a speaker from one source to the other, and the result still has all the right words. So the words must also
be in the right places: the merged sentence has to divide into one part per source, and each part has to follow its
source in the source's order without leaving anything out. The comparison is the longest common subsequence of ROUGE-L
(Lin, 2004), applied to each part.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import permutations

from rag.text import FUNCTION_WORDS, stem
from rag.verify.facts import missing
from rag.writing.standalone import refers_to_authors

_RELATION_WORDS = frozenset(
    (
        "because therefore thus hence consequently despite although though due leading resulting causing resulted "
        "caused led after before following subsequently later then until since response result however instead "
        "nevertheless"
    ).split()
)
"""Words that relate one source to the other. Unless a source has them, they are a claim of the model's own."""

_ASSERTION_WORDS = frozenset(
    (
        "not no never none nor neither cannot without denied deny allegedly alleged reportedly reported may might "
        "could would said says told stated testified claimed according admitted assessed concluded found believed "
        "suggested proposed planned attempted tried offered considered discussed only partly again also too well"
    ).split()
)
"""Words that decide what is asserted and by whom: a merged sentence may neither lose nor add one."""

_QUALIFIED_FIGURE = re.compile(
    r"\b(by|before|after|since|until|around|about|approximately|nearly|almost|over|under|up to|at least|at most"
    r"|more than|less than|fewer than)"
    r"(?: (?:the|early|late|mid|mid-))? ?((?:[A-Z][a-z]+ )?[$\d][\w,.]*)"
)

_PAST_PERFECT = re.compile(r"\bhad\b")
_JOINER = re.compile(r"\b(?:and|while|but)\b|;")
"""What joins two statements. Without it ("called him an officer, met him in New York") they become one statement."""

_DURING = re.compile(r"\bwhile \w+ing\b")
_PRONOUN = re.compile(r"\b(?:he|she|they|him|her|his|them|their)\b", re.IGNORECASE)

MIN_KEPT_SHARE = 0.8
"""Share of a source's words, without its asides, that the merged sentence has to keep."""

MIN_SOURCE_SHARE = 0.9
"""Share of the words of a part of the merged sentence that have to come from the part's source."""

_ASIDE = re.compile(
    r"^(?:In|On|At|During|From|Between|Throughout|As part of|In addition to) [^,;]{3,90}, (?=[a-z]*\s?[A-Z]|the )"
    r"|, (?:who|which|whose|where|including|among other|a|an|the|his|her|then)\b[^,;]{3,90}(?=[,.])",
)
"""What may be left out of a source that denies nothing: an opening of place or time, an insertion between commas."""


def departure_from_sources(sources: Sequence[str], merged: str) -> str | None:
    """Return in a few words how ``merged`` departs from the sentences ``sources``, or None if it keeps to them.

    The words become part of the trace and of the prompt that asks the model to rewrite the sentence.
    """
    if absent := missing(merged, sources):
        return f"no note has {', '.join(absent)}"
    words, source_words = content_words(merged), [content_words(source) for source in sources]
    omittable = {word for source in sources for word in _words_of_asides(source)}
    known = {word for source in source_words for word in source}
    if refers_to_authors(merged):  # sources that refer to their authors are not merged
        return "speaks in the first person"
    if added := [
        word
        for word in _all_words(merged)
        if word in _RELATION_WORDS | _ASSERTION_WORDS
        and word not in {known_word for source in sources for known_word in _all_words(source)}
    ]:
        return f"relates the notes by {added[0]!r}, which none of them does"
    if changed := _qualified_figures(merged) ^ {q for q in _qualified_figures(" . ".join(sources)) if q[1] in merged}:
        return f"changes how a figure is qualified: {' '.join(min(changed))}"
    if sum(len(_PAST_PERFECT.findall(source)) for source in sources) > len(_PAST_PERFECT.findall(merged)):
        return "tells as of one time what was over before"
    if (during := _DURING.search(merged)) and not any(during[0] in source for source in sources):
        return f"makes one note happen during the other: {during[0]!r}"
    if (
        _PRONOUN.search(merged)
        and not any(_PRONOUN.search(source) for source in sources)
        and len({_first_content_word(source) for source in sources}) > 1
    ):
        return "puts a pronoun for one of two subjects"
    if len(_JOINER.findall(merged)) <= sum(len(_JOINER.findall(source)) for source in sources) - (len(sources) == 1):
        return "runs the notes into each other without a word to join them"
    if sum(word in known for word in words) < MIN_SOURCE_SHARE * len(words):
        return f"brings words of its own: {written_words([word for word in words if word not in known], merged)}"
    misplaced = min(
        (
            _misplaced_words(words, [source_words[i] for i in order], omittable)
            for order in permutations(range(len(source_words)))
        ),
        key=len,
    )
    if misplaced:
        return f"leaves out or moves: {written_words(misplaced[:6], *sources, merged)}"
    return None


def restore_source_form(merged: str, sources: Sequence[str], passages: Sequence[str] = ()) -> str:
    """Return ``merged`` with the quotation marks, initials and capitals of its sources.

    Inside JSON, models write '…' for quotation marks and "U. S." for initials. A "while" that joins the sources becomes
    "and", since it would say that one happened during the other. The first word of a later source keeps its capital
    only if it is a name, which the other words of the sources and of their ``passages`` show.
    """
    for source in sources:
        for quotation in re.findall(r"[\"“][^\"“”]+[\"”]", source):
            merged = merged.replace(f"'{quotation[1:-1]}'", quotation)
            inner = quotation[1:-1].rstrip(".,")
            if " " in inner:  # a single word may stand without its marks
                bare = rf"(?<![\w\"“‘'’]){re.escape(inner)}(?![\w\"”’'])"
                marked = f"{quotation[0]}{inner}{quotation[-1]}".replace("\\", r"\\")  # a template for re.sub
                merged = re.sub(bare, marked, merged, count=1)
        for initials in re.findall(r"\b(?:[A-Z]\.){2,}", source):
            merged = merged.replace(initials.replace(".", ". ").strip(), initials)
    parts = merged.split(", while ")
    if len(parts) - 1 == sum(source.count(", while ") for source in sources) + 1:
        before = 1 + sources[0].count(", while ")
        merged = ", and ".join(", while ".join(part) for part in (parts[:before], parts[before:]))
    known = "\n".join([*sources, *passages])
    for source in sources[1:]:
        opening, following, *_ = source.split(maxsplit=2)
        lower = opening[0].lower() + opening[1:]
        common = lower in FUNCTION_WORDS or re.search(rf" {re.escape(lower)}\b", known)
        if common and following.islower() and following != "of":  # not "Secretary of State", "Inspector General"
            merged = merged.replace(f" and {opening} ", f" and {lower} ")
        elif not common and re.search(rf"(?<=[a-z,;] ){re.escape(opening)}\b", known):
            merged = merged.replace(f" and {lower} ", f" and {opening} ")
    return merged


def longest_common_subsequence(a: list[str], b: list[str]) -> list[str]:
    """Return the longest common subsequence of two lists of words."""
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) - 1, -1, -1):
        for j in range(len(b) - 1, -1, -1):
            table[i][j] = table[i + 1][j + 1] + 1 if a[i] == b[j] else max(table[i + 1][j], table[i][j + 1])
    i = j = 0
    found = []
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            found.append(a[i])
            i, j = i + 1, j + 1
        elif table[i + 1][j] >= table[i][j + 1]:
            i += 1
        else:
            j += 1
    return found


def content_words(text: str) -> list[str]:
    """Return the stems of the content words of ``text`` in order; words that decide what is asserted stay unstemmed."""
    return [
        word if word in _ASSERTION_WORDS else stem(word)
        for word in _all_words(text)
        if word not in FUNCTION_WORDS and word
    ]


def written_words(stems: Sequence[str], *texts: str) -> str:
    """Return the first words of ``texts`` that have ``stems``, for a message: a stem itself need not be a word."""
    written = {stem(word): word for text in reversed(texts) for word in reversed(_all_words(text))}
    return ", ".join(written.get(each, each) for each in stems)


def _words_of_asides(source: str) -> list[str]:
    """Return the content words of ``source`` that occur in its asides only."""
    if not _ASSERTION_WORDS.isdisjoint({"not", "no", "never", "without"} & set(_all_words(source))):
        return []
    main = set(content_words(_ASIDE.sub(" ", source)))
    return [word for word in content_words(source) if word not in main]


def _qualified_figures(text: str) -> set[tuple[str, str]]:
    """Return the figures of ``text`` with the words that qualify them: ("by", "November 2015"), ("more than", "13")."""
    return {(match[1].lower(), match[2].rstrip(".,")) for match in _QUALIFIED_FIGURE.finditer(text)}


def _first_content_word(source: str) -> str:
    """Return the first content word of ``source``, which is mostly its subject."""
    return next(iter(content_words(source)), "")


def _misplaced_words(words: list[str], sources: list[list[str]], omittable: set[str]) -> list[str]:
    """Return the words out of place when ``words`` is read as the ``sources`` one after another; [] if few are."""
    if len(sources) == 1:
        return _misplaced_in_part(words, sources[0], set(), omittable)
    best: list[str] | None = None
    for cut in range(1, len(words)):
        found = _misplaced_in_part(words[:cut], sources[0], set(), omittable)
        found += _misplaced_in_rest(words[cut:], sources, omittable)
        if best is None or len(found) < len(best):
            best = found
        if not best:
            break
    return words if best is None else best


def _misplaced_in_rest(words: list[str], sources: list[list[str]], omittable: set[str]) -> list[str]:
    if len(sources) > 2:
        return _misplaced_words(words, sources[1:], omittable)
    # A name of the first part may be a pronoun in the second, or missing there.
    return _misplaced_in_part(words, sources[1], set(sources[0]), omittable)


def _misplaced_in_part(part: list[str], source: list[str], known: set[str], omittable: set[str]) -> list[str]:
    """Return the words by which ``part`` departs from ``source``; words ``known`` from an earlier source are free."""
    kept = longest_common_subsequence(part, source)
    left_out, added = _without(source, kept), _without(part, kept)
    required = [word for word in source if word not in known | omittable]
    lost = [word for word in left_out if word not in known | omittable]
    if moved := [word for word in added if word in left_out]:  # "met Manafort" for "Manafort met"
        return moved
    own = [word for word in added if word not in known]
    if own and len(own) > (1 - MIN_SOURCE_SHARE) * len(part):
        return own
    if lost_assertions := [word for word in left_out if word in _ASSERTION_WORDS]:
        return lost_assertions
    if lost_opening := [word for word in required[:2] if word in lost]:
        return lost_opening
    if not kept or len(lost) > (1 - MIN_KEPT_SHARE) * len(required):
        return lost or ["everything"]
    return []


def _without(words: list[str], removed: list[str]) -> list[str]:
    rest = list(words)
    for word in removed:
        rest.remove(word)
    return rest


def _all_words(text: str) -> list[str]:
    return [word.strip("'’") for word in re.findall(r"[\w’'%$-]+", text.lower())]
