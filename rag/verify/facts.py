"""Checks of a sentence's facts against its evidence: numbers, dates and names, denials, and hedges or attributions.

Number, date and name errors are the commonest way in which generated text departs from its source (Kryscinski et al.,
EMNLP 2020). Similarity of meaning hardly sees them, and they are cheap to find.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rag.text import date_matches, find_dates, find_names, find_numbers, name_forms, name_words

COPIED = 0.9
"""Share of a text's words from which a sentence counts as a copy of it."""

RETOLD = 0.6
"""Share of a text's words from which a sentence counts as telling its content."""

REACH = 45
"""Characters after a hedge or attribution that it applies to, if no comma, semicolon or colon comes first."""

_NOT = re.compile(r"\b(?:not|no longer|no|never|none|neither|nobody|nothing|without|cannot)\b|n['’]t\b", re.IGNORECASE)
_DENIES = re.compile(
    _NOT.pattern
    + r"|\b(?:den(?:y|ie[ds]|ying)|refus|reject|declin|fail|lack|abandon|dismiss|prevent|avoid|prohibit|oppos|miss)\w*"
    r"|\b(?:unable|unlikely|un\w+ed|hardly|rarely|few|fewer|less|only|false|insufficient|instead|rather|bar(?:red|s))\b",
    re.IGNORECASE,
)
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
_ATTRIBUTION = re.compile(r"\b(?:according to|(?:said|testified|claimed|recalled|reported) that)\b", re.IGNORECASE)
_ATTRIBUTED = re.compile(
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


def missing(sentence: str, evidence: Iterable[str]) -> list[str]:
    """Return the numbers, dates and names of ``sentence``, as they stand in it, that no text of ``evidence`` has.

    "2 November 2015" has "November 2015", "$8,000,000" has "8 million", and a name is had by each of its words.
    """
    texts = list(evidence)
    known_dates = [date for text in texts for date, _ in find_dates(text)]
    rest, absent = sentence, []
    for date, words in find_dates(sentence):
        rest = rest.replace(words, " " * len(words), 1)
        if not any(date_matches(date, other) for other in known_dates):
            absent.append(words)
    known_numbers = {number for text in texts for number, _ in find_numbers(text)}
    absent += [words for number, words in find_numbers(rest) if number not in known_numbers]
    known_words = {word for text in texts for word in name_words(text)}
    absent += [name for name in find_names(rest) if not name_forms(name.lower()) & known_words]
    return absent


def denial(sentence: str, nearest: Iterable[str]) -> str | None:
    """Return a "not" that only one side has, ``sentence`` or its ``nearest`` evidence; None if there is none.

    Only near copies are compared: in other wording any word may carry a denial ("declined", "few").
    """
    texts = list(nearest)
    lost = _lost_denial(sentence, texts)
    if lost is not None:
        return lost
    known = {word for text in texts for word in _word_starts(text)}
    own, words = _NOT.findall(sentence), _word_starts(sentence)
    if len(own) > sum(len(_DENIES.findall(text)) for text in texts) and len(words & known) >= 0.75 * len(words):
        return str(own[-1])
    return None


def reserve(sentence: str, nearest: Iterable[str]) -> str | None:
    """Return the hedge or attribution of a text that ``sentence`` retells without any; None if there is none.

    What was alleged, estimated or one person's account must not become a fact: "appeared to", "about", "according to".
    The words that the hedge applies to, up to the next comma, have to be retold too: it may apply to something else.
    """
    words = _word_starts(sentence)
    for text in nearest:
        for lost, kept in ((_HEDGE, _HEDGED), (_ATTRIBUTION, _ATTRIBUTED)):
            found = lost.search(text)
            if found is None or kept.search(sentence):
                continue
            whole = _word_starts(lost.sub(" ", text))
            clause = _word_starts(re.split(r"[,;:]\s", text[found.end() :][:REACH], maxsplit=1)[0])
            if found.group().lower() == "according to":  # the source named after it need not be retold
                clause = whole
            if whole and all(len(part & words) >= RETOLD * len(part) for part in (whole, clause)):
                return found.group()
    return None


def _lost_denial(sentence: str, texts: Iterable[str]) -> str | None:
    """Return a "not" of those ``texts`` that ``sentence`` copies but for it; None if there is none."""
    words = _word_starts(sentence)
    copied = [text for text in texts if len(_word_starts(text) & words) >= COPIED * len(_word_starts(text))]
    denied = [word for text in copied for word in _NOT.findall(text)]
    return str(denied[-1]) if len(denied) > len(_DENIES.findall(sentence)) else None


def _word_starts(text: str) -> set[str]:
    """Return the first five letters of each word of ``text`` that has at least four, words of negation left out."""
    return {word[:5] for word in re.findall(r"[a-z0-9]{4,}", _NOT.sub(" ", text.lower()))}
