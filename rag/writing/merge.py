"""Does a fused sentence still say what its notes say, and nothing else?

A small model that is asked to make one sentence of two notes mostly stitches them together; where it goes
wrong, it moves a name, a date or a speaker from one note to the other, which has all the right words. So
the words must also come in the right places: the fused sentence has to fall into one part for each note, and
each part has to follow its note, in the note's order, leaving nothing out. This is the longest common subsequence of
ROUGE-L (Lin, 2004), applied a part at a time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import permutations

from rag.text import FUNCTION_WORDS, stem
from rag.verify.facts import missing
from rag.writing.evidence import authors_speak

_LINKS = frozenset(
    (
        "because therefore thus hence consequently despite although though due leading resulting causing resulted "
        "caused led after before following subsequently later then until since response result however instead "
        "nevertheless"
    ).split()
)
"""Words that relate one note to the other. They are the model's own claim unless a note has them."""

_GUARDS = frozenset(
    (
        "not no never none nor neither cannot without denied deny allegedly alleged reportedly reported may might "
        "could would said says told stated testified claimed according admitted assessed concluded found believed "
        "suggested proposed planned attempted tried offered considered discussed only partly again also too well"
    ).split()
)
"""Words that decide what is asserted, and by whom: none may be lost or added."""

_QUALIFIED = re.compile(
    r"\b(by|before|after|since|until|around|about|approximately|nearly|almost|over|under|up to|at least|at most"
    r"|more than|less than|fewer than)"
    r"(?: (?:the|early|late|mid|mid-))? ?((?:[A-Z][a-z]+ )?[$\d][\w,.]*)"
)

_HAD = re.compile(r"\bhad\b")
_JOINER = re.compile(r"\b(?:and|while|but)\b|;")
"""What joins two statements: "called him an officer, met him in New York" makes one of both."""

_DURING = re.compile(r"\bwhile \w+ing\b")
_PRONOUN = re.compile(r"\b(?:he|she|they|him|her|his|them|their)\b", re.IGNORECASE)

KEPT = 0.8
"""The share of a note's words that must stay, asides apart: what is left out of the rest changes what is said."""

_ASIDE = re.compile(
    r"^(?:In|On|At|During|From|Between|Throughout|As part of|In addition to) [^,;]{3,90}, (?=[a-z]*\s?[A-Z]|the )"
    r"|, (?:who|which|whose|where|including|among other|a|an|the|his|her|then)\b[^,;]{3,90}(?=[,.])",
)
"""Phrases that may be left out: a place or time that opens a sentence, and what commas set apart. Not of a denial."""

OWN = 0.9
"""The share of a part's words that must come from its note."""


def strays(notes: Sequence[str], fused: str) -> str | None:
    """How ``fused`` departs from ``notes``, in a few words for the trace; None if it keeps to them."""
    if absent := missing(fused, notes):
        return f"no note has {', '.join(absent)}"
    words, sources = _content(fused), [_content(note) for note in notes]
    spared = {word for note in notes for word in _asides(note)}
    had = {word for source in sources for word in source}
    if authors_speak(fused):  # a note in which they do is not fused
        return "speaks in the first person"
    if added := [
        word for word in _every(fused) if word in _LINKS | _GUARDS and word not in {w for n in notes for w in _every(n)}
    ]:
        return f"relates the notes by {added[0]!r}, which none of them does"
    if changed := _qualifiers(fused) ^ {q for q in _qualifiers(" . ".join(notes)) if q[1] in fused}:
        return f"changes how a figure is qualified: {' '.join(min(changed))}"
    if sum(len(_HAD.findall(note)) for note in notes) > len(_HAD.findall(fused)):
        return "tells as of one time what was over before"
    if (aside := _DURING.search(fused)) and not any(aside[0] in note for note in notes):
        return f"makes one note happen during the other: {aside[0]!r}"
    if (
        _PRONOUN.search(fused)
        and not any(_PRONOUN.search(note) for note in notes)
        and len({_first(note) for note in notes}) > 1
    ):
        return "puts a pronoun for one of two subjects"
    if len(_JOINER.findall(fused)) <= sum(len(_JOINER.findall(note)) for note in notes) - (len(notes) == 1):
        return "runs the notes into each other without a word to join them"
    if sum(word in had for word in words) < OWN * len(words):
        return f"brings words of its own: {_as_written([word for word in words if word not in had], fused)}"
    best = min(
        (_lost(words, [sources[i] for i in order], spared) for order in permutations(range(len(sources)))), key=len
    )
    if best:
        return f"leaves out or moves: {_as_written(best[:6], *notes, fused)}"
    return None


def restored(fused: str, notes: Sequence[str], passages: Sequence[str] = ()) -> str:
    """``fused`` with the quotation marks and initials of its notes: inside JSON, models write '…' and "U. S.".

    And with "and" for a "while" that joins the notes: it would say that one happened during the other. A note's first
    word, once it stands within the sentence, is capital if it is a name, which ``passages``, the notes' own, tell.
    """
    for note in notes:
        for quotation in re.findall(r"[\"“][^\"“”]+[\"”]", note):
            fused = fused.replace(f"'{quotation[1:-1]}'", quotation)
            said = quotation[1:-1].rstrip(".,")
            if " " in said:  # of a single word the marks may be left out
                bare = rf"(?<![\w\"“‘'’]){re.escape(said)}(?![\w\"”’'])"
                marked = f"{quotation[0]}{said}{quotation[-1]}".replace("\\", r"\\")  # a template for re.sub
                fused = re.sub(bare, marked, fused, count=1)
        for initials in re.findall(r"\b(?:[A-Z]\.){2,}", note):
            fused = fused.replace(initials.replace(".", ". ").strip(), initials)
    parts = fused.split(", while ")
    if len(parts) - 1 == sum(note.count(", while ") for note in notes) + 1:
        before = 1 + notes[0].count(", while ")
        fused = ", and ".join(", while ".join(part) for part in (parts[:before], parts[before:]))
    whole = "\n".join([*notes, *passages])
    for note in notes[1:]:
        opening, following, *_ = note.split(maxsplit=2)
        small = opening[0].lower() + opening[1:]
        common = small in FUNCTION_WORDS or re.search(rf" {re.escape(small)}\b", whole)
        if common and following.islower() and following != "of":  # not "Secretary of State", "Inspector General"
            fused = fused.replace(f" and {opening} ", f" and {small} ")
        elif not common and re.search(rf"(?<=[a-z,;] ){re.escape(opening)}\b", whole):
            fused = fused.replace(f" and {small} ", f" and {opening} ")
    return fused


def unnamed(heading: str, statements: Sequence[str], taken: Sequence[str]) -> str | None:
    """Why ``heading`` does not name ``statements``, or is too like a heading in ``taken``; None if it is good."""
    words = _content(heading)
    if len(words) <= 1 or not 2 <= len(heading.split()) <= 9 or len(heading) > 80:
        return "is not 3 to 7 words"
    if absent := missing(heading, statements):
        return f"names {', '.join(absent)}, which the section does not"
    had = {word for text in statements for word in _content(text)}
    if own := [word for word in words if word not in had]:  # a heading is not cited, so it may claim nothing
        return f"brings words of its own: {_as_written(own, heading)}"
    if not any(_subsequence(words, _content(text)) == words for text in statements):
        return "puts together what no sentence says in this order"
    flat = [" ".join(text.split()) for text in statements]
    if joined := [pair for pair in re.findall(r"\band (?:the )?[\w’'-]+", heading) if not any(pair in t for t in flat)]:
        return f"joins what no sentence joins: {joined[0]}"
    return alike(heading, taken)


def alike(heading: str, taken: Sequence[str]) -> str | None:
    """Which heading in ``taken`` is too like ``heading`` to stand beside it; None if none is."""
    words = set(_content(heading))
    for other in taken:
        theirs = set(_content(other))
        if len(theirs & words) >= 0.75 * min(len(theirs), len(words)):
            return f"is much like {other!r}"
    return None


def _asides(note: str) -> list[str]:
    """The words of ``note`` that stand in asides only."""
    if not _GUARDS.isdisjoint({"not", "no", "never", "without"} & set(_every(note))):
        return []
    main = set(_content(_ASIDE.sub(" ", note)))
    return [word for word in _content(note) if word not in main]


def _qualifiers(text: str) -> set[tuple[str, str]]:
    """("by", "November 2015"), ("more than", "13"): what stands before a figure and changes it."""
    return {(match[1].lower(), match[2].rstrip(".,")) for match in _QUALIFIED.finditer(text)}


def _first(note: str) -> str:
    """The name or word that a note opens with, which is mostly its subject."""
    return next(iter(_content(note)), "")


def _lost(words: list[str], sources: list[list[str]], spared: set[str]) -> list[str]:
    """The words out of place when ``words`` is read as the ``sources`` one after another; [] if few enough are."""
    if len(sources) == 1:
        return _departs(words, sources[0], set(), spared)
    best: list[str] | None = None
    for cut in range(1, len(words)):
        first = _departs(words[:cut], sources[0], set(), spared)
        found = first + _departs_rest(words[cut:], sources, spared)
        if best is None or len(found) < len(best):
            best = found
        if not best:
            break
    return words if best is None else best


def _departs_rest(words: list[str], sources: list[list[str]], spared: set[str]) -> list[str]:
    if len(sources) > 2:
        return _lost(words, sources[1:], spared)
    # What was named in the part before may be a pronoun, or left out, in this one.
    return _departs(words, sources[1], set(sources[0]), spared)


def _departs(part: list[str], source: list[str], known: set[str], spared: set[str]) -> list[str]:
    kept = _subsequence(part, source)
    unsaid = _less(source, kept)
    own = [word for word in _less(part, kept) if word not in known]
    lost_guards = [word for word in unsaid if word in _GUARDS]
    needed = [word for word in source if word not in known | spared]
    lost = [word for word in unsaid if word not in known | spared]
    if moved := [word for word in _less(part, kept) if word in unsaid]:  # "met Manafort" for "Manafort met"
        return moved
    if own and len(own) > (1 - OWN) * len(part):
        return own
    if lost_guards:
        return lost_guards
    if opening := [word for word in needed[:2] if word in lost]:
        return opening
    if not kept or len(lost) > (1 - KEPT) * len(needed):
        return lost or ["everything"]
    return []


def _subsequence(a: list[str], b: list[str]) -> list[str]:
    """The longest common subsequence of two word lists."""
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


def _less(words: list[str], taken: list[str]) -> list[str]:
    rest = list(words)
    for word in taken:
        rest.remove(word)
    return rest


def _every(text: str) -> list[str]:
    return [word.strip("'’") for word in re.findall(r"[\w’'%$-]+", text.lower())]


def _content(text: str) -> list[str]:
    """Content words, stemmed, in order; guard words are kept as they are."""
    return [word if word in _GUARDS else stem(word) for word in _every(text) if word not in FUNCTION_WORDS and word]


def _as_written(stems: Sequence[str], *texts: str) -> str:
    """Return the first words of ``texts`` that have ``stems``, for a message: a stem itself need not be a word."""
    written = {stem(word): word for text in reversed(texts) for word in reversed(_every(text))}
    return ", ".join(written.get(each, each) for each in stems)
