"""Parts of a long claim, and the words that are marked as unsupported."""

from __future__ import annotations

import re

from rag.embedding.minilm import load_tokenizer
from rag.verify.support.claims import claim_parts, marked_spans

CLAIM = "The ban on ferries, imposed in 2014, lapsed in 2016, the ministry said."


def spans_of(*marks: str, claim: str = CLAIM, value: float = 0.9) -> list[str]:
    """Return the marked parts of ``claim`` where the tokens that ``marks`` name are marked."""
    offsets = [match.span() for match in re.finditer(r"\w{1,4}|[^\w\s]", claim)]  # pieces of words, as a tokenizer's
    values = [value if claim[start:end] in marks else 0.1 for start, end in offsets]
    return [claim[start:end] for start, end in marked_spans(claim, offsets, values, 0.5)]


def test_a_mark_is_widened_to_the_whole_word() -> None:
    assert spans_of("ies") == ["ferries"]


def test_marks_with_few_words_between_them_are_joined_and_others_are_not() -> None:
    assert spans_of("laps", "2016") == ["lapsed in 2016"]
    assert spans_of("laps", "2014") == ["2014, lapsed"]
    assert spans_of("ban", "2016") == ["ban", "2016"]


def test_the_part_with_the_most_marks_comes_first() -> None:
    assert spans_of("ban", "mini", "stry", "said") == ["ministry said", "ban"]


def test_a_mark_below_the_threshold_or_on_punctuation_names_nothing() -> None:
    assert spans_of("laps", value=0.4) == []
    assert spans_of(",", ".") == []


def test_a_mark_far_below_the_highest_one_is_left_out() -> None:
    offsets = [match.span() for match in re.finditer(r"\w+", CLAIM)]
    marks = [{"lapsed": 0.9, "2016": 0.6, "ban": 0.5}.get(CLAIM[start:end], 0.1) for start, end in offsets]
    assert [CLAIM[start:end] for start, end in marked_spans(CLAIM, offsets, marks, 0.2)] == ["lapsed in 2016"]


def test_a_long_claim_is_divided_after_a_clause_and_nothing_is_lost() -> None:
    tokenizer = load_tokenizer()
    claim = "; ".join(f"in year {number} the town paid for a bridge" for number in range(2001, 2013))
    parts = claim_parts(claim, tokenizer, 40)
    assert len(parts) > 1
    assert all(len(part.ids) <= 40 for part in parts)
    assert [token for part in parts for token in part.ids] == tokenizer.encode(claim, add_special_tokens=False).ids
    assert all(claim[slice(*part.offsets[-1])] == ";" for part in parts[:-1])
    assert claim[parts[1].offsets[0][0] :].startswith("in year")
    assert len(claim_parts(CLAIM, tokenizer, 40)) == 1
    assert claim_parts("", tokenizer, 40) == []
