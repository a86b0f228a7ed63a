"""The parts of a question that asks for several things: "Why was it adopted, and what does it cost?".

A part is a clause with a question of its own: it opens with a question word, or with an auxiliary verb before its
subject. These are closed classes of English, so no parser is loaded for them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.text import split_sentences

MAX_PARTS = 4
"""Parts of a question that are searched for; what further ones ask for is searched for with the whole question."""

_ASKING = r"(?:what|who|whom|whose|when|where|why|how|which)\b"
_AUXILIARY = r"(?:is|are|was|were|do|does|did|can|could|may|must|should|will|would|has|have|had)"
_SUBJECT = r"(?:(?:it|they|he|she|there|these|this|the|an?|any|all|its|his|her|their|I|you|we|one)\b|[A-Z])"
_OPENING = rf"(?:(?:(?:at|by|for|from|in|of|on|to|under|with) )?{_ASKING}|{_AUXILIARY} {_SUBJECT})"
_BREAK = re.compile(
    rf"(?:\?\s+|[,;:]?\s+(?:and|but|or)\s+|[;]\s+)(?=(?i:{_ASKING})|{_OPENING})|,\s+(?:and|but|or)\s+(?=(?:do|does|did)\b)"
)
_LEAD = re.compile(
    rf"^(?:(?i:(?:at|by|for|from|in|of|on|to|under|with) )?(?i:{_ASKING})(?: (?:many|much|long|far|often|exactly))?"
    rf"(?: (?i:{_AUXILIARY}))?|(?i:{_AUXILIARY}))\s+"
)
_ASKS = re.compile(rf"^(?:(?:at|by|for|from|in|of|on|to|under|with) )?(?:{_ASKING}|{_AUXILIARY}\b)", re.IGNORECASE)
_REFERENCE = re.compile(
    r"\b(?:it|its|they|them|their|he|him|his|she|her|this|that|these|those|one|ones|so|there)\b", re.IGNORECASE
)
_CONTENT_WORD = re.compile(r"\b(?:\w*[A-Z0-9]\w*|\w{5,})\b")

MIN_CONTENT_WORDS = 3
"""A later part with fewer long words or names takes its subject from the first part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionPart:
    """A part of a question.

    ``text`` is the part as it is asked. ``query`` names the subject too, which a later part takes from the first one:
    "the ? operator: what does it cost?".
    """

    text: str
    query: str

    @property
    def wordings(self) -> tuple[str, ...]:
        """The ``query``, and the ``text`` if it differs: a model that reads both is not misled by the first part."""
        return tuple(dict.fromkeys((self.query, self.text)))


def question_parts(question: str) -> list[QuestionPart]:
    """Return the parts of ``question``, at most :data:`MAX_PARTS`; one part if it asks for one thing.

    A reader agreed with all of 28 divisions, drawn from the questions that were written on the prose passages. Of 25
    undivided questions with an "and" four ask for a second thing ("…, and until when?").
    """
    plain = " ".join(question.split()).rstrip("?. ")
    pieces = [piece.strip(" ,;?") for piece in _BREAK.split(plain)]
    pieces = [piece for piece in pieces if len(piece.split()) > 1]
    if len(pieces) < 2:
        return [QuestionPart(text=question, query=question)]
    start, end = split_sentences(pieces[0])[-1]  # what stands before it tells why somebody asks
    first = pieces[0][start:end]
    if not _ASKS.match(first):
        return [QuestionPart(text=question, query=question)]
    subject = _LEAD.sub("", first)
    return [_part(piece, subject if at else "") for at, piece in enumerate([first, *pieces[1:MAX_PARTS]])]


def _part(piece: str, subject: str) -> QuestionPart:
    text = f"{piece[:1].upper()}{piece[1:]}?"
    depends = bool(_REFERENCE.search(piece)) or len(_CONTENT_WORD.findall(_LEAD.sub("", piece))) < MIN_CONTENT_WORDS
    query = f"{subject}: {piece}?" if subject and depends else text
    return QuestionPart(text=text, query=query)
