"""The alignment model: scores, near copies and features. Real model."""

from __future__ import annotations

import numpy as np
import pytest

from rag.embedding.tokens import join
from rag.verify.alignment.facts import names, numbers
from rag.verify.alignment.features import NAMES, features
from rag.verify.alignment.model import AlignmentModel

pytestmark = pytest.mark.integration

PASSAGE = (
    "On November 29, 2018, Michael Cohen pleaded guilty to making false statements to Congress "
    "about the Trump Tower Moscow project. "
    "He had told two committees that the project ended in January 2016. "
    "In fact, the discussions went on until June 2016, and Cohen had briefed Trump on them more than three times."
)
ELSEWHERE = (
    "The harbour of Tromsø stays free of ice through the winter. Fishing boats land cod from January to April, "
    "and the town's processing plants take on several hundred seasonal workers."
)


@pytest.fixture(scope="module")
def model() -> AlignmentModel:
    return AlignmentModel.load()


def full(model: AlignmentModel, *pairs: tuple[str, str | list[str]]) -> list[float]:
    ready = [(claim, [evidence] if isinstance(evidence, str) else evidence) for claim, evidence in pairs]
    return [each.probability for each in model.align(ready)]


@pytest.mark.parametrize(
    "sentence",
    [
        "He had told two committees that the project ended in January 2016.",
        "Michael Cohen pleaded guilty to making false statements to Congress about the Trump Tower Moscow project.",
        "Cohen pleaded guilty in November 2018 to making false statements to Congress.",
    ],
)
def test_what_a_passage_states_is_full(model: AlignmentModel, sentence: str) -> None:
    assert full(model, (sentence, PASSAGE))[0] >= model.threshold


def test_the_wrong_passage_supports_nothing(model: AlignmentModel) -> None:
    for sentence in PASSAGE.split(". "):
        assert full(model, (sentence, ELSEWHERE))[0] < 0.2


@pytest.mark.parametrize(
    ("true", "lie"), [("2018", "2014"), ("Michael Cohen", "Paul Manafort"), ("Cohen pleaded", "Cohen never pleaded")]
)
def test_a_changed_fact_scores_below_the_true_sentence(model: AlignmentModel, true: str, lie: str) -> None:
    sentence = PASSAGE.split(". ", maxsplit=1)[0] + "."
    before, after = full(model, (sentence, PASSAGE), (sentence.replace(true, lie), PASSAGE))
    assert after < before


def test_two_passages_together_support_what_neither_states_alone(model: AlignmentModel) -> None:
    both = (
        "Cohen pleaded guilty to making false statements to Congress, and fishing boats land cod from January to April."
    )
    scores = full(model, (both, PASSAGE), (both, ELSEWHERE), (both, [PASSAGE, ELSEWHERE]))
    assert scores[2] > max(scores[0], scores[1])


def test_scores_do_not_depend_on_company_or_order(model: AlignmentModel) -> None:
    pairs: list[tuple[str, str | list[str]]] = [
        ("Cohen briefed Trump.", PASSAGE),
        ("Cod is landed.", ELSEWHERE),
        ("The project ended in January 2016.", PASSAGE),
    ]
    expected = full(model, *pairs)
    assert full(model, *pairs[::-1])[::-1] == pytest.approx(expected, abs=1e-3)
    assert [full(model, pair)[0] for pair in pairs] == pytest.approx(expected, abs=1e-3)


def test_nothing_supports_and_nothing_is_supported_by_an_empty_text(model: AlignmentModel) -> None:
    cohen = "Cohen pleaded guilty."
    assert full(model, ("", PASSAGE), (cohen, ""), (cohen, []), (cohen, "  \n")) == [0.0] * 4
    assert model.align([]) == []


def test_a_near_copy_is_marked_and_a_changed_number_in_it_refused(model: AlignmentModel) -> None:
    long = f"{PASSAGE} {ELSEWHERE}"
    copy = "He had told two committees that the project ended in January 2016."
    true, changed, free = model.align(
        [(copy, [long]), (copy.replace("2016", "2014"), [long]), ("Congress heard untruths about a tower.", [long])]
    )
    assert (true.copy, free.copy) == (True, False)
    assert true.probability >= model.threshold > changed.probability


def test_joined_passages_keep_their_offsets(model: AlignmentModel) -> None:
    both = join(model.encoder.encode([PASSAGE, ELSEWHERE]))
    assert both.text[both.starts[-2] : both.ends[-2]] == "workers"
    assert (np.diff(both.sentence) >= 0).all()


def test_features_are_finite_and_named(model: AlignmentModel) -> None:
    claim, evidence, punctuation = model.encoder.encode(["It is so.", PASSAGE, "…!"])
    idf = np.ones(model.encoder.tokenizer.get_vocab_size(), np.float32)
    for first, second in ((claim, evidence), (evidence, claim), (punctuation, claim), (claim, punctuation)):
        found = features(first, second, idf)
        assert len(found) == len(NAMES)
        assert np.isfinite(found).all()


def test_numbers_and_names_are_read_one_way() -> None:
    assert numbers("two of 1,000 in 2016.") == {"2", "1000", "2016"}
    assert names("In Moscow, Cohen’s lawyer met “Trump”. They spoke.") == {"moscow", "cohen", "trump"}
