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

REACH = 45
"""Characters that a reserve is looked at to reach, if no comma comes before."""

_HEDGE = re.compile(
    r"\b(?:alleged(?:ly)?|reportedly|appear(?:s|ed)? to|seem(?:s|ed)? to|apparently|likely|probabl[ey]"
    r"|possibl[ey]|perhaps|(?-i:may)(?! \d)|might|suggest(?:s|ed|ing)? that|approximately|roughly|nearly|almost"
    r"|purported(?:ly)?|suspected (?:of|that)|(?:about|around)(?= [$€£]?\d)|at least|at most|up to"
    r"|more than|less than)\b",
    re.IGNORECASE,
)
_HEDGED = re.compile(
    _HEDGE.pattern + r"|\b(?:seem|appear|suggest|suspect|estimat|believ|expect|assum|presum|indicat|alleg)\w*"
    r"|\b(?:could|would|can|about|around|some|over|under|above|below|few|exceed\w*|as many as"
    r"|no (?:more|fewer|less) than|caps?|capped|limit\w*|maximum|minimum|unlikely|unclear)\b",
    re.IGNORECASE,
)
_SAYING = re.compile(r"\b(?:according to|(?:said|testified|claimed|recalled|reported) that)\b", re.IGNORECASE)
_SAID = re.compile(
    r"\b(?:sa(?:y|ys|id|ying)|t(?:ell|ells|old|elling)|(?-i:stat(?:e[sd]?|ing|ements?))|testi(?:f\w+|mony)|recall\w*|accord\w*"
    r"|accounts?|claim\w*|wr(?:ite|ites|ote|itten|iting)|expla\w+|not(?:ed|es|ing)|argu\w+|acknowledg\w+|admit\w*|belie\w+"
    r"|assess\w*|report\w*|descri\w+|indicat\w+|advis\w+|announc\w+|conclu\w+|f(?:ind|inds|ound|indings?)|determin\w+"
    r"|inform(?:s|ed|ing)?|assert\w*|maintain\w*|mention\w*|den(?:y|ies|ied|ial)|alleg\w+|ask\w*|tweet\w*|express\w*"
    r"|judg\w+|understand\w*|understood|th(?:ink|inks|ought)|consider\w*|view\w*|answer\w*|interview\w*|disclos\w+|warn\w*"
    r"|confirm\w*|remember\w*|declar\w+|accus\w+|learn\w*|comment\w*|remark(?:s|ed)?|words|letters?|e-?mails?|evidence"
    r"|show\w*|reveal\w*|establish\w*|identif\w+|hear\w*|prais\w+|call\w*|denounc\w+|blam\w+|promis\w+|invit\w+"
    r"|sp(?:eak|eaks|oke)|criti\w+|urg\w+|insist\w*|suggest\w*|propos\w+)\b",
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

    What was alleged, guessed or somebody's account must not become a fact on the way. What the word stands before, as
    far as the next comma, has to be retold too: the reserve may be on something else.
    """
    said = _words(sentence)
    for text in near:
        for lost, kept in ((_HEDGE, _HEDGED), (_SAYING, _SAID)):
            found = lost.search(text)
            if found is None or kept.search(sentence):
                continue
            told = _words(lost.sub(" ", text))
            clause = _words(re.split(r"[,;:]\s", text[found.end() :][:REACH], maxsplit=1)[0])
            if found.group().lower() == "according to":  # whoever is named after it need not be
                clause = told
            if told and all(len(part & said) >= RETOLD * len(part) for part in (told, clause)):
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
