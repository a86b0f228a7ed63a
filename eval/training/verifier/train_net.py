"""Train the alignment network (``rag/verify/support/net.py``) on cached encodings.

Seeded; writes a checkpoint every few minutes and resumes from it; logs JSON lines. ``--without`` excludes sources from
training and scores them, so that choices are made on unseen sources.

    python -m eval.training.verifier.train_net --examples examples.jsonl --cache cache/ --table table.npz --out run/
    --without factcg,begin
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rag.verify.support.model import CLAIM_LIMIT
from rag.verify.support.net import AlignmentNet

from .cache import Cache
from .measure import auc, balanced_accuracy, best_threshold

RELATION = {"partial": 0, "refuted": 1, "unrelated": 2}


class Batches:
    """Reads examples from the cache as padded tensors."""

    def __init__(self, examples: Path, cache: Path, table: Path, idf: Path) -> None:
        self.cache = Cache(cache)
        self.idf = np.load(idf)
        data = np.load(table)
        with examples.open() as lines:
            rows = [json.loads(line) for line in lines]
        self.rows = [rows[i] for i in data["row"]]
        self.x = data["x"]
        self.label, self.source, self.kind, self.split = (data[k] for k in ("label", "source", "kind", "split"))
        self.chosen, self.ends = data["chosen"], data["chosen_ends"]

    def tokens(self, text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the token table and the low and high vectors (float16 views) of one text."""
        shard, start, end = self.cache.where[text]
        return tuple(part[start:end] for part in self.cache.shards[shard])

    def batch(self, indices: np.ndarray, mean: np.ndarray, std: np.ndarray) -> dict[str, Tensor]:
        """Return tensors with the names of the arguments of :meth:`AlignmentNet.forward`."""
        claims, evidences = [], []
        for i in indices:
            table, low, high = self.tokens(self.rows[i]["claim"])
            claims.append((table[:CLAIM_LIMIT, 0], low[:CLAIM_LIMIT], high[:CLAIM_LIMIT]))
            keep = self.chosen[self.ends[i - 1] if i else 0 : self.ends[i]]
            parts, offset, count = [], 0, 0
            for passage in self.rows[i]["passages"]:
                table, low, high = self.tokens(passage)
                mine = keep[(keep >= offset) & (keep < offset + len(table))] - offset
                if len(mine):
                    parts.append((table[mine, 0], table[mine, 3] + count, low[mine], high[mine]))
                offset += len(table)
                count += int(table[-1, 3]) + 1 if len(table) else 0
            evidences.append([np.concatenate(column) for column in zip(*parts, strict=True)])
        n, m, b = max(len(c[0]) for c in claims), max(len(e[0]) for e in evidences), len(indices)
        out = {
            "claim_low": np.zeros((b, n, 384), np.float32), "claim_high": np.zeros((b, n, 384), np.float32),
            "claim_mask": np.zeros((b, n), bool), "claim_weight": np.zeros((b, n), np.float32),
            "low": np.zeros((b, m, 384), np.float32), "high": np.zeros((b, m, 384), np.float32),
            "mask": np.zeros((b, m), bool), "sentence": np.zeros((b, m), np.int64),
        }  # fmt: skip
        claim_ids, ids = np.full((b, n), -1), np.full((b, m), -2)
        for k, ((cid, clow, chigh), (eid, esent, elow, ehigh)) in enumerate(zip(claims, evidences, strict=True)):
            c, e = len(cid), len(eid)
            claim_ids[k, :c], ids[k, :e] = cid, eid
            out["claim_low"][k, :c], out["claim_high"][k, :c], out["claim_mask"][k, :c] = clow, chigh, True
            out["claim_weight"][k, :c] = self.idf[cid]
            out["low"][k, :e], out["high"][k, :e], out["mask"][k, :e], out["sentence"][k, :e] = elow, ehigh, True, esent
        tensors = {key: torch.from_numpy(value) for key, value in out.items()}
        tensors["same"] = torch.from_numpy(claim_ids[:, :, None] == ids[:, None, :])
        tensors["features"] = torch.from_numpy(((self.x[indices] - mean) / std).clip(-4, 4).astype(np.float32))
        return tensors


def sample_weights(
    data: Batches, train: np.ndarray, made: float, passage: float, source_weight: dict[str, float]
) -> np.ndarray:
    """Weight full and not full equally in each source, for given and made examples apart; small groups weigh less."""
    full = data.label == "full"
    natural = (data.kind == "given") | (data.kind == "lengthened")
    weights = np.zeros(len(full))
    for source in np.unique(data.source[train]):
        for group, share in ((natural, 1.0), (data.split == "made", made), (data.split == "passage", passage)):
            for side in (full, ~full):
                rows = train & (data.source == source) & group & (side)
                if rows.any():
                    weights[rows] = source_weight.get(source, 1.0) * share * min(1.0, rows.sum() / 800) / rows.sum()
    return weights / weights.sum() * train.sum()


def loss(logits: Tensor, label: np.ndarray, weight: Tensor) -> Tensor:
    """Return the binary cross-entropy of *full* plus 0.3 of the cross-entropy of the relation where it is known."""
    full = torch.from_numpy((label == "full").astype(np.float32))
    total = torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 0], full * 0.96 + 0.02, weight)
    known = [k for k, name in enumerate(label) if name in RELATION]
    if known:
        target = torch.tensor([RELATION[label[k]] for k in known])
        total = total + 0.3 * (
            torch.nn.functional.cross_entropy(logits[known, 1:], target, reduction="none") * weight[known]
        ).sum() / len(label)
    return total


def predict(net: AlignmentNet, data: Batches, indices: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Return the logits (n × 4) of the rows ``indices``."""
    net.eval()
    out = np.zeros((len(indices), 4), np.float32)
    order = np.argsort([data.ends[i] - (data.ends[i - 1] if i else 0) for i in indices], kind="stable")
    with torch.inference_mode():
        for start in range(0, len(indices), 64):
            part = order[start : start + 64]
            out[part] = net(**data.batch(indices[part], mean, std)).numpy()
    return out


def report_by_source(scores: np.ndarray, data: Batches, indices: np.ndarray) -> dict[str, Any]:
    """Return balanced accuracy at ½ and at the best threshold, AUC and the best threshold, by source and kind."""
    out = {}
    for source in np.unique(data.source[indices]):
        for kind in ("given", "lengthened"):
            rows = np.flatnonzero((data.source[indices] == source) & (data.kind[indices] == kind))
            full = data.label[indices[rows]] == "full"
            if len(rows) > 50 and 0 < full.sum() < len(full):
                p = scores[rows]
                threshold, best = best_threshold(p, full)
                out[source if kind == "given" else f"{source}-long"] = [
                    round(v, 4) for v in (balanced_accuracy(p, full), best, auc(p, full), threshold)
                ]
    return out


def main() -> None:  # noqa: PLR0915 (the training loop is one sequence of steps)
    """Train, score the sources left out, and write ``net.pt`` and ``scores.npz``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("examples", "cache", "table", "idf", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--without", default="", help="sources left out of training, comma-separated")
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument(
        "--made", type=float, default=0.5, help="weight of examples made from labelled pairs, relative to those given"
    )
    parser.add_argument("--passage", type=float, default=0.15, help="weight of examples made from passages")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    data = Batches(args.examples, args.cache, args.table, args.idf)
    without = [s for s in args.without.split(",") if s]
    train = (data.split != "tune") & ~np.isin(data.source, without)
    weights = sample_weights(
        data, train, args.made, args.passage, {"snli": 0.7, "fever": 1.2, "volume1": 0.4, "volume2": 0.4}
    )
    mean = np.average(data.x, axis=0, weights=weights)
    std = np.sqrt(np.average((data.x - mean) ** 2, axis=0, weights=weights)) + 1e-6
    net = AlignmentNet(data.x.shape[1])
    optimizer = torch.optim.AdamW(net.parameters(), args.rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.rate, total_steps=args.steps, pct_start=0.1)
    checkpoint, log = args.out / "checkpoint.pt", (args.out / "log.jsonl").open("a")
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        first = state["step"]
    # Rows are drawn in proportion to the square root of their weight; the loss has the other square root.
    chance = np.sqrt(weights)
    chance /= chance.sum()
    began, running = time.time(), 0.0
    for step in range(first, args.steps):
        rng = np.random.default_rng((args.seed, step))
        if step % 8 == 0 or step == first:
            pool = np.random.default_rng((args.seed, step // 8 * 8, 1)).choice(
                len(chance), 8 * args.batch, p=chance, replace=False
            )
            pool = pool[
                np.argsort([data.ends[i] - (data.ends[i - 1] if i else 0) for i in pool], kind="stable")
            ].reshape(8, -1)
            pool = pool[np.random.default_rng((args.seed, step // 8 * 8, 2)).permutation(8)]
        rows = pool[step % 8]
        net.train()
        weight = torch.from_numpy(np.sqrt(weights[rows]).astype(np.float32))
        tensors = data.batch(rows, mean, std)
        # The features are hidden in 30 % of the steps; otherwise the network relies on them and learns no alignment.
        if rng.random() < 0.3:
            tensors["features"] = torch.zeros_like(tensors["features"])
        value = loss(net(**tensors), data.label[rows], weight)
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        running = 0.98 * running + 0.02 * value.item() if running else value.item()
        if step % 100 == 99:
            print(
                json.dumps({"step": step + 1, "loss": round(running, 4), "seconds": round(time.time() - began)}),
                file=log,
                flush=True,
            )
        if step % 500 == 499:
            torch.save(
                {
                    "net": net.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "schedule": schedule.state_dict(),
                    "step": step + 1,
                },
                checkpoint,
            )
    held = np.flatnonzero(
        (np.isin(data.source, [*without, "wice"]) & np.isin(data.kind, ["given", "lengthened"]))
        | (data.split == "tune")
    )
    rng = np.random.default_rng(1)
    held = np.concatenate(
        [rng.permutation(group)[:1500] for s in np.unique(data.source[held]) for k in ("given", "lengthened")
         for group in [held[(data.source[held] == s) & (data.kind[held] == k)]]]
    )  # fmt: skip
    logits = predict(net, data, held, mean, std)
    np.savez(args.out / "scores.npz", rows=held, logits=logits)
    torch.save(
        {"net": net.state_dict(), "mean": torch.from_numpy(mean), "std": torch.from_numpy(std)}, args.out / "net.pt"
    )
    result = report_by_source(1 / (1 + np.exp(-logits[:, 0])), data, held)
    print(json.dumps({"without": without, "result": result}), file=log, flush=True)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
