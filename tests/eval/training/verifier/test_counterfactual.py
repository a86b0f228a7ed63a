"""Examples with changed evidence: what a claim says decides nothing, only what the evidence says of it."""

from __future__ import annotations

import random
from collections import defaultdict

from rag.eval.training.verifier.counterfactual import (
    all_reversed,
    exchanged,
    exchanged_examples,
    reversed_examples,
)
from rag.eval.training.verifier.examples import ExampleClaim, twins
from rag.eval.training.verifier.prose import Passage, Unit

LEAVE = Passage(
    id="P1",
    domain="handbook",
    title="Leave",
    sentences=(
        "Primary caregivers can take up to 16 weeks of leave in London.",
        "Secondary caregivers can take up to 6 weeks of leave in Dublin.",
        "There are no plans to change this.",
    ),
)
PRIMARY = "Primary caregivers get 16 weeks off."


def supported(text: str) -> ExampleClaim:
    """Return a claim that its evidence supports."""
    return ExampleClaim(text=text, supported=True, unsupported=())


def unit(text: str, needs: int) -> Unit:
    """Return a true claim that needs one sentence."""
    return Unit(claim=supported(text), twin=None, needs=frozenset({needs}))


def test_values_change_places_as_whole_words() -> None:
    assert exchanged("6 of 16 (16%), 160 and 1.6", "6", "16") == "16 of 6 (6%), 160 and 1.6"
    assert exchanged("Dover and Dover-Calais", "Dover", "Calais") == "Calais and Dover-Calais"


def test_each_claim_is_true_on_one_evidence_and_false_on_the_other() -> None:
    labels: defaultdict[str, set[tuple[str, bool]]] = defaultdict(set)
    for seed in range(20):
        for example in exchanged_examples(LEAVE.text(), [PRIMARY], "handbook", random.Random(seed)):
            for claim in example.claims:
                labels[claim.text].add((example.evidence, claim.supported))
    other = exchanged(LEAVE.text(), "16", "6")
    assert labels == {
        PRIMARY: {(LEAVE.text(), True), (other, False)},
        "Primary caregivers get 6 weeks off.": {(LEAVE.text(), False), (other, True)},
    }


def test_a_claim_that_compares_values_is_left_out() -> None:
    claims = ["Primary caregivers get more than the 6 weeks of the others.", "The terms are 16 and 6 weeks."]
    assert not list(exchanged_examples(LEAVE.text(), claims, "handbook", random.Random(1)))


def test_the_evidence_is_negated_and_claims_that_need_another_sentence_keep_their_labels() -> None:
    units = [unit("Nothing is to change.", 3), unit("A secondary caregiver has 6 weeks.", 2)]
    found: set[tuple[bool, str, bool]] = set()
    for seed in range(40):
        for example in reversed_examples(LEAVE, units, random.Random(seed)):
            denied = "There are plans to change this." in example.evidence
            found |= {
                (denied, claim.text, claim.supported) for claim in example.claims if denied or claim.kind == "copy"
            }
    assert (False, "There are no plans to change this.", True) in found
    assert {
        (True, "There are plans to change this.", True),
        (True, "There are no plans to change this.", False),
        (True, "Nothing is to change.", False),
        (True, "A secondary caregiver has 6 weeks.", True),
    } <= found


def test_false_twins_of_kept_claims_stay_false() -> None:
    claim, twin = twins("A secondary caregiver has 6 weeks.", "A secondary caregiver has 9 weeks.")
    units = [Unit(claim=claim, twin=twin, needs=frozenset({2}))]
    found = {
        (each.text, each.supported)
        for seed in range(40)
        for example in all_reversed({"P1": LEAVE}, {"P1": units}, random.Random(seed))
        for each in example.claims
        if each.text == twin.text
    }
    assert found == {(twin.text, False)}


def test_a_name_of_which_another_form_stays_keeps_its_place() -> None:
    evidence = "Analysts expect a loss of Rivian's. On Monday the board of Hold met with Rivian Motors."
    claims = ["There is to be a loss of Rivian's."]
    assert not list(exchanged_examples(evidence, claims, "news", random.Random(1)))
