"""Examples from claims in free prose: labels with a sentence removed, and domains held out."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from rag.eval.training.verifier import development, prose
from rag.eval.training.verifier.examples import Example


def all_training(data: Path) -> list[Example]:
    return [example for seed in range(30) for example in prose.training_examples(data / "prose", random.Random(seed))]


def test_a_removed_sentence_turns_the_label_of_claims_that_need_it_only(data: Path) -> None:
    captain = "The captain blamed the fog."
    turned, kept = 0, 0
    for example in all_training(data):
        for claim in example.claims:
            if claim.kind == "sentence removed":
                turned += 1
                assert not claim.supported
                assert (claim.unsupported, claim.has_twin) == (None, False)
            elif claim.text == captain and claim.kind != "other passage" and "Nine sailors" not in example.evidence:
                kept += 1
                assert claim.supported
            if claim.text == captain:
                assert claim.supported == (captain in example.evidence)
    assert turned > 20
    assert kept > 0


def test_domains_held_out_are_never_in_training(data: Path) -> None:
    assert not [example for example in all_training(data) if "board" in example.evidence.lower()]
    found = prose.development_examples(data / "prose")
    assert {example.source for example in found} == {"minutes"}
    assert [claim.supported for claim in found[0].claims] == [True, False]


def test_a_claim_on_two_passages_is_used_only_if_both_are_on_the_same_side(data: Path) -> None:
    passages = prose.read_passages(data / "prose")
    trained = prose.joined_examples(data / "prose", passages, held_out=False)
    held_out = prose.joined_examples(data / "prose", passages, held_out=True)
    assert [example.claims[0].text for example in trained] == ["The ferry sank and trade grew."]
    assert [example.claims[0].text for example in held_out] == ["The board met twice."]
    assert "\n\nThe port was rebuilt." in trained[0].evidence


def test_a_neighbour_of_the_domain_stands_beside_some_passages(data: Path) -> None:
    beside = [each for each in all_training(data) if "The ferry\n" in each.evidence and "Trade grew." in each.evidence]
    whole = " ".join(["The ferry sank in May 1921.", "Nine sailors drowned.", "The captain blamed the fog."])
    assert beside
    assert all(whole in example.evidence for example in beside)


def test_another_passage_alone_supports_no_claim(data: Path) -> None:
    beside = [(claim, each) for each in all_training(data) for claim in each.claims if claim.kind == "other passage"]
    assert beside
    assert not [claim for claim, example in beside if claim.supported or claim.text in example.evidence]


def test_the_choices_are_those_of_the_random_generator(data: Path) -> None:
    first, second, other = (prose.training_examples(data / "prose", random.Random(seed)) for seed in (1, 1, 2))
    assert first == second != other


def test_a_false_claim_without_a_true_one_keeps_its_label(data: Path) -> None:
    units = prose.read_units(data / "prose")["P1"]
    alone = [unit for unit in units if unit.twin is None]
    assert [(unit.claim.supported, unit.claim.unsupported) for unit in alone] == [(False, None)]


def test_joined_rows_that_are_no_pair_are_an_error(data: Path, tmp_path: Path) -> None:
    lines = (data / "prose" / "joined.jsonl").read_text().splitlines()
    (tmp_path / "joined.jsonl").write_text("\n".join([lines[0], lines[2]]))
    with pytest.raises(ValueError, match="JP1 and JP3 are no claim and its twin"):
        prose.joined_examples(tmp_path, prose.read_passages(data / "prose"), held_out=False)


def test_development_variants_support_no_claim(data: Path) -> None:
    sets = {each.name: each.examples for each in development.development_sets(data, data / "written.jsonl")}
    for name in (development.REMOVED, development.OTHER, development.HALF):
        assert sets[name]
        assert not any(claim.supported for example in sets[name] for claim in example.claims)
    assert {example.evidence.split("\n")[0] for example in sets[development.HALF]} == {"Board, May", "Board, June"}
    assert next(example.evidence for example in sets[development.OTHER]).startswith("Board, June")
    assert {example.evidence for example in sets["prose, claim alone"]} == {""}
