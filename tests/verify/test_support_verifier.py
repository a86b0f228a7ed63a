"""Verdicts of the packaged verifier: threshold by purpose, the clause in the reason, the veto. Real model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag._internal.ids import chunk_id
from rag.config import load_settings
from rag.types import Chunk, Verdict
from rag.verify import SupportVerifier, connect_verifier, default_verifier, resolve_verifier
from rag.verify.alignment.model import Alignment, AlignmentModel
from rag.verify.support.evidence import Passage
from rag.verify.support.model import Judgement, SupportConfig, SupportModel

pytestmark = pytest.mark.integration

TEXT = "The ban on ferries was imposed in 2014. The ministry extended it twice."
CHUNK = Chunk(id=chunk_id("f", 0, TEXT), document_id="f", text=TEXT, start=0, end=len(TEXT), title="Ferries")
CLAIM = "The ban was imposed in 2014 and lapsed in 2016."
CLAUSE = (CLAIM.index("lapsed"), len(CLAIM) - 1)


class JudgedModel(SupportModel):
    """The packaged model's configuration with judgements that are given."""

    def __init__(self, judgement: Judgement) -> None:
        self.config = SupportConfig.read()
        self.given = judgement

    def judge(self, pairs: object) -> list[Judgement]:
        assert isinstance(pairs, list)
        return [self.given for _ in pairs]


class Unsure(AlignmentModel):
    """Gives each pair the given alignment, by default one that decides nothing."""

    def __init__(self, alignment: Alignment | None = None) -> None:
        self.given = alignment or Alignment(0.5, copy=False)

    def align(self, pairs: object) -> list[Alignment]:
        assert isinstance(pairs, list)
        return [self.given for _ in pairs]


def verdict_with(judged: float, aligned: float, *, copy: bool, claim: str = CLAIM) -> Verdict:
    """Return the verdict where the models give these probabilities."""
    alignment = Unsure(Alignment(aligned, copy=copy))
    [verdict] = SupportVerifier(model=JudgedModel(Judgement(judged, ())), alignment=alignment).verify(
        [(claim, (CHUNK,))]
    )
    return verdict


@pytest.mark.parametrize("copy", [True, False])
def test_the_log_odds_of_the_alignment_model_are_added(copy: bool) -> None:
    scores = [verdict_with(0.5, aligned, copy=copy).score for aligned in (0.1, 0.5, 0.9)]
    assert scores[0] < scores[1] == 0.5 < scores[2]


def test_they_weigh_more_on_near_copies_which_neither_model_decides_alone() -> None:
    assert verdict_with(0.6, 0.1, copy=True).support != "full"
    assert verdict_with(0.6, 0.1, copy=False).support == "full"
    assert verdict_with(0.7, 0.3, copy=True).support == "full"
    assert verdict_with(0.1, 0.9, copy=True).support != "full"


def test_a_near_copy_is_certain_if_the_alignment_model_alone_accepts_it() -> None:
    claim = "A ban was put in place in 2014."
    assert verdict_with(0.7, 0.6, copy=True, claim=claim).certain
    assert not verdict_with(0.7, 0.4, copy=True, claim=claim).certain
    assert not verdict_with(0.9, 0.9, copy=False, claim=claim).certain


def verdict_on(judgement: Judgement, claim: str = CLAIM, **options: str) -> Verdict:
    verifier = SupportVerifier(model=JudgedModel(judgement), alignment=Unsure(), **options)  # type: ignore[arg-type]
    [verdict] = verifier.verify([(claim, (CHUNK,))])
    return verdict


def test_the_threshold_is_that_of_the_purpose() -> None:
    config = SupportConfig.read()
    between = Judgement((config.gating + config.scoring) / 2, ())
    assert verdict_on(between, purpose="gating").support == "full"
    assert verdict_on(between, purpose="scoring").support != "full"


def test_a_refused_sentence_names_the_clause_that_the_evidence_does_not_state() -> None:
    verdict = verdict_on(Judgement(0.05, (CLAUSE,)))
    assert verdict.unsupported == "lapsed in 2016"
    assert verdict.reason.startswith("the evidence does not state “lapsed in 2016”")
    assert verdict.support == "none"


def test_a_refused_sentence_without_marked_words_has_a_reason_too() -> None:
    nothing_marked = verdict_on(Judgement(0.05, ()))
    assert (nothing_marked.support, nothing_marked.unsupported) == ("none", "")
    assert nothing_marked.reason.startswith("the evidence does not state all of it")


def test_a_refused_sentence_is_supported_in_part_or_not_at_all() -> None:
    config = SupportConfig.read()
    for score, support in (((config.partial + config.scoring) / 2, "partial"), (config.partial * 0.9, "none")):
        assert verdict_on(Judgement(score, ()), purpose="scoring").support == support


def test_a_full_name_that_the_evidence_lacks_is_refused_below_the_threshold() -> None:
    verdict = verdict_on(Judgement(0.99, ()), "The ban was imposed by Konrad Lindqvist in 2014.")
    assert (verdict.support, verdict.unsupported) == ("none", "Konrad Lindqvist")
    assert verdict.score < SupportConfig.read().gating


def test_a_name_in_the_title_is_no_reason_to_refuse() -> None:
    titled = replace(CHUNK, title="Konrad Lindqvist on ferries")
    [verdict] = SupportVerifier(model=JudgedModel(Judgement(0.99, ())), alignment=Unsure()).verify(
        [("The ban was imposed by Konrad Lindqvist in 2014.", (titled,))]
    )
    assert verdict.support == "full"


def test_drafts_are_gated_and_foreign_sentences_scored() -> None:
    settings = load_settings()
    config = default_verifier().model.config
    choice = resolve_verifier("support", settings)
    gating, scoring = connect_verifier(choice), default_verifier()
    assert isinstance(gating, SupportVerifier)
    assert (gating.threshold, scoring.threshold) == (config.gating, config.scoring)
    assert gating.model is scoring.model
    assert gating.name == scoring.name
    assert gating.min_reattribution_score == config.reattribution


def test_title_and_headings_are_read_as_one_line() -> None:
    read: list[Passage] = []

    class RecordingModel(JudgedModel):
        def judge(self, pairs: object) -> list[Judgement]:
            assert isinstance(pairs, list)
            read.extend(passage for _, passages in pairs for passage in passages)
            return super().judge(pairs)

    chunk = replace(CHUNK, heading_path=("Bans", "2014"))
    SupportVerifier(model=RecordingModel(Judgement(0.5, ())), alignment=Unsure()).verify([(CLAIM, (chunk,))])
    assert read == [Passage(TEXT, "Ferries — Bans — 2014")]
