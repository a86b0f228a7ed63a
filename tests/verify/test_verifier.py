"""What a passage states passes; a changed fact, a denial or another passage does not. Real model."""

from __future__ import annotations

import pytest

from rag._internal.ids import chunk_id
from rag.types import Chunk
from rag.verify import default_verifier

pytestmark = pytest.mark.integration

TEXT = (
    "Paul Manafort chaired the campaign from May to August 2016. He met Konstantin Kilimnik at the Grand "
    "Havana Club in "
    "New York on August 2, 2016, and gave him internal polling data. Prosecutors said that Manafort lied "
    "about the meeting. "
    "The special counsel did not establish that Manafort's sharing of data was part of a conspiracy with Russia."
)
PASSAGE = Chunk(
    id=chunk_id("m", 0, TEXT), document_id="m", text=TEXT, start=0, end=len(TEXT), title="Manafort and Kilimnik"
)


def support(sentence: str) -> str | None:
    [verdict] = default_verifier().verify([(sentence, (PASSAGE,))])
    return verdict.support


@pytest.mark.parametrize(
    "sentence",
    [
        "Paul Manafort chaired the campaign from May to August 2016.",
        "Manafort met Konstantin Kilimnik at the Grand Havana Club in New York on August 2, 2016.",
        "Prosecutors said that Manafort lied about the meeting.",
        "The special counsel did not establish that Manafort's sharing of data was part of a conspiracy with Russia.",
    ],
)
def test_what_the_passage_states_is_supported(sentence: str) -> None:
    assert support(sentence) == "full"


@pytest.mark.parametrize(
    "sentence",
    [
        "Manafort met Konstantin Kilimnik at the Grand Havana Club in New York on August 3, 2016.",
        "Manafort met Sergey Kislyak at the Grand Havana Club in New York on August 2, 2016.",
        "The special counsel established that Manafort's sharing of data was part of a conspiracy with Russia.",
        "The Panama Canal opened to ships in 1914 after ten years of work.",
        "Kilimnik passed the polling data on to the Kremlin.",
        pytest.param(
            "Manafort lied about the meeting.",
            marks=pytest.mark.xfail(reason="the packaged models do not see a lost attribution", strict=True),
        ),
    ],
)
def test_what_the_passage_does_not_state_is_not_supported(sentence: str) -> None:
    assert support(sentence) != "full"


def test_a_sentence_without_evidence_has_no_support() -> None:
    [verdict] = default_verifier().verify([("Manafort chaired the campaign.", ())])
    assert (verdict.support, verdict.score >= 0.5) == ("none", False)
    assert verdict.reason == "no evidence"


def test_the_quote_is_the_sentence_that_states_it_at_its_exact_place() -> None:
    [quote] = default_verifier().quotes("Manafort lied about the meeting, prosecutors said.", (PASSAGE,))
    assert TEXT[quote.start : quote.end] == quote.text == "Prosecutors said that Manafort lied about the meeting."
