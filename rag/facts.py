"""The hard facts of a sentence (numbers, dates, names) and whether evidence has them.

Number, date and name errors are the commonest way in which generated text departs from its source
(Kryscinski et al., EMNLP 2020), similarity of meaning hardly sees them, and they are cheap to find. In doubt a
fact counts as missing: the sentence is then replaced by a quotation, which costs style and no truth.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from rag.figures import Date, Number, Span, dates, numbers

_NAME = re.compile(r"\b(?:(?:[A-ZÀ-ÖØ-Þ]\.){2,}|[A-ZÀ-ÖØ-Þ](?:[\w’'-]*\w)?(?:['’](?!\w))?)")
_DOTTED = re.compile(r"\b(?:[A-Z]\.){2,}")
_PROPER = r"[A-ZÀ-ÖØ-Þ][\w’'-]+"
_RUN = re.compile(rf"{_PROPER}(?: (?:of |the |for |and )*{_PROPER})+")
_PERSON = re.compile(rf"(?=\b({_PROPER} {_PROPER})\b(?!,? (?:Jr|Sr|II|III)\b))")
_PART_OF = re.compile(r"\b(early|mid|late)[ -](?:the )?(\w+)", re.IGNORECASE)
_RELATION = re.compile(r"\b(by|before|after|since)(?: (?:early|mid|late)[ -]?)? $", re.IGNORECASE)
_BLOCS = {
    "us": ("united", "states"),
    "uk": ("united", "kingdom"),
    "un": ("united", "nations"),
    "eu": ("european", "union"),
}
_OPENERS = frozenset(
    (
        "a an the this that these those he she it they we i you his her its their our my your who which what when "
        "where why how whose in on at by for with from as of to and or but nor so yet not no if because although though "
        "while whereas since until unless once after before during despite between among amid over under about above "
        "across against along around behind below beyond inside into near off onto outside past per regarding through "
        "throughout toward towards upon via within without according given both each every either neither all some any "
        "many most much more several few fewer other others another such same only also even then there here thus hence "
        "however instead rather still later earlier today now soon often never always meanwhile moreover further evidence "
        "testimony none nothing people records reports talks contact work prior contrary due mr mrs ms dr"
    ).split()
)
_COMMON_ENDINGS = (
    *"ors ers ions tion sion ials ments ment ants ings ing ies ists ians ails ees ics ly ity ness ives ures".split(),
)
"""Endings of common nouns that open a sentence without an article ("Prosecutors said …"), and hardly of names."""


def missing(sentence: str, evidence: Iterable[str]) -> list[str]:
    """The numbers, dates and names of ``sentence``, as they stand in it, that no text of ``evidence`` has.

    "November 2015" is had by "2 November 2015", "8 million" by "$8,000,000", a name by each of its words, "FBI" by
    "Federal Bureau of Investigation". "By 2015" is not had by "in 2015", nor "25 percent" by "25".
    """
    texts = list(evidence)
    rest, wanted = _dated(sentence)
    had_dates, had_numbers = [], list[tuple[Number, str]]()
    for text in texts:
        without_dates, found = _dated(text)
        had_dates += [(date, relation) for date, relation, _ in found]
        had_numbers += [
            (number, _year_relation(number, without_dates, span)) for number, span in numbers(without_dates)
        ]
        had_numbers += [(Number(float(date[0])), relation) for date, relation, _ in found if date[0]]
    absent = [
        sentence[start:end]
        for date, relation, (start, end) in wanted
        if not any(_within(date, other) and relation == theirs for other, theirs in had_dates)
    ]
    absent += [
        sentence[span[0] : span[1]]
        for number, span in numbers(rest)
        if not any(
            _counts(number, other) and _year_relation(number, rest, span) == theirs for other, theirs in had_numbers
        )
    ]
    parts = {(m[1].lower(), m[2].lower()) for text in texts for m in _PART_OF.finditer(text)}
    absent += [m.group() for m in _PART_OF.finditer(sentence) if (m[1].lower(), m[2].lower()) not in parts]
    words = _words(texts)
    absent += [name for name in names(rest) if not _named(name, words)]
    return list(dict.fromkeys([*absent, *_juniors(sentence, texts)]))


def names(text: str) -> Iterator[str]:
    """Each capitalised word of ``text``; the first of a sentence only where it looks like a name."""
    for match in _NAME.finditer(text):
        name = match.group()
        before = text[: match.start()].rstrip(" “\"'‘(")
        opens = not before or before.endswith((".", "!", "?", ":"))
        if name in ("A", "I") or (opens and not _names_somebody(name, text[match.end() :])):
            continue
        yield name


def _names_somebody(word: str, after: str) -> bool:
    """Whether a sentence's first word is a name, and not a common word with a capital."""
    bare = _bare(word)
    if bare in _OPENERS:
        return False
    return bool(re.match(rf" {_PROPER}", after)) or bare != word.lower() or not bare.endswith(_COMMON_ENDINGS)


def _dated(text: str) -> tuple[str, list[tuple[Date, str, Span]]]:
    """``text`` with its dates blanked out, and each date with how it is related to ("by", "after") and its place."""
    found = [(date, _relation(text, span), span) for date, span in dates(text)]
    for _, _, (start, end) in found:
        text = text[:start] + " " * (end - start) + text[end:]
    return text, found


def _relation(text: str, span: Span) -> str:
    match = _RELATION.search(text[max(0, span[0] - 16) : span[0]])
    return match[1].lower() if match else ""


def _year_relation(number: Number, text: str, span: Span) -> str:
    """ "By 2015" dates something; "by 98 votes" does not."""
    return _relation(text, span) if not number.unit and 1700 <= number.value < 2100 else ""


def _within(date: Date, other: Date) -> bool:
    """Whether ``other`` says all that ``date`` says."""
    return all(part is None or part == theirs for part, theirs in zip(date, other, strict=True))


def _counts(number: Number, other: Number) -> bool:
    """Whether ``other`` says all that ``number`` says: "8 million" is had by "$8 million", not the reverse."""
    if number.unit == "s" and not other.unit:
        return number.value <= other.value < number.value + 10
    if number.value != other.value or number.bound != other.bound:
        return False
    return number.unit == other.unit or (not number.unit and other.unit not in ("th", "s", "%"))


def _words(texts: Sequence[str]) -> set[str]:
    """All that ``texts`` name: their words, and what the initials of their names spell."""
    words: set[str] = set()
    for text in texts:
        joined = _DOTTED.sub(lambda match: match.group().replace(".", ""), text)
        found = [_bare(word) for word in re.findall(r"[\w’'-]+", joined)]
        words |= {form for word in found for form in (word, *word.split("-"))}
        words |= {part for short, full in _BLOCS.items() if re.search(rf"\b{short.upper()}\b", joined) for part in full}
        words |= {short for short, full in _BLOCS.items() if " ".join(full) in text.lower()}
        for run in _RUN.findall(joined):
            initials = "".join(word[0] for word in run.split() if word[0].isupper()).lower()
            size = len(initials)
            words |= {initials[i:j].upper() for i in range(size) for j in range(i + 3, min(size, i + 6) + 1)}
    return words - {""}


def _named(name: str, words: set[str]) -> bool:
    """Whether ``words`` have ``name``, all its hyphenated parts, its nation ("Russia", "Russians") or its expansion."""
    if name.isupper() and name.replace(".", "") in words:
        return True
    whole = _bare(name.replace(".", ""))
    return any(_alike(form, words) for form in (whole, whole.replace("-", ""))) or (
        "-" in whole and all(_alike(part, words) for part in whole.split("-") if part)
    )


def _alike(word: str, words: set[str]) -> bool:
    forms = {word, f"{word}s", f"{word}n"}
    if len(word) > 5:
        forms |= {word.removesuffix("s"), word.removesuffix("s").removesuffix("n") if "an" in word[-3:] else word}
    return not forms.isdisjoint(words)


def _juniors(sentence: str, texts: Sequence[str]) -> list[str]:
    """Full names that the evidence gives to a junior only: "Donald Trump" for "Donald Trump Jr."."""
    everything = "\n".join(texts)
    return [
        full
        for full in dict.fromkeys(_PERSON.findall(sentence))
        if (junior := len(re.findall(rf"\b{re.escape(full)},? (?:Jr|Sr|II|III)\b", everything)))
        and junior == len(re.findall(rf"\b{re.escape(full)}\b", everything))
    ]


def _bare(word: str) -> str:
    """``word`` in lower case, without possessive and accents."""
    plain = word.replace("’", "'")
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode() or plain
    return re.sub(r"(?:'s|')$", "", plain.lower())
