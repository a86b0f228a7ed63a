"""The packaged answer model: what its scores depend on, and that its modules compute what transformers' do. Real model.

How often it is right is measured by ``citebrief eval answerability``.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from rag.config import load_settings
from rag.errors import ModelError
from rag.verify.answers import STANDALONE_QUESTION, AnswerModel, load_sentence_model
from rag.verify.answers.model import ANSWER_WEIGHTS, SENTENCE_WEIGHTS, AnswerConfig
from rag.verify.support.merged import common_digest

PIER = "Report › The pier\nThe harbour board of Oslo closed the pier on 3 May 2011 because its piles had rotted."
BOATS = "The harbour of Tromsø stays free of ice. Fishing boats land cod there from January to April of each year."
WHY, COST = "Why did Oslo close the pier?", "What did the closing of the pier in Oslo cost?"


@pytest.mark.parametrize("directory", [ANSWER_WEIGHTS, SENTENCE_WEIGHTS])
def test_the_models_belong_to_the_common_weights(directory: Path) -> None:
    assert AnswerConfig.read(directory).base_difference_sha256 == common_digest(), "train it again"


@pytest.mark.integration
def test_the_model_of_sentences_tells_what_stands_alone_and_what_answers() -> None:
    sentences = [
        "The pier of Oslo\nThe harbour board of Oslo closed the pier on 3 May 2011 because its piles had rotted.",
        "The pier of Oslo\nThis was because of it, as they had said before that.",
    ]
    (answers, refers), (alone, depends) = load_sentence_model(load_settings()).probabilities(
        [WHY, STANDALONE_QUESTION], sentences
    )
    assert answers > 0.5 > refers
    assert alone > 0.5 > depends


def test_a_model_of_other_weights_is_refused(tmp_path: Path) -> None:
    config = json.loads((ANSWER_WEIGHTS / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"base_difference_sha256": "0" * 64}))
    with pytest.raises(ModelError, match="from other weights"):
        AnswerModel.load(load_settings(), directory=tmp_path)


@pytest.mark.integration
def test_a_damaged_difference_is_an_error_that_names_it(tmp_path: Path) -> None:
    shutil.copy(ANSWER_WEIGHTS / "config.json", tmp_path)
    (tmp_path / "difference.safetensors").write_bytes(b"none")
    with pytest.raises(ModelError, match=r"difference\.safetensors cannot be read"):
        AnswerModel.load(load_settings(), directory=tmp_path)


@pytest.fixture(scope="module")
def model() -> AnswerModel:
    """The model in fp32, so that scores can be compared closely."""
    return AnswerModel.load(load_settings(), precision="fp32")


@pytest.mark.integration
def test_a_passage_that_states_the_answer_scores_higher_than_one_on_its_subject_or_on_another(
    model: AnswerModel,
) -> None:
    found = model.probabilities([WHY, COST], [PIER, BOATS])
    assert found.shape == (2, 2)
    assert found[0, 0] > max(found[1, 0], found[0, 1])


@pytest.mark.integration
def test_a_score_does_not_depend_on_the_other_questions_and_passages(model: AnswerModel) -> None:
    together = model.probabilities([WHY, COST], [PIER, BOATS])
    fresh = AnswerModel.load(load_settings(), precision="fp32")
    alone = [
        [fresh.probabilities([question], [passage])[0, 0] for passage in (PIER, BOATS)] for question in (WHY, COST)
    ]
    assert together == pytest.approx(np.array(alone), abs=1e-4)


@pytest.mark.integration
def test_the_modules_of_mpnet_are_those_of_transformers() -> None:
    import torch
    from transformers import MPNetConfig, MPNetModel

    from rag.verify.support.mpnet import MPNetModules, MPNetSize
    from rag.verify.support.network import Pack, SupportNetwork, collate

    size = {"hidden_size": 24, "num_attention_heads": 2, "intermediate_size": 32}
    config = MPNetConfig(**size, vocab_size=100, num_hidden_layers=2, max_position_embeddings=514, layer_norm_eps=1e-5)
    theirs = SupportNetwork(MPNetModel(config, add_pooling_layer=False)).eval()
    ours = SupportNetwork(MPNetModules(MPNetSize(**size, layers=2, vocabulary=100))).eval()
    ours.load_state_dict(theirs.state_dict())
    batch = collate([Pack(list(range(5, 95)) * 3, [[7, 8, 9], [10]]), Pack([11, 12], [[13], [14, 15], [16]])])
    with torch.inference_mode():
        assert torch.allclose(ours(batch)[0], theirs(batch)[0], atol=1e-6)
        assert torch.allclose(ours.support_logits(batch), ours(batch)[0], atol=1e-6)  # padding and rows do not mix
