"""The words of a question that carry what it is about."""

from __future__ import annotations

from rag.text.words import words_of

_ASKING = frozenset(
    (
        "a an the of to in on at by for with from as and or but that which who whom whose what when where why how is "
        "are was were be been being do does did done has have had having can could will would shall should may might "
        "must it its he his she her they their them there this these those i we you me us our your my any some all "
        "each every both either about into over under between among within without during before after since until "
        "than then so not no if whether out up down off again also only just more most much many long often far tell "
        "describe explain list give show say said know known summarize summarise outline discuss detail details find "
        "please role happen happened happening main major key important importance significance significant kind "
        "kinds type types sort way ways link links linked relation relations relationship relationships connection "
        "connections tie ties involve involved involvement overview background history summary timeline evidence fact "
        "facts information topic subject matter issue issues question questions answer reason reasons cause causes "
        "purpose aim goal effect effects impact consequence consequences result results outcome outcomes difference "
        "differences compare comparison similar similarities new different various exactly actually really ever name "
        "names called event events thing things people person someone anyone make made take took get got go went come "
        "came use used using work works according regarding concerning related part parts other others one ones same "
        "such between versus vs state states report reported"
    ).split()
)
"""Words that ask, relate or link: they do not say what a question is about."""


def query_terms(question: str) -> list[str]:
    """The words of ``question`` that say what it is about, each once, as they stand."""
    return list(dict.fromkeys(word for word in words_of(question) if word.lower() not in _ASKING))
