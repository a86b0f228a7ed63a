"""The packaged model: its scores do not depend on the pack, and long evidence and claims are read. Real model.

None of these tests depends on how often the model is right.
"""

from __future__ import annotations

import pytest

from rag.config import load_settings
from rag.verify import load_support_model
from rag.verify.support.evidence import Passage
from rag.verify.support.model import SupportConfig, SupportModel

pytestmark = pytest.mark.integration

COHEN = Passage(
    "On November 29, 2018, Michael Cohen pleaded guilty to making false statements to Congress about the Trump Tower "
    "Moscow project. He had told two committees that the project ended in January 2016. In fact, the discussions went "
    "on until June 2016.",
    "Report — Guilty pleas",
)
HARBOUR = Passage(
    "The harbour of Tromsø stays free of ice through the winter. Fishing boats land cod from January to April, and the "
    "town's processing plants take on several hundred seasonal workers."
)
CLAIMS = (
    "Cohen pleaded guilty in November 2018.",
    "The project ended in January 2016.",
    "Boats land cod.",
    "Cohen told two committees that the project had ended.",
)


@pytest.fixture(scope="module")
def model() -> SupportModel:
    """The model with a score for every pair, in fp32 so that scores can be compared closely."""
    return SupportModel.load(load_settings(), precision="fp32")


def scores(model: SupportModel, *pairs: tuple[str, tuple[Passage, ...]]) -> list[float]:
    return [each.probability for each in model.judge(pairs)]


def fresh() -> SupportModel:
    """Return a model that has judged nothing."""
    return SupportModel.load(load_settings(), precision="fp32")


def test_a_score_does_not_depend_on_the_other_claims_of_the_pack_or_batch(model: SupportModel) -> None:
    pairs = [(claim, (passage,)) for claim in CLAIMS for passage in (COHEN, HARBOUR)]
    together = scores(fresh(), *pairs)
    alone = [scores(model, pair)[0] for pair in pairs]
    assert together == pytest.approx(alone, abs=1e-4)
    assert scores(fresh(), *reversed(pairs)) == pytest.approx(together[::-1], abs=1e-4)


def test_many_claims_on_one_evidence_are_judged_in_several_packs(model: SupportModel) -> None:
    claims = [f"In case {number}, Cohen pleaded guilty to making false statements." for number in range(60)]
    together = scores(model, *((claim, (COHEN,)) for claim in claims))
    assert together[59] == pytest.approx(scores(fresh(), (claims[59], (COHEN,)))[0], abs=1e-4)


def test_the_fast_precision_gives_nearly_the_same_scores(model: SupportModel) -> None:
    pairs = [(claim, (COHEN, HARBOUR)) for claim in CLAIMS]
    assert scores(load_support_model(), *pairs) == pytest.approx(scores(model, *pairs), abs=0.03)


def test_evidence_beyond_the_limit_is_read_where_it_bears_on_the_claim(model: SupportModel) -> None:
    filler = Passage(" ".join([HARBOUR.text] * 20), "Harbours")
    found, nothing = scores(model, (CLAIMS[1], (filler, COHEN)), (CLAIMS[1], (filler, HARBOUR)))
    assert found != pytest.approx(nothing, abs=1e-4)
    assert len(scores(model, (CLAIMS[1], (Passage("word " * 4000),)))) == 1


def test_the_heading_is_part_of_the_evidence(model: SupportModel) -> None:
    without, with_heading = scores(model, (CLAIMS[0], (COHEN._replace(heading=""),)), (CLAIMS[0], (COHEN,)))
    assert without != pytest.approx(with_heading, abs=1e-5)


def test_a_long_claim_is_as_supported_as_its_least_supported_part(model: SupportModel) -> None:
    parts = ["Cohen pleaded guilty to making false statements " * 10 + ";", " boats land cod " * 20]
    long = "".join(parts)
    limit = model.config.max_claim_tokens
    assert len(long.split()) > limit
    assert scores(model, (long, (COHEN,)))[0] < 1


def test_an_empty_claim_or_evidence_has_no_support(model: SupportModel) -> None:
    empty = [("", (COHEN,)), (CLAIMS[0], ()), (CLAIMS[0], (Passage("  \n"),)), (CLAIMS[0], (COHEN,))]
    assert scores(model, *empty)[:3] == [0, 0, 0]
    assert scores(model, *empty)[3] > 0
    assert model.judge([]) == []


def test_unsupported_parts_are_whole_words_of_the_claim(model: SupportModel) -> None:
    for claim, judgement in zip(CLAIMS, model.judge([(claim, (HARBOUR,)) for claim in CLAIMS]), strict=True):
        for start, end in judgement.unsupported:
            assert claim[start:end] == claim[start:end].strip()
            assert not claim[start - 1 : start].isalnum()
            assert not claim[end : end + 1].isalnum()


def test_the_thresholds_rise_from_gating_to_reattribution() -> None:
    config = SupportConfig.read()
    assert 0 < config.gating <= config.scoring <= config.reattribution < 1
