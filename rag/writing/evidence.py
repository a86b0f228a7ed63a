"""Notes: evidence sentences that can be understood where they stand, each with its chunk and offsets.

A sentence that leans on the one before it ("They denied it the next day.") is true in its document and
false or empty in a brief. Resolving such references needs a model and gets names wrong; leaving the
sentence out costs little, since a corpus says most things more than once. The test is a list of surface
signs, in the spirit of "decontextualisation" (Choi et al., TACL 2021), on the side of leaving out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag.text import CALENDAR, CARDINALS, FUNCTION_WORDS, split_sentences
from rag.types import Chunk, Hit

LENGTH = (8, 56)
"""A note's length in words: shorter ones state too little, longer ones state too much to be checked."""


_OWN = "(?:report|study|paper|review|article|book|volume|chapter|section|(?-i:Office|Committee|Commission|Court))\\b"
"""What authors call their document and themselves by: "this report", "this Office"."""


def _any(phrases: str) -> str:
    """An alternation of the phrases that are separated by commas and line ends; ``{own}`` is ``_OWN``."""
    phrases = phrases.replace("{own}", _OWN)
    return "(?:" + "|".join(phrase for phrase in (part.strip() for part in re.split(r"[,\n]", phrases)) if phrase) + ")"


_OPENERS = re.compile(
    r"^[\"“(\[]?"
    + _any("""
        he, she, they, it, this(?! {own}), these, those, that, such
        his, her, their, its, him, them, i, my, you
        who, which, whose, however, also, moreover, furthermore, but, and, or, nor, so, then, instead, thus
        therefore, hence, nevertheless, nonetheless, meanwhile, accordingly, consequently, similarly, likewise
        additionally, finally, separately, specifically, conversely, first, second, third, still, yet, afterwards?
        previously, in sum, overall, in full
        subsequently, later, earlier, rather, otherwise, indeed, here, there, both, neither, another, others?, each
        one, some, most, several, see, id, cf, compare
        (?:the|a) (?:latter|former|same|following|other|second|third), as a result, in response, in addition
        in turn, in particular, in contrast, by contrast, on the other hand, for example, for instance, of course
        at (?:the|that) time, at the same time, after that, before that, that (?:same|day|month|year|week)
        the next, as (?:discussed|noted|described|stated|set out|explained), in (?:the|that) same
    """)
    + r"\b",
    re.IGNORECASE,
)
"""Words with which a sentence points back to the one before it."""

_CONNECTIVE = re.compile(
    r"(?:"
    + _any("""
        accordingly, moreover, furthermore, additionally, also, therefore, thus, hence, consequently, finally, in sum
        overall, however, nevertheless, nonetheless, further, indeed, in addition, as a result, in fact, for example
        for instance, in particular, specifically, similarly, likewise, first, second, third, fourth, in contrast
        by contrast, conversely, on the other hand, in turn, of course, notably, importantly, separately
        still, even so, that said, at the same time, on the contrary
    """)
    + r",|but|and|yet)\s+(?=\w)",
    re.IGNORECASE,
)
"""Words that tie a sentence to the one before it and say nothing themselves: what follows is quoted without them."""

_UNINTRODUCED = re.compile(
    r"^(?:The (?:groups?|men|pair|emails?|messages?|letters?|stor(?:y|ies)|plans?|proposal|requests?|offers?|drafts?"
    r"|article|outreach(?:es)?|events?|memorandum|threats?|direction|encounter),?"
    r" (?!(?:of|between|by|from|to|with|on|at|for|that|which)\b)"
    r"|[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)? then [a-z]"
    r"|(?:After|Before|During|When) the (?:meeting|call|story|interview|hearing|visit|trip|speech)(?: broke| ended)?,)"
)
"""Things that another sentence introduced; what a preposition follows introduces itself ("The letter of intent …")."""

SPEAKER = 2
"""Words beside a quotation that say who is quoted."""

MEANT = 2
"""Names that come before somebody is told something by another."""

_THE_THING = re.compile(
    r"\bthe (calls?|plan|request|messages?|story|offer|proposal|emails?|letter|conversation|meeting|interview|trip"
    r"|statement|information|event|threats?|direction|memorandum|encounter)\b"
    r"(?! (?:(?:of|between|by|from|to(?! be\b)|with|on|at|for|that|which|about|in|he|she|they)\b|[A-Z]))"
)
"""The same within a sentence ("made the call immediately"), unless the sentence has spoken of it before."""

_POINTERS = re.compile(
    r"\b"
    + _any("""
        (?:that|the same|the next|the following|the previous|the prior) (?:day|night|week|month|year|date)
        (?:that|the same|the next|the following|the previous|the prior) (?:evening|morning)
        (?:that|the same|the next|the following|the previous) (?:spring|summer|autumn|fall|winter)
        (?:days?|weeks?|months?|hours?|years?) (?:later|earlier|before that|after that)
        the (?:latter|former|opposite|reverse), both (?:issues|matters|points|topics|questions|cases|occasions)
    for the next (?:day|week|month|year|few|two|three|several)
        (?:see|supra|infra|ibid|id)\\.? (?:at|note|section|volume|part|p\\.), for (?:example|instance)
        (?:discussed|described|noted|mentioned|explained|set forth|detailed|quoted) (?:above|below|in|infra|supra)
        (?:section|volume|part|chapter|appendix) [ivxlcd0-9]+, another, such an?
        (?:a|an) (?:similar|additional|further), (?:several|two|three) other, as well as those
        this (?!day\\b|{own})[a-z]+
        (?:these|those)\\s+(?!who\\b|of\\b|in\\b|with\\b|from\\b|that\\b|which\\b|involved\\b|present\\b)[a-z]+
        on that basis, that (?:trip|period|time|meeting|call|project|statement|conversation|letter|email|effort)
        that (?:investigation|contact|visit)
        that (?:deal|offer|request|speech|finding|conclusion|assessment|judgment|decision|point|way|information)
        that (?:material|evidence|matter|issue)
        that (?:event|document|message|plan|proposal|theory), instead(?! of)
    """)
    + r"\b",
    re.IGNORECASE,
)
"""Words with which a sentence points to another sentence, place or day."""

_PRONOUN = re.compile(
    r"\b(?:he|she|they|him|her|his|hers|them|their|theirs|himself|herself|themselves)\b", re.IGNORECASE
)
_TO_SOMEBODY = re.compile(
    r"\b(?:told|asked|called|informed|met|gave|sent|urged|advised|directed|instructed|with|to|against) (?:him|them)\b"
)
_SOMEBODY_SPEAKS = re.compile(r"\b(?:I|I'm|I’m|me|my|you|your|My|You|Your)\b")
_NUMERAL = re.compile(r"\b(?:War|Volume|Part|Article|Title|Chapter|Phase|Section|Type|Class) I\b")
_WE = re.compile(r"\b(?:we|us|ours?|ourselves|(?:We|Ours?)(?! [A-Z]))\b")
_AUTHORS_SPEAK = re.compile(rf"{_WE.pattern}|\b(?i:this) (?i:{_OWN})")
"""Words with which those who wrote the document speak of themselves or of it: "we found", "this report"."""

_THEIR_SUBJECT = re.compile(r"this (?:investigation|matter|research|inquiry|case)", re.IGNORECASE)
"""What "we" may speak of so, and nobody else."""

_QUOTATION = re.compile(r"“[^”]*”|\"[^\"]*\"")
_NAME = re.compile(r"\b[A-Z][\w’'-]+")
_GARBAGE = re.compile(
    r"[{}<>|\\^~_=■█�*#]|\b(?:supra|infra)\b"
    r"|https?:|www\.|\[\.{3}\]|[Rr]edact|Harm to Ongoing|HOM\b|\b[A-Z]{2,}(?: [A-Z]{2,}){3,}"
    r"|\bUnited States v\. |\b\d{1,3} U\.S\.,? (?:at )?\d|\bNo\. \d+:\d\d-"
    r"|\b302,? at|, at \d+[;.,]|\bCong\.|\bF\.(?:\dd|Supp)|\(\w+\.? \d{1,2}, \d{4}\)[.;]"
)
"""Leftovers of markup, redactions, shouting, and references that slipped into the text."""

_TAKES_BACK = re.compile(r"(?:However|But|Nevertheless|Nonetheless|Yet|Still|Even so|At the same time|That said)\b")
_FINDING = re.compile(
    r"\b(?:conclude[ds]?|found|established?|identif(?:y|ied)|determined|assess(?:ed|es)|revealed|showed|uncovered)\b"
)
"""Words that tell what somebody whose task it was found out."""

_FINDING_DENIED = re.compile(
    r"\b(?:not|never) (?:\w+ )?(?:conclude|find|found|establish|identif|determine|assess|reveal|show|uncover|yield)"
    r"|\b(?:found|identified) no\b|\bno evidence\b|\b(?:not |in)sufficient\b"
)

_SHOUTING = re.compile(r"\b[A-Z]{3,}\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSentence:
    """An evidence sentence: ``chunk.text[start:end] == text`` but for line breaks, which are spaces here, a capital
    where words that tied it to another sentence were left out, and quotation marks around what authors say of
    themselves ("we found …"), the marks within becoming single ones: without them the brief would seem to speak of
    itself.

    ``relevance`` orders notes by what they give to the question; it has no unit.
    """

    text: str
    chunk: Chunk
    start: int
    end: int
    relevance: float = 0.0


def evidence_sentences(hits: Iterable[Hit]) -> Iterator[EvidenceSentence]:
    """The self-contained sentences of ``hits``, best hit first; a sentence that two chunks hold comes once."""
    seen: set[str] = set()
    for hit in hits:
        for begin, end in split_sentences(hit.chunk.text):
            tie = _CONNECTIVE.match(hit.chunk.text, begin, end)
            start = tie.end() if tie else begin
            text = " ".join(hit.chunk.text[start:end].split())
            text = text[:1].upper() + text[1:]
            key = re.sub(r"\W+", " ", text.lower())
            if key not in seen and leans(text) is None:
                seen.add(key)
                text = _in_quotation_marks(text) if authors_speak(text) else text
                yield EvidenceSentence(text=text, chunk=hit.chunk, start=start, end=end)


def leans(text: str) -> str | None:
    """Why ``text`` cannot stand on its own, in a few words; None if it can."""
    words = text.split()
    if not LENGTH[0] <= len(words) <= LENGTH[1]:
        return "too short or too long"
    if not re.match(r"[\"“(]?[A-Z0-9]", text) or not re.search(r"[.!][\"”’')]*$", text):
        return "not a whole sentence"
    if text.startswith("(") and text.rstrip(".").endswith(")"):
        return "an aside to another sentence"
    if text.count("(") != text.count(")") or text.count("“") != text.count("”") or text.count('"') % 2:
        return "a quotation or bracket is not closed"
    if _GARBAGE.search(text) or sum(map(len, _SHOUTING.findall(text))) > len(text) / 4:
        return "damaged text"
    if letters(text) < 0.7:
        return "mostly not words"
    if _OPENERS.match(text) or _UNINTRODUCED.match(text):
        return "opens by pointing back"
    said = _QUOTATION.sub("", text)
    for pointer in _POINTERS.finditer(text):
        twice = "both" in pointer[0].lower() and re.search(r"\b(?:twice|two)\b", text[: pointer.start()])
        if not twice and not (_THEIR_SUBJECT.match(pointer[0]) and _WE.search(said)):
            return "points to another place or day"
    if any(thing[1].rstrip("s") not in text[: thing.start()].lower() for thing in _THE_THING.finditer(text)):
        return "speaks of a thing that another sentence introduced"
    return _voiceless(said) or _nameless(text)


def _voiceless(said: str) -> str | None:
    """Why it is not clear who speaks in a sentence of which ``said`` is what stands outside quotations."""
    if _SOMEBODY_SPEAKS.search(_NUMERAL.sub("", said)):
        return "speaks in the first person"
    if len(said.split()) < SPEAKER:
        return "a quotation without its speaker"
    return None


def _nameless(text: str) -> str | None:
    """Why it is not clear whom a pronoun of ``text`` stands for."""
    pronoun = _PRONOUN.search(text)
    if (
        pronoun
        and not any(m.start() > 0 and _may_be_meant(m.group()) for m in _NAME.finditer(text[: pronoun.start()]))
        and not _subject(text, pronoun.start())
    ):
        return "a pronoun without its name"
    # Who tells "him" something is somebody else, so one name is not enough.
    other = _TO_SOMEBODY.search(text)
    if other and len({m.group() for m in _NAME.finditer(text[: other.start()]) if _may_be_meant(m.group())}) < MEANT:
        return "a pronoun without its name"
    return None


def limits(note: EvidenceSentence, following: EvidenceSentence) -> bool:
    """Whether ``following`` stands right after ``note`` and takes part of it back: "However, …", or a finding denied
    ("identified numerous links …" – "did not establish that …"). To quote the one without the other would mislead."""
    if following.chunk.id != note.chunk.id or not note.end <= following.start:
        return False
    between = note.chunk.text[note.end : following.start].strip()  # "However, " was left out of the note's text
    if len(between) > len("On the other hand, ") or between.endswith((".", "!", "?")):
        return False
    opening = f"{between} {following.text.lstrip('“')}".lstrip()
    return bool(_TAKES_BACK.match(opening) or (_FINDING.search(note.text) and _FINDING_DENIED.search(following.text)))


def authors_speak(text: str) -> bool:
    """Whether ``text`` says "we", "our" or "this report" outside quotation marks."""
    return bool(_AUTHORS_SPEAK.search(_QUOTATION.sub("", text)))


def with_limits(note: EvidenceSentence, others: Sequence[EvidenceSentence]) -> list[EvidenceSentence]:
    """``note`` and what of ``others`` takes it back in part, and what takes that back, in the order of the document."""
    return [note, *(told for other in others if limits(note, other) for told in with_limits(other, others))]


def speaks_of_known(note: EvidenceSentence) -> bool:
    """Whether ``note`` opens with a surname alone that its passage gave in full before: "Maalin recovered …"."""
    opening = re.match(r"[A-Z][\w-]+(?=['’]s? |s? [a-z])", note.text.lstrip("“"))
    if opening is None:
        return False
    return re.search(rf"\b[A-Z]\w+ {re.escape(opening[0])}\b", note.chunk.text[: note.start]) is not None


def _in_quotation_marks(text: str) -> str:
    inner = re.sub(r"\"([^\"]*)\"", r"‘\1’", text).replace("“", "‘").replace("”", "’")
    return f"“{inner}”"


def letters(text: str) -> float:
    """The share of letters and spaces in ``text``."""
    return sum(ch.isalpha() or ch.isspace() for ch in text) / max(1, len(text))


def _may_be_meant(name: str) -> bool:
    """Whether a pronoun may stand for ``name``: not for a month, nor for the owner of something ("Russia's")."""
    return name not in CALENDAR and not re.search(r"['’]s?$", name)


def _subject(text: str, before: int) -> bool:
    """Whether a name opens the sentence, as ``Cohen`` does in "Cohen said that he …"."""
    first = _NAME.match(text)
    return first is not None and first.group().lower() not in _COMMON_OPENERS and first.end() < before


_COMMON_OPENERS = (
    FUNCTION_WORDS
    | frozenset(
        (
            "after before since until according if although though because despite following all no not only some many "
            "most several"
        ).split()
    )
    | frozenset(CARDINALS[2:11])
)
"""Words that open a sentence with a capital and are no name."""
