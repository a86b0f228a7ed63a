"""Sequence-classification models as verifiers: small ones with fixed random weights, saved by the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from briefs import chunk

from rag.errors import UsageError
from rag.verify.classifier import ClassifierVerifier, load_classifier, support_label

NLI = {0: "CONTRADICTION", 1: "ENTAILMENT", 2: "NEUTRAL"}
PIER = chunk("oslo.md", "The harbour board of Oslo met on 3 May 2011. Its vote on the pier was secret.", title="Oslo")
CLAIM = "The harbour board met in May."


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        (["entailment", "neutral", "contradiction"], 0),
        (["CONTRADICTION", "ENTAILMENT", "NEUTRAL"], 1),
        (["entailment", "not_entailment"], 0),
        (["Not Supported", "Supported"], 1),
        (["hallucinated", "consistent"], 1),
        (["inconsistent", "consistent"], 1),
        (["LABEL_0", "LABEL_1"], 1),
        (["0", "1"], 1),
        (["LABEL_0"], 0),
        (["hallucination"], 0),
        (["LABEL_0", "LABEL_1", "LABEL_2"], None),
        (["toxic", "harmless"], None),
        (["supported", "entailment"], None),
    ],
)
def test_the_label_that_means_support_is_found_by_its_name(labels: list[str], label: int | None) -> None:
    assert support_label(labels) == label


def save_model(directory: Path, labels: dict[int, str], *, classifier: bool = True, positions: int = 64) -> str:
    """Save a BERT of two layers with random weights and a vocabulary of letters."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast

    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,'[]"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    tokenizer: Any = BertTokenizerFast(vocab=str(directory / "vocab.txt"), model_max_length=positions)
    tokenizer.save_pretrained(directory)
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=positions, initializer_range=0.4, id2label=labels, num_labels=len(labels),
        label2id={name: number for number, name in labels.items()},
    )  # fmt: skip
    (BertForSequenceClassification if classifier else BertModel)(config).save_pretrained(directory)
    return str(directory)


def logits(verifier: ClassifierVerifier, evidence: str, claim: str) -> Any:
    """The model's own logits for a pair, without sentence-transformers."""
    import torch

    tokens = verifier.model.tokenizer(evidence, claim, return_tensors="pt")
    with torch.inference_mode():
        return verifier.model.model(**tokens).logits[0]


@pytest.mark.integration
def test_the_score_of_an_nli_model_is_the_probability_of_entailment(tmp_path: Path) -> None:
    verifier = load_classifier(save_model(tmp_path / "nli", NLI, positions=256))
    assert (verifier.name, verifier.label) == ("nli, label ENTAILMENT", 1)
    [verdict, nothing] = verifier.verify([(CLAIM, (PIER,)), (CLAIM, ())])
    sentences = "Oslo\nThe harbour board of Oslo met on 3 May 2011.\nIts vote on the pier was secret."
    expected = logits(verifier, sentences, CLAIM).softmax(0)[1].item()
    assert verdict.score == pytest.approx(expected, abs=1e-3)
    assert verdict.support == ("full" if expected >= 0.5 else "none")
    assert (nothing.support, nothing.reason) == ("none", "no evidence")


@pytest.mark.integration
def test_the_score_of_a_single_logit_is_its_sigmoid(tmp_path: Path) -> None:
    verifier = load_classifier(save_model(tmp_path / "one", {0: "LABEL_0"}, positions=256))
    claims = [CLAIM, "It rained.", "The vote on the pier was secret, and the board met in Oslo.", "No.", "41 million."]
    verdicts = verifier.verify([(claim, [PIER.text]) for claim in claims])
    text = "The harbour board of Oslo met on 3 May 2011.\nIts vote on the pier was secret."
    for claim, verdict in zip(claims, verdicts, strict=True):
        expected = logits(verifier, text, claim).sigmoid().item()
        assert verdict.score == pytest.approx(expected, abs=1e-3)
        assert verdict.support == ("full" if expected >= 0.5 else "none")
        assert bool(verdict.reason) == (verdict.support != "full")


@pytest.mark.integration
def test_of_evidence_that_does_not_fit_the_best_window_counts(tmp_path: Path) -> None:
    verifier = load_classifier(save_model(tmp_path / "small", NLI, positions=64))
    sentences = ["The board met in May.", "The vote was secret.", "The pier cost 41 million."]
    claim = "The board met in Oslo in May and voted."  # leaves room for one sentence at a time
    whole = verifier.verify([(claim, [" ".join(sentences)])])[0]
    alone = verifier.verify([(claim, [sentence]) for sentence in sentences])
    assert whole.score == pytest.approx(max(verdict.score for verdict in alone), abs=1e-3)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("labels", "classifier", "message"),
    [
        ({0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}, True, "known to mean support: LABEL_0, LABEL_1, LABEL_2; give"),
        ({0: "toxic", 1: "harmless"}, True, "known to mean support: toxic, harmless; give"),
        (NLI, False, "not a sequence-classification model, but BertModel"),
    ],
)
def test_a_model_whose_support_cannot_be_told_is_refused(
    labels: dict[int, str], classifier: bool, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        load_classifier(save_model(tmp_path / "other", labels, classifier=classifier))


@pytest.mark.integration
def test_a_directory_without_a_model_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be loaded") as refusal:
        load_classifier(str(tmp_path))
    assert "\n" not in str(refusal.value)
