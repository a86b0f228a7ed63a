"""Fit the heads on the features, mix them with the networks, calibrate, and write the packaged model.

Each choice is made on sources that the scored head did not see: each source is left out in turn, and the mixture and
its threshold are fitted on those scores and on the tune sets, with equal weights of the sources and of the two classes
in each.

    python -m eval.training.verifier.fit --table table.npz --idf idf.npy --folds runs/a runs/b --final runs/a runs/b
    --out rag/verify/support/weights
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.verify.support.features import NAMES
from rag.verify.support.trees import ARRAYS, Trees

from .measure import auc, balanced_accuracy, best_threshold, calibration_error

Array = npt.NDArray[Any]

INCREASING = frozenset(
    """
    high_mean high_median high_p25 high_p10 high_min high_second high_all_mean low_mean low_median low_p25
    low_p10 low_min best_sentence best_pair best_two best_sentence_min best_two_min best_sentence_low
    sentence_cosine window_cosine passage_cosine high_five high_three low_five low_three best_two_five
    clause_weakest clause_covered_weakest covered covered_plain covered_best covered_two bigrams longest_run
    same_word_high same_word_high_min same_word_low missing_high missing_low
    """.split()
)
DECREASING = frozenset(
    """
    high_below_50 high_below_65 high_below_80 low_below_50 low_below_70 numbers_missing numbers_missing_best
    any_number_missing names_missing names_missing_share names_missing_best negation_differs negation_extra
    absolutes_new hedges_lost first_person log_evidence
    """.split()
)
"""Features in which P(full) is constrained to be monotone. The constraint makes the trees generalise to unseen
sources."""

DIRECTION = [1 if name in INCREASING else -1 if name in DECREASING else 0 for name in NAMES]
NEAR_COPY_BARS = {"bigrams": 0.8, "covered": 0.8, "log_evidence": 4.1}
NEAR_COPY_CUT = -0.7
"""Threshold for near copies: −0.7 accepts 97 % of the shortened and joined true sentences of an unseen text."""

HELD_OUT = ("factcg", "summedits", "begin", "scifact", "fever")
LONG_EVIDENCE_SOURCES = ("wice", "factcg", "summedits")
"""Sources whose evidence has 100 words or more."""


class Table:
    """The features and labels of all examples."""

    def __init__(self, path: Path) -> None:
        data = np.load(path)
        self.x: Array = data["x"]
        self.label, self.source, self.kind, self.split = (data[k] for k in ("label", "source", "kind", "split"))
        self.full: Array = self.label == "full"
        self.natural: Array = (self.kind == "given") | (self.kind == "lengthened")

    def weights(self, rows: Array, made: float = 0.5, passage: float = 0.03) -> Array:
        """Weight full and not full equally in each source and kind; SNLI has half the weight of a source.

        Examples made from labelled pairs have weight ``made``, those made from passages ``passage``. The true sentences
        of the latter copy the passage's words; with a higher weight the heads reject paraphrases (FactCG, left out: AUC
        80 → 70).
        """
        weights = np.zeros(len(self.full))
        for source in np.unique(self.source[rows]):
            for group, share in ((self.natural, 1.0), (self.split == "made", made), (self.split == "passage", passage)):
                for side in (self.full, ~self.full):
                    mine = rows & (self.source == source) & group & side
                    if mine.any():
                        weights[mine] = (
                            (0.5 if source == "snli" else 1.0) * share * min(1.0, mine.sum() / 300) / mine.sum()
                        )
        return weights / weights.sum() * rows.sum()


class Heads:
    """A linear head and monotone boosted trees, fitted on selected rows of a table."""

    def __init__(self, table: Table, rows: Array, seed: int) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.linear_model import LogisticRegression

        weights = table.weights(rows)[rows]
        x, full = table.x[rows], table.full[rows]
        self.mean = np.average(x, axis=0, weights=weights).astype(np.float32)
        self.std = (np.sqrt(np.average((x - self.mean) ** 2, axis=0, weights=weights)) + 1e-6).astype(np.float32)
        linear = LogisticRegression(C=0.002, max_iter=500).fit(self.scaled(x), full, sample_weight=weights)
        known = np.isin(table.label[rows], ["partial", "refuted", "unrelated"])
        relation = LogisticRegression(C=0.002, max_iter=500).fit(
            self.scaled(x[known]), table.label[rows][known], sample_weight=weights[known]
        )
        assert list(relation.classes_) == ["partial", "refuted", "unrelated"]
        self.linear = np.concatenate(
            [
                np.concatenate([linear.coef_, relation.coef_]),
                np.concatenate([linear.intercept_, relation.intercept_])[:, None],
            ],
            1,
        ).astype(np.float32)
        boosted = HistGradientBoostingClassifier(
            max_iter=80, max_leaf_nodes=6, learning_rate=0.06, l2_regularization=5, min_samples_leaf=60,
            monotonic_cst=DIRECTION, random_state=seed,
        ).fit(x, full, sample_weight=weights)  # fmt: skip
        self.trees = as_arrays(boosted)

    def scaled(self, x: Array) -> Array:
        """Standardise ``x`` and clip it at ±4."""
        return np.clip((x - self.mean) / self.std, -4, 4)

    def logits(self, x: Array) -> Array:
        """Return the linear and the tree logit of *full*; n × 2."""
        return np.stack([self.scaled(x) @ self.linear[0, :-1] + self.linear[0, -1], self.trees.score(x)], 1)


def copies(x: Array) -> Array:
    """Mark near copies: claims whose words and word pairs are mostly in the evidence, of 60 tokens or more."""
    at = {name: x[:, NAMES.index(name)] for name in NEAR_COPY_BARS}
    return np.logical_and.reduce([at[name] >= bar for name, bar in NEAR_COPY_BARS.items()])


def near_trees(table: Table, rows: Array, seed: int) -> Trees:
    """Fit trees that detect near copies with a changed fact, on near copies alone; most of them are made examples."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows = rows & copies(table.x)
    weights = np.zeros(len(rows))
    for group in (table.natural, ~table.natural):
        for side in (table.full, ~table.full):
            mine = rows & group & side
            weights[mine] = 1.0 / max(1, mine.sum())
    boosted = HistGradientBoostingClassifier(
        max_iter=150, max_leaf_nodes=10, learning_rate=0.08, l2_regularization=2, min_samples_leaf=40,
        monotonic_cst=DIRECTION, random_state=seed,
    ).fit(table.x[rows], table.full[rows], sample_weight=weights[rows] * rows.sum())  # fmt: skip
    return as_arrays(boosted)


def guard(trees: Trees, x: Array) -> Array:
    """Return an upper bound of the logit: the score of ``trees`` for near copies, infinite for other rows."""
    bound: Array = np.where(copies(x), trees.score(x) - NEAR_COPY_CUT, np.inf)
    return bound


def as_arrays(boosted: Any) -> Trees:
    """Convert scikit-learn's trees to arrays; a leaf points at itself."""
    nodes = [predictors[0].nodes for predictors in boosted._predictors]
    width = max(len(n) for n in nodes)
    shape = (len(nodes), width)
    feature, left, right = np.zeros(shape, np.int16), np.zeros(shape, np.int16), np.zeros(shape, np.int16)
    threshold, value = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for t, tree in enumerate(nodes):
        own, leaf = np.arange(len(tree)), tree["is_leaf"].astype(bool)
        feature[t, : len(tree)] = np.where(leaf, 0, tree["feature_idx"])
        threshold[t, : len(tree)] = np.where(leaf, 0, tree["num_threshold"])
        left[t, : len(tree)] = np.where(leaf, own, tree["left"])
        right[t, : len(tree)] = np.where(leaf, own, tree["right"])
        value[t, : len(tree)] = np.where(leaf, tree["value"], 0)
    start = float(np.ravel(boosted._baseline_prediction)[0])
    return Trees(feature=feature, threshold=threshold, left=left, right=right, value=value, start=start)


def scored_rows(table: Table, source: str) -> Array:
    """Mark the rows on which a source is scored: its given pairs, and for FEVER also those with more evidence."""
    return (table.source == source) & (table.natural if source == "fever" else table.kind == "given")


def left_out(table: Table, seed: int, keep: Path | None) -> dict[str, tuple[Array, Array, Array]]:
    """Return for each source its rows, and the logits and the bound by heads that were fitted without the source."""
    known = dict(np.load(keep)) if keep and keep.exists() else {}
    for source in ("wice", *HELD_OUT):
        if f"{source}_z" not in known:
            heads = Heads(table, (table.split != "tune") & (table.source != source), seed)
            rows = np.flatnonzero(scored_rows(table, source))
            known[f"{source}_r"], known[f"{source}_z"] = rows, heads.logits(table.x[rows])
        if f"{source}_g" not in known:
            trees = near_trees(table, (table.split != "tune") & (table.source != source), seed)
            known[f"{source}_g"] = guard(trees, table.x[known[f"{source}_r"]])
        if keep:
            np.savez(keep, **known)
    return {s: (known[f"{s}_r"], known[f"{s}_z"], known[f"{s}_g"]) for s in ("wice", *HELD_OUT)}


def figures(p: Array, full: Array) -> dict[str, float]:
    """Return balanced accuracy at ½ and at the best threshold, AUC and calibration error."""
    threshold, best = best_threshold(p, full)
    return {
        "n": len(p),
        "balanced_accuracy": round(balanced_accuracy(p, full), 4),
        "best": round(best, 4),
        "best_threshold": round(threshold, 3),
        "auc": round(auc(p, full), 4),
        "ece": round(calibration_error(p, full), 4),
    }


def net_logits(folds: list[Path], source: str) -> dict[int, float]:
    """Return by row the mean logit of the networks trained without ``source``; empty if there are none."""
    found: dict[int, list[float]] = {}
    for fold in folds:
        unseen = json.loads((fold / "log.jsonl").read_text().splitlines()[-1])["without"]
        if source in [*unseen, "wice"]:
            scores = np.load(fold / "scores.npz")
            for i, logits in zip(scores["rows"], scores["logits"], strict=True):
                found.setdefault(int(i), []).append(float(logits[0]))
    return {i: float(np.mean(logits)) for i, logits in found.items()}


def mixed(columns: Array, net: float) -> Array:
    """Mix linear and tree logits in equal parts and add ``net`` times the network's logit if there is one."""
    plain = columns[:, :2].mean(1)
    return plain if columns.shape[1] < 3 else plain + net * columns[:, 2]


def cut(scores: dict[str, Array], full: dict[str, Array]) -> float:
    """Return the score with the highest mean balanced accuracy over sources.

    Sources with long evidence count double, since the evidence of briefs is long. The curve is smoothed by a moving
    mean of width 0.2.
    """
    grid = np.linspace(-2, 2, 161)
    curve = np.zeros(len(grid))
    for source, s in scores.items():
        share = 2.0 if source in LONG_EVIDENCE_SOURCES else 1.0
        curve += share * np.array([balanced_accuracy(s, full[source], g) for g in grid])
    smooth = np.convolve(curve, np.ones(9) / 9, "valid")
    return float(grid[4:-4][int(np.argmax(smooth))])


def slope(scores: dict[str, Array], full: dict[str, Array]) -> float:
    """Return the factor from scores to logits: a logistic regression with equal weights of sources and classes."""
    from sklearn.linear_model import LogisticRegression

    s, y = np.concatenate(list(scores.values())), np.concatenate(list(full.values()))
    w = np.concatenate([np.where(f, 0.5 / f.mean(), 0.5 / (~f).mean()) / len(f) for f in full.values()])
    return float(LogisticRegression(C=1e6).fit(s[:, None], y, sample_weight=w * len(s)).coef_[0, 0])


def main() -> None:
    """Print the figures on sources left out; write ``model.safetensors``, ``config.json`` and ``figures.json``."""
    import torch
    from safetensors.torch import save_file

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("table", "idf", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--folds", type=Path, nargs="*", default=[], help="runs of train_net.py that left sources out")
    parser.add_argument("--final", type=Path, nargs="*", default=[], help="runs of train_net.py for the packaged model")
    parser.add_argument("--left-out", type=Path, help="cache file of the heads' logits on sources left out")
    parser.add_argument("--name", default="citebrief-support/1")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    table = Table(args.table)
    out_of_fold = left_out(table, args.seed, args.left_out)
    columns, bound, full = {}, {}, {}
    for source, (rows, logits, limit) in out_of_fold.items():
        net = net_logits(args.folds, source)
        keep = np.array([k for k, i in enumerate(rows) if not net or int(i) in net])
        columns[source], bound[source], full[source] = logits[keep], limit[keep], table.full[rows[keep]]
        if net:
            columns[source] = np.column_stack([logits[keep], [net[int(i)] for i in rows[keep]]])
    shares = (0.0, 0.1, 0.15, 0.2, 0.3, 0.45) if args.final else (0.0,)
    mean_auc = {w: float(np.mean([auc(mixed(c, w), full[s]) for s, c in columns.items()])) for w in shares}
    share = max(shares, key=lambda w: mean_auc[w])
    scores = {source: mixed(c, share) for source, c in columns.items()}
    # Threshold and slope for each source are fitted on the other sources.
    result: dict[str, dict[str, float]] = {}
    for source, c in columns.items():
        rest = {s: v for s, v in scores.items() if s != source}
        factor, threshold = slope(rest, {s: full[s] for s in rest}), cut(rest, full)
        p = 1 / (1 + np.exp(-np.minimum(factor * (scores[source] - threshold), bound[source])))
        result[source] = figures(p, full[source])
        for name, column in zip(("linear", "trees", "net"), c.T, strict=False):
            result[source][f"auc_{name}"] = round(auc(column, full[source]), 4)
    mean = {
        key: round(float(np.mean([r[key] for r in result.values() if key in r])), 4)
        for key in result["wice"]
        if key != "n"
    }
    k, threshold = slope(scores, full), cut(scores, full)
    mix = {"linear": 0.5 * k, "trees": 0.5 * k, "net": share * k, "bias": -k * threshold}
    print(json.dumps({"left_out": result, "mean": mean, "auc_by_share_of_net": mean_auc, "mix": mix}, indent=1))

    heads = Heads(table, table.split != "tune", args.seed)
    near = near_trees(table, table.split != "tune", args.seed)
    weights = {
        "idf": np.load(args.idf), "mean": heads.mean, "std": heads.std, "linear": heads.linear,
        **{f"trees.{key}": getattr(heads.trees, key) for key in ARRAYS},
        **{f"near.{key}": getattr(near, key) for key in ARRAYS},
    }  # fmt: skip
    tensors = {key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in weights.items()}
    for k, run in enumerate(args.final):
        state = torch.load(run / "net.pt", weights_only=True)
        tensors |= {f"net{k}.{key}": value.half() for key, value in state["net"].items()}
        # Each network has its own scaling of the features.
        tensors |= {f"scale{k}.{key}": state[key].float() for key in ("mean", "std")}
    args.out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, args.out / "model.safetensors")
    config = {
        "name": args.name,
        "nets": len(args.final),
        "trees_start": heads.trees.start,
        "near": {"start": near.start, "cut": NEAR_COPY_CUT, "bars": NEAR_COPY_BARS},
        "quote_gain": 0.06,
        "mix": {name: round(value, 4) for name, value in mix.items()},
        "features": list(NAMES),
    }
    (args.out / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (args.out / "figures.json").write_text(json.dumps({"left_out": result, "mean": mean}, indent=1) + "\n")


if __name__ == "__main__":
    main()
