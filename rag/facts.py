"""The hard facts of a sentence (numbers, dates, names) and whether evidence has them.

Number, date and name errors are the commonest way in which generated text departs from its source
(Kryscinski et al., EMNLP 2020), similarity of meaning hardly sees them, and they are cheap to find.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_MONTHS = {
    name: number
    for number, names in enumerate(
        [
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sept sep",
            "october oct",
            "november nov",
            "december dec",
        ],
        start=1,
    )
    for name in names.split()
}
_WORDS = {
    word: value
    for value, word in enumerate(
        (
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen"
        ).split()
    )
} | {
    word: 10 * value
    for value, word in enumerate(("twenty thirty forty fifty sixty seventy eighty ninety").split(), start=2)
}
_SCALES = {
    "hundred": 100,
    "thousand": 1_000,
    "million": 1_000_000,
    "billion": 1_000_000_000,
    "trillion": 1_000_000_000_000,
}

_MONTH = "(" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_DATES = (
    re.compile(r"\b(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})\b"),
    re.compile(
        r"\b(?P<d>\d{1,2})(?:st|nd|rd|th)? (?:of )?" + _MONTH.replace("(", "(?P<m>", 1) + r"(?:,? (?P<y>\d{4})\b)?",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b" + _MONTH.replace("(", "(?P<m>", 1) + r" (?P<d>\d{1,2})(?:st|nd|rd|th)?\b(?!\d)(?:,? (?P<y>\d{4})\b)?",
        re.IGNORECASE,
    ),
    re.compile(r"\b" + _MONTH.replace("(", "(?P<m>", 1) + r",? (?:of )?(?P<y>\d{4})\b", re.IGNORECASE),
    re.compile(r"\b(?P<m>January|February|March|April|June|July|August|September|October|November|December)\b"),
)
_SCALE = r"(?P<scale>hundred|thousand|million|billion|trillion)\b"
_NUMBER = re.compile(
    rf"(?<![\w.])\$?(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)(?:st|nd|rd|th|s)?(?:[ -]{_SCALE})?",
    re.IGNORECASE,
)
_NUMBER_WORD = re.compile(
    r"\b(?:(?P<tens>twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
    r"(?:-(?P<ones>one|two|three|four|five|six|seven|eight|nine))?"
    rf"|(?P<word>{'|'.join(_WORDS)}))(?: {_SCALE})?\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"\b[A-Z][\w’'-]*")
COPIED = 0.9
"""The share of a text's words that a sentence tells all of it with."""

_NOT = re.compile(r"\b(?:not|no longer|no|never|none|neither|nobody|nothing|without|cannot)\b|n['’]t\b", re.IGNORECASE)
_DENIES = re.compile(
    _NOT.pattern
    + r"|\b(?:den(?:y|ie[ds]|ying)|refus|reject|declin|fail|lack|abandon|dismiss|prevent|avoid|prohibit|oppos|miss)\w*"
    r"|\b(?:unable|unlikely|un\w+ed|hardly|rarely|few|fewer|less|only|false|insufficient|instead|rather|bar(?:red|s))\b",
    re.IGNORECASE,
)

RETOLD = 0.6
"""The share of a text's words that a sentence tells the gist of it with."""

_HEDGE = re.compile(
    r"\b(?:alleg\w+|reportedly|appear(?:s|ed)?|seem(?:s|ed)?|apparent(?:ly)?|(?:un)?likely|probabl[ey]|possibl[ey]|perhaps"
    r"|may(?! \d)|might|suggest\w*|approximately|roughly|estimat\w+|nearly|almost|purported\w*|suspect\w*"
    r"|(?:about|around)(?= \d)|(?:at least|at most|up to|more than|less than))\b",
    re.IGNORECASE,
)
_ACCORDING_TO = re.compile(r"\b(?:according to|said|testified|claimed|recalled|reported that)\b", re.IGNORECASE)
_ATTRIBUTED = re.compile(
    _ACCORDING_TO.pattern
    + r"|\b(?:sa(?:y|id)|t[eo]ll|told|stat|testi|recall|account|claim|wr[io]t|expla|not(?:ed|es)|argu|acknowledg|admit"
    r"|belie|assess|report|descri|indicat|advis|announc|conclu|f[io]u?nd|determin|inform|assert|maintain|mention|den[iy]|alleg"
    r"|ask|tweet|express|judg|underst|th[io][nu][kg]|consider|view|answer|interview|disclos|warn|confirm|rememb|declar"
    r"|accus|learn|comment|remark|words|letter|e-?mail|evidence|show|reveal|establish|identif|hear)\w*",
    re.IGNORECASE,
)

Date = tuple[int | None, int | None, int | None]
"""Year, month, day; None where the text does not say."""


def missing(sentence: str, evidence: Iterable[str]) -> list[str]:
    """The numbers, dates and names of ``sentence``, as they stand in it, that no text of ``evidence`` has.

    "November 2015" is had by "2 November 2015", "8 million" by "$8,000,000", a name by each of its words.
    """
    texts = list(evidence)
    has_dates = [date for text in texts for date, _ in dates(text)]
    rest, absent = sentence, []
    for date, words in dates(sentence):
        rest = rest.replace(words, " " * len(words), 1)
        if not any(_within(date, other) for other in has_dates):
            absent.append(words)
    has_numbers = {number for text in texts for number, _ in numbers(text)}
    absent += [words for number, words in numbers(rest) if number not in has_numbers]
    has_words = {form for text in texts for word in re.findall(r"[\w’'-]+", text.lower()) for form in _forms(word)}
    absent += [name for name in names(rest) if not _forms(name.lower()) & has_words]
    return absent


def denial(sentence: str, near: Iterable[str]) -> str | None:
    """A "not" that ``sentence`` has beyond those of ``near``, its nearest evidence, or lacks; None if there is none.

    Only words as good as copied are compared: in another wording a denial may hide in any word ("declined", "few").
    """
    texts = list(near)
    lost = _lost_denial(sentence, texts)
    if lost is not None:
        return lost
    known = {word for text in texts for word in _words(text)}
    own, said = _NOT.findall(sentence), _words(sentence)
    if len(own) > sum(len(_DENIES.findall(text)) for text in texts) and len(said & known) >= 0.75 * len(said):
        return str(own[-1])
    return None


def reserve(sentence: str, near: Iterable[str]) -> str | None:
    """The "appeared to", "about" or "according to" of a text that ``sentence`` retells without any; None if it has one.

    What was alleged, guessed or somebody's account must not become a fact on the way.
    """
    said = _words(sentence)
    for text in near:
        for lost, kept in ((_HEDGE, _HEDGE), (_ACCORDING_TO, _ATTRIBUTED)):
            told = _words(lost.sub(" ", text))
            if (found := lost.search(text)) and not kept.search(sentence) and len(told & said) >= RETOLD * len(told):
                return found.group()
    return None


def _lost_denial(sentence: str, texts: Iterable[str]) -> str | None:
    """A "not" of the texts that ``sentence`` tells in nearly all their words, and which it leaves out."""
    said = _words(sentence)
    copied = [text for text in texts if len(_words(text) & said) >= COPIED * len(_words(text))]
    denied = [word for text in copied for word in _NOT.findall(text)]
    return str(denied[-1]) if len(denied) > len(_DENIES.findall(sentence)) else None


def dates(text: str) -> Iterator[tuple[Date, str]]:
    """Each date of ``text``, the most precise reading of every place, with its words."""
    taken: list[tuple[int, int]] = []
    for pattern in _DATES:
        for match in pattern.finditer(text):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            part = match.groupdict()
            month = part.get("m") or ""
            number = int(month) if month.isdigit() else _MONTHS[month.lower().rstrip(".")]
            day, year = part.get("d"), part.get("y")
            taken.append(match.span())
            yield (int(year) if year else None, number, int(day) if day else None), match.group()


def numbers(text: str) -> Iterator[tuple[float, str]]:
    """Each number of ``text`` as a value, with its words; "one" is left out, it is rarely a count."""
    for match in _NUMBER.finditer(text):
        yield float(match["digits"].replace(",", "")) * _SCALES.get((match["scale"] or "").lower(), 1), match.group()
    for match in _NUMBER_WORD.finditer(text):
        value = _WORDS[(match["tens"] or match["word"]).lower()] + _WORDS.get((match["ones"] or "").lower(), 0)
        if value != 1 or match["scale"]:
            yield float(value * _SCALES.get((match["scale"] or "").lower(), 1)), match.group()


def names(text: str) -> Iterator[str]:
    """Each capitalised word of ``text`` that is not merely the first of its sentence."""
    for match in _NAME.finditer(text):
        before = text[: match.start()].rstrip(" “\"'‘(")
        if before and not before.endswith((".", "!", "?", ":")) and len(match.group()) > 1:
            yield match.group()


def _words(text: str) -> set[str]:
    """The beginnings of the longer words of ``text``, "not" and its like left out."""
    return {word[:5] for word in re.findall(r"[a-z0-9]{4,}", _NOT.sub(" ", text.lower()))}


def _forms(word: str) -> set[str]:
    """A word without possessive, and its hyphenated parts, so that "Trump's" is had by "Trump"."""
    bare = re.sub(r"(?:['’]s|['’])$", "", word)
    return {bare, *bare.split("-"), bare.replace(".", "")} - {""}


def _within(date: Date, other: Date) -> bool:
    """Whether ``other`` says all that ``date`` says."""
    return all(part is None or part == theirs for part, theirs in zip(date, other, strict=True))
