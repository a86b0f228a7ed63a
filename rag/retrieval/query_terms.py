"""Query terms: the words of a question that say what it is about."""

from __future__ import annotations

from rag.text import FUNCTION_WORDS, words_of

_QUESTION_WORDS = frozenset(
    (
        # Pronouns, modal verbs, quantifiers and negations, which a question may have and a subject has not.
        "i we you me us our your my any some all each every either someone anyone one ones other others no not only "
        "just can could will would shall should may might must done having if whether so then since until before "
        "after again without out up down off more most much many long often far such same versus vs ever "
        # Requests.
        "tell describe explain list give show say said know known summarize summarise outline discuss detail details "
        "find please name names called answer question questions compare comparison report reported state states "
        # What a question asks for: relations, reasons, kinds, results.
        "link links linked relation relations relationship relationships connection connections tie ties involve "
        "involved involvement related overview background history summary timeline evidence fact facts information "
        "topic subject matter issue issues reason reasons cause causes purpose aim goal effect effects impact "
        "consequence consequences result results outcome outcomes difference differences similar similarities role "
        "part parts kind kinds type types sort way ways thing things event events people person regarding concerning "
        "according "
        # Words that could stand in a question on anything.
        "happen happened happening main major key important importance significance significant new different various "
        "exactly actually really make made take took get got go went come came use used using work works"
    ).split()
)
"""Words that ask, request, relate or link, and say nothing of the subject of a question."""

_NO_TERMS = FUNCTION_WORDS | _QUESTION_WORDS


def query_terms(question: str) -> list[str]:
    """Return the words of ``question`` that say what it is about, each once, as written."""
    return list(dict.fromkeys(word for word in words_of(question) if word.lower() not in _NO_TERMS))
