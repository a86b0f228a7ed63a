"""Evidence is read whole, or as the sentences that bear on the claim."""

from __future__ import annotations

from rag.embedding.minilm import load_tokenizer
from rag.verify.support.evidence import Passage, evidence_ids

FILLER = " ".join(f"The harbour of town number {number} stays free of ice through the winter." for number in range(30))
NEEDED = "The ferry Alma sank off Bergen after a fire in her engine room."
FOLLOWING = "Nobody was hurt."
CLAIM = "A fire in the engine room sank the Alma."


def text_of(claim: str, passages: list[Passage], limit: int) -> str:
    tokenizer = load_tokenizer()
    ids = evidence_ids(claim, passages, tokenizer, limit)
    assert len(ids) <= limit
    return str(tokenizer.decode(list(ids)))


def test_short_evidence_is_read_whole_under_the_headings_of_its_passages() -> None:
    passages = [
        Passage("One sank.", "Ships — Losses"),
        Passage("Two floated.", "Ships — Losses"),
        Passage("Rain.", "W"),
    ]
    assert text_of(CLAIM, passages, 99) == "ships — losses one sank. two floated. w rain."


def test_long_evidence_keeps_the_needed_sentence_of_any_passage_with_its_neighbour_and_heading() -> None:
    passages = [Passage(FILLER, "Harbours"), Passage(f"{FILLER} {NEEDED} {FOLLOWING} {FILLER}", "Losses of 1931")]
    read = text_of(CLAIM, passages, 120)
    assert NEEDED.lower().rstrip(".") in read
    assert FOLLOWING.lower().rstrip(".") in read
    assert "losses of 1931" in read


def test_sentences_stay_in_order_and_a_passage_without_chosen_sentences_has_no_heading() -> None:
    first, second = "The Alma left Bergen at noon.", "A fire broke out in the engine room of the Alma."
    read = text_of(CLAIM, [Passage(FILLER, "Harbours"), Passage(f"{first} {second}", "Alma")], 30)
    assert read.index("left bergen") < read.index("a fire broke out")
    assert "harbours" not in read


def test_a_sentence_longer_than_the_limit_is_divided() -> None:
    table = " ".join(f"item {number} cost {number}" for number in range(200)) + " engine fire Alma"
    read = text_of(CLAIM, [Passage(table)], 100)
    assert read.endswith("engine fire alma")


def test_the_heading_of_several_passages_stands_before_the_first_chosen_sentence_once() -> None:
    passages = [Passage(FILLER, "Losses"), Passage(NEEDED, "Losses"), Passage(FOLLOWING, "Losses")]
    read = text_of(CLAIM, passages, 40)
    assert read.count("losses") == 1
    assert read.index("losses") < read.index("the ferry alma")
