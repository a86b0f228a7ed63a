"""The alignment network: reads a sentence against evidence, token by token, on top of frozen token vectors.

Decomposable attention (arXiv:1606.01933) over contextual vectors, with a hard alignment: each token of the claim
takes the
evidence token nearest to it, is compared with it, the comparisons read each other in one transformer layer, and the
pooled
result is judged beside the features of ``rag/verify/alignment/features.py``.
Importing this module imports torch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SCALARS = 9


class AlignmentNet(nn.Module):
    """(claim, evidence, features) → logits.

    ``low`` and ``high`` are the unit vectors of :class:`rag.embedding.tokens.Encoded`. Output: one row a pair, four
    columns: the logit of *full* against the rest, and the logits of partial, refuted and unrelated among the rest.
    """

    def __init__(self, features: int, width: int = 128, dropout: float = 0.2) -> None:
        super().__init__()
        self.value = nn.Linear(768, width)
        self.compare = nn.Sequential(
            nn.Linear(4 * width + SCALARS, width), nn.GELU(), nn.Dropout(dropout), nn.LayerNorm(width)
        )
        self.read = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout, "gelu", batch_first=True, norm_first=True)
        self.weigh = nn.Linear(width, 1)
        self.normal = nn.LayerNorm(3 * width)
        self.judge = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(3 * width + features, width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(width, 4),
        )
        self.plain = nn.Linear(features, 4)

    def forward(
        self, claim_low: Tensor, claim_high: Tensor, claim_mask: Tensor, claim_weight: Tensor,
        low: Tensor, high: Tensor, mask: Tensor, same: Tensor, sentence: Tensor, features: Tensor,
    ) -> Tensor:  # fmt: skip
        """Shapes: claim_* b×n(×384); low, high b×m×384; mask, sentence b×m; same b×n×m; features b×f."""
        absent = ~mask[:, None, :]
        with torch.no_grad():  # the alignment itself has nothing to learn
            cos_low = (claim_low @ low.mT).masked_fill(absent, -1)
            cos_high = (claim_high @ high.mT).masked_fill(absent, -1)
            place = (cos_low + cos_high).argmax(-1)
            step = place.diff(dim=1, prepend=place[:, :1] - 1)
            where = sentence.gather(1, place)
            switch = where.diff(dim=1, prepend=where[:, :1]) != 0
            taken = place[..., None]
            scalars = torch.stack(
                [
                    cos_low.amax(-1),
                    cos_high.amax(-1),
                    cos_low.gather(2, taken)[..., 0],
                    cos_high.gather(2, taken)[..., 0],
                    (same & ~absent).any(-1).float(),
                    (step == 1).float(),
                    (step <= 0).float(),
                    switch.float(),
                    claim_weight,
                ],
                -1,
            )
            index = taken.expand(-1, -1, 384)
            found_both = torch.cat([low.gather(1, index), high.gather(1, index)], -1)
            claim_both = torch.cat([claim_low, claim_high], -1)
        own, found = self.value(claim_both), self.value(found_both)
        seen = self.compare(torch.cat([own, found, own * found, (own - found).abs(), scalars], -1))
        seen = self.read(seen, src_key_padding_mask=~claim_mask)
        hidden = ~claim_mask[..., None]
        share = self.weigh(seen).masked_fill(hidden, -1e4).softmax(1)
        weight = (claim_weight + 0.05) * claim_mask
        mean = (weight[..., None] * seen).sum(1) / weight.sum(1, keepdim=True)
        pooled = self.normal(torch.cat([(share * seen).sum(1), mean, seen.masked_fill(hidden, -1e4).amax(1)], -1))
        logits: Tensor = self.judge(torch.cat([pooled, features], -1)) + self.plain(features)
        return logits
