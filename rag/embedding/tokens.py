"""Token vectors of two layers of the packaged encoder, for the alignment model.

A text is split at sentence ends into pieces that fit the encoder, so that no part of a long passage is truncated, and
every token keeps its sentence and its offset. Claim and evidence are encoded separately (late interaction, as in
ColBERT, arXiv:2004.12832), so that a passage which is evidence for several sentences is encoded once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from rag.embedding.batching import TOKENS_PER_BATCH, WIDTH_STEP
from rag.embedding.minilm import load_tokenizer
from rag.embedding.minilm_network import MiniLMNetwork
from rag.text import split_sentences

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

PIECE = 192
"""Maximum tokens of a piece."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """The tokens of a text; all arrays have one row per token.

    ``low`` and ``high`` are float32 unit vectors (n × 384) from the encoder's fourth and last layer. ``starts`` and
    ``ends`` are offsets into ``text``. ``sentence`` is the index of the token's sentence.
    """

    text: str
    ids: Ints
    starts: Ints
    ends: Ints
    sentence: Ints
    low: Floats
    high: Floats


def join(parts: Sequence[Encoded]) -> Encoded:
    """Concatenate passages, joined by line breaks."""
    if len(parts) == 1:
        return parts[0]
    starts, ends, sentence = [], [], []
    offset = count = 0
    for part in parts:
        starts.append(part.starts + offset)
        ends.append(part.ends + offset)
        sentence.append(part.sentence + count)
        offset += len(part.text) + 1
        count += int(part.sentence[-1]) + 1 if len(part.sentence) else 0
    return Encoded(
        text="\n".join(part.text for part in parts),
        ids=np.concatenate([part.ids for part in parts]),
        starts=np.concatenate(starts),
        ends=np.concatenate(ends),
        sentence=np.concatenate(sentence),
        low=np.concatenate([part.low for part in parts]),
        high=np.concatenate([part.high for part in parts]),
    )


class TokenEncoder:
    """The packaged MiniLM with token outputs."""

    def __init__(self, network: MiniLMNetwork) -> None:
        self.network = network
        self.tokenizer = load_tokenizer()

    @classmethod
    def load(cls, network: MiniLMNetwork | None = None) -> TokenEncoder:
        """Load the packaged all-MiniLM-L6-v2, or use its ``network`` if that is already loaded."""
        return cls(network or MiniLMNetwork.load())

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Encode ``texts``, in order. A batch has pieces of one width only, see :data:`WIDTH_STEP`."""
        layouts = [self._layout(text) for text in texts]
        widths: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for t, layout in enumerate(layouts):
            for start, end in layout[-1]:
                widths[-(-(end - start + 2) // WIDTH_STEP) * WIDTH_STEP].append((t, start, end))
        low = [np.zeros((len(layout[0]), 384), np.float32) for layout in layouts]
        high = [np.zeros((len(layout[0]), 384), np.float32) for layout in layouts]
        for width, pieces in sorted(widths.items()):
            batch_size = max(1, TOKENS_PER_BATCH // width)
            for first in range(0, len(pieces), batch_size):
                batch = pieces[first : first + batch_size]
                states = self._run_model([layouts[t][0][start:end] for t, start, end in batch], width)
                for (t, start, end), (below, above) in zip(batch, states, strict=True):
                    low[t][start:end], high[t][start:end] = below, above
        return [
            Encoded(text=text, ids=ids, starts=starts, ends=ends, sentence=sentence, low=low[t], high=high[t])
            for t, (text, (ids, starts, ends, sentence, _)) in enumerate(zip(texts, layouts, strict=True))
        ]

    def _layout(self, text: str) -> tuple[Ints, Ints, Ints, Ints, list[tuple[int, int]]]:
        """Return ids, start offsets, end offsets and sentence index of the tokens, and the pieces as token ranges."""
        found = self.tokenizer.encode(text, add_special_tokens=False)
        ids = np.array(found.ids, np.int32)
        offsets = np.array(found.offsets, np.int32).reshape(-1, 2)
        sentence_starts = [start for start, _ in split_sentences(text)] or [0]
        owner = np.maximum(np.searchsorted(sentence_starts, offsets[:, 0], side="right") - 1, 0)
        sentence = np.unique(owner, return_inverse=True)[1].astype(np.int32)
        pieces: list[tuple[int, int]] = []
        bounds = [*np.flatnonzero(np.diff(sentence, prepend=-1)), len(ids)]
        begin = 0
        for start, end in pairwise(bounds):
            if end - begin > PIECE and start > begin:
                pieces.append((begin, start))
                begin = start
            while end - begin > PIECE:
                pieces.append((begin, begin + PIECE))
                begin += PIECE
        if begin < len(ids):
            pieces.append((begin, len(ids)))
        return ids, offsets[:, 0], offsets[:, 1], sentence, pieces

    def _run_model(self, rows: Sequence[Ints], width: int) -> list[tuple[Floats, Floats]]:
        import torch

        states = self.network.hidden_states([row.tolist() for row in rows], width)
        low, high = (torch.nn.functional.normalize(states[layer], dim=-1).numpy() for layer in (4, 6))
        return [(low[r, 1 : len(row) + 1], high[r, 1 : len(row) + 1]) for r, row in enumerate(rows)]
