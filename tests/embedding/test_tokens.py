from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag.embedding import load_encoder
from rag.embedding.tokens import TokenEncoder

pytestmark = pytest.mark.integration

CORPUS = Path(__file__).parents[2] / "corpus"


def test_other_texts_of_a_batch_do_not_change_token_vectors() -> None:
    content = (CORPUS / "seychelles-meeting.txt").read_text().replace("\n", " ")
    texts = [f"{part.strip()}." for part in content.split(". ")[:30]] + [content[:700], content[:1900]]
    encoder = TokenEncoder.load(load_encoder().network)
    alone = [encoder.encode([text])[0] for text in texts]
    for one, batched in zip(alone, reversed(encoder.encode(texts[::-1])), strict=True):
        assert one.text == batched.text
        assert np.array_equal(one.low, batched.low)
        assert np.array_equal(one.high, batched.high)
