"""Corrections of a brief: a verified sentence is never lost to one that is not, and no required part is emptied."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from briefs import chunk

from rag.types import Chunk, Quote, Sentence, Verdict
from rag.verify import Premise
from rag.writing.drafts import Draft, RefusedDraft
from rag.writing.editing import Edit, EditAction, PartToEdit, edited_parts
from rag.writing.repair import RepairPolicy

PIER = chunk("pier.md", "The pier opened in 2011. It cost 41 million kroner. Boats came in 2015.")


class WordVerifier:
    """Supports a sentence of which the evidence has all words."""

    name = "words"
    min_reattribution_score = 2.0

    @property
    def citation_judge(self) -> WordVerifier:
        return self

    def verify(self, pairs: Sequence[tuple[str, Sequence[Premise]]]) -> list[Verdict]:
        return [self._verdict(text, premises) for text, premises in pairs]

    def _verdict(self, text: str, premises: Sequence[Premise]) -> Verdict:
        texts = " ".join(each.text if isinstance(each, Chunk) else each for each in premises)
        known = set(texts.lower().replace(".", "").split())
        absent = [word for word in text.lower().strip(".").split() if word not in known]
        return Verdict(support="none" if absent else "full", score=1.0, judge=self.name, unsupported=" ".join(absent))

    def quotes(self, sentence: str, chunks: Sequence[Chunk]) -> tuple[Quote, ...]:
        return tuple(Quote(chunk_id=each.id, start=0, end=4, text=each.text[:4]) for each in chunks)


def printed(text: str) -> Sentence:
    quote = Quote(chunk_id=PIER.id, start=0, end=4, text=PIER.text[:4])
    return Sentence(text=text, citations=(PIER.id,), support="full", score=1.0, quotes=(quote,))


def edit(entry: int, action: EditAction, *texts: str) -> Edit:
    drafts = tuple(Draft(text=text, chunks=(PIER,), evidence=()) for text in texts)
    return Edit(entry=entry, action=action, drafts=drafts, why="it misleads")


OPENED, COST = printed("The pier opened in 2011."), printed("It cost 41 million kroner.")
SECTION = PartToEdit(kind="section", name="Pier", entries=(OPENED, COST))


def edited(part: PartToEdit, *edits: Edit) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the texts of ``part`` after ``edits``, and the actions with the texts before them."""
    policy = RepairPolicy(verifier=WordVerifier(), evidence=[PIER])
    [sentences] = edited_parts([part], edits, policy).sentences
    return [each.text for each in sentences], [(each.action, each.before) for each in policy.log]


def test_a_correction_that_is_not_supported_leaves_the_sentence() -> None:
    assert edited(SECTION, edit(0, "replace", "The pier opened in 2012.")) == ([OPENED.text, COST.text], [])


def test_a_correction_takes_the_place_of_its_sentence_and_what_is_added_follows_it() -> None:
    found = edited(SECTION, edit(0, "add", "Boats came in 2015."), edit(0, "replace", "In 2011 the pier opened."))
    texts = ["In 2011 the pier opened.", "Boats came in 2015.", COST.text]
    assert found == (texts, [("rewrite", OPENED.text), ("add", "")])


def test_what_another_sentence_says_is_not_said_again_unless_that_one_goes() -> None:
    again = edit(0, "add", COST.text)
    assert edited(SECTION, again)[0] == [OPENED.text, COST.text]
    assert edited(SECTION, again, edit(1, "drop"))[0] == [OPENED.text, COST.text]


def test_a_fallback_stands_in_for_a_replacement_that_did_not_pass() -> None:
    wrong = RefusedDraft(draft=Draft(text="It cost 99 million.", chunks=(PIER,), evidence=()), fault="not 99")
    part = PartToEdit(kind="summary", entries=(OPENED, wrong), required=True)
    fallback = edit(1, "fallback", "It cost 41 million.")
    assert edited(part, edit(1, "replace", "It cost 98 million."), fallback)[0] == [OPENED.text, "It cost 41 million."]
    assert edited(part, edit(1, "replace", COST.text), fallback)[0] == [OPENED.text, COST.text]
    halves = [edit(1, "replace", "Boats came in 2015."), edit(1, "replace", "It cost 98 million.")]
    texts = [OPENED.text, "Boats came in 2015.", "It cost 41 million."]
    assert edited(part, *halves, fallback)[0] == texts
    of_each = [edit(1, "fallback", "In 2015 boats came."), fallback]
    assert edited(part, *halves, *of_each)[0] == texts
    assert edited(part, halves[0], of_each[0], halves[1], of_each[1])[0] == texts
    assert edited(SECTION, edit(1, "fallback", "It cost 41 million."))[0] == [OPENED.text, COST.text]
    dear = edit(1, "replace", "It cost 98 million.")
    assert edited(SECTION, dear, edit(1, "fallback", "It cost 41 million."))[0] == [OPENED.text, "It cost 41 million."]
    assert edited(SECTION, dear, edit(1, "fallback", "It cost 99 million."))[0] == [OPENED.text, COST.text]


@pytest.mark.parametrize("required", [True, False])
def test_a_required_part_keeps_a_sentence(required: bool) -> None:
    part = PartToEdit(kind="section", name="Pier", entries=(OPENED, COST), required=required)
    texts, actions = edited(part, edit(0, "drop"), edit(1, "drop"))
    assert texts == ([OPENED.text] if required else [])
    assert [action for action, _ in actions] == ["drop"] * (1 if required else 2)


def test_a_fallback_stands_in_for_what_was_to_be_added_and_did_not_pass() -> None:
    sunk, came = edit(0, "add", "Boats sank in 2015."), edit(0, "fallback", "Boats came in 2015.")
    assert edited(SECTION, sunk, came) == ([OPENED.text, "Boats came in 2015.", COST.text], [("add", "")])
    assert edited(SECTION, edit(0, "add", "In 2015 came boats."), came)[0][1] == "In 2015 came boats."


def test_no_two_corrections_print_the_same_words() -> None:
    wrong = RefusedDraft(draft=Draft(text="It cost 99 million.", chunks=(PIER,), evidence=()), fault="not 99")
    part = PartToEdit(kind="section", name="Pier", entries=(OPENED, wrong, COST))
    fallback = edit(1, "fallback", "Boats came in 2015.")
    texts, _ = edited(part, fallback, fallback, edit(2, "add", "Boats came in 2015."))
    assert texts == [OPENED.text, "Boats came in 2015.", COST.text]
    stays = edit(2, "replace", "It cost 98 million.")
    assert edited(part, edit(1, "replace", COST.text), stays)[0] == [OPENED.text, COST.text]


def test_each_half_of_a_divided_sentence_has_its_own_fallback() -> None:
    halves = [edit(0, "replace", "The pier opened."), edit(0, "replace", "It cost 99 million kroner.")]
    fallbacks = [edit(0, "fallback", "The pier opened early."), edit(0, "fallback", "Boats came in 2015.")]
    texts, _ = edited(SECTION, halves[0], fallbacks[0], halves[1], fallbacks[1])
    assert texts == ["The pier opened.", "Boats came in 2015.", COST.text]
    assert edited(SECTION, *halves)[0] == [OPENED.text, COST.text]
    assert edited(SECTION, *halves, fallbacks[1])[0] == ["Boats came in 2015.", COST.text]


def test_a_sentence_that_is_added_elsewhere_word_for_word_is_moved_though_the_verifier_refuses_it_alone() -> None:
    checked_with_others = printed("The harbour of Oslo got a pier in 2011.")
    part = PartToEdit(kind="section", name="Pier", entries=(checked_with_others, COST))
    found = edited(part, edit(0, "drop"), edit(1, "add", checked_with_others.text))
    assert found == ([COST.text, checked_with_others.text], [("drop", checked_with_others.text), ("add", "")])


def test_a_verified_sentence_stays_if_its_replacement_says_what_another_says() -> None:
    again = edit(0, "replace", COST.text)
    for required in (False, True):
        part = PartToEdit(kind="section", name="Pier", entries=(OPENED, COST), required=required)
        assert edited(part, again)[0] == [OPENED.text, COST.text]


def test_a_fallback_beside_what_is_added_to_a_refused_sentence_is_printed_once() -> None:
    wrong = RefusedDraft(draft=Draft(text="It cost 99 million.", chunks=(PIER,), evidence=()), fault="not 99")
    part = PartToEdit(kind="section", name="Pier", entries=(OPENED, wrong, COST))
    texts, log = edited(part, edit(1, "add", "Boats came in 2016."), edit(1, "fallback", "Boats came in 2015."))
    assert texts == [OPENED.text, "Boats came in 2015.", COST.text]
    assert log == [("add", ""), ("drop", "It cost 99 million.")]


def test_a_refused_sentence_is_logged_though_something_is_added_behind_it() -> None:
    wrong = RefusedDraft(draft=Draft(text="It cost 99 million.", chunks=(PIER,), evidence=()), fault="not 99")
    part = PartToEdit(kind="summary", entries=(OPENED, wrong), required=True)
    texts, log = edited(part, edit(1, "add", "Boats came in 2015."))
    assert texts == [OPENED.text, "Boats came in 2015."]
    assert log == [("add", ""), ("drop", "It cost 99 million.")]


def test_the_log_tells_the_correction_of_a_refused_sentence_that_failed_too() -> None:
    wrong = RefusedDraft(draft=Draft(text="It cost 99 million.", chunks=(PIER,), evidence=()), fault="not 99")
    part = PartToEdit(kind="summary", entries=(OPENED, wrong), required=True)
    policy = RepairPolicy(verifier=WordVerifier(), evidence=[PIER])
    assert edited_parts([part], [edit(1, "replace", "It cost 98 million.")], policy).sentences == [[OPENED]]
    [repair] = policy.log
    assert (repair.action, repair.before) == ("drop", wrong.draft.text)
    assert repair.why == "not 99; corrected as “It cost 98 million.”: the evidence does not say “98”"
