"""Fit the heads over the features, mix them with the networks, calibrate, and write the model that ships.

Every choice is made on sources that the scored head did not see: each source is left out in turn, and the mixture and
its
threshold are fitted on those scores and on the tune sets, every source weighing the same and its two classes too.

    python eval/verifier/fit.py --table work/table.npz --idf work/idf.npy --folds runs/a runs/b runs/c --final
    runs/all --out rag/verifier_model
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from measure import auc, balanced_accuracy, best_threshold, calibration_error

from rag.support_features import NAMES
from rag.support_trees import Trees

Array = npt.NDArray[Any]

RISES = frozenset(
    """
    high_mean high_median high_p25 high_p10 high_min high_second high_all_mean low_mean low_median low_p25
    low_p10 low_min best_sentence best_pair best_two best_sentence_min best_two_min best_sentence_low
    sentence_cosine window_cosine passage_cosine high_five high_three low_five low_three best_two_five
    clause_weakest clause_covered_weakest covered covered_plain covered_best covered_two bigrams longest_run
    same_word_high same_word_high_min same_word_low missing_high missing_low
    """.split()
)
FALLS = frozenset(
    """
    high_below_50 high_below_65 high_below_80 low_below_50 low_below_70 numbers_missing numbers_missing_best
    any_number_missing names_missing names_missing_share names_missing_best negation_differs negation_extra
    absolutes_new hedges_lost first_person log_evidence
    """.split()
)
"""Features that may only raise, or only lower, P(full). Holding the trees to that makes them carry over to unseen
sources."""

HELD_OUT = ("factcg", "summedits", "begin", "scifact", "fever")


class Table:
    """The features and what is known of each row."""

    def __init__(self, path: Path) -> None:
        data = np.load(path)
        self.x: Array = data["x"]
        self.label, self.source, self.kind, self.split = (data[k] for k in ("label", "source", "kind", "split"))
        self.full: Array = self.label == "full"
        self.natural: Array = (self.kind == "given") | (self.kind == "lengthened")

    def weights(self, rows: Array, made: float = 0.5, passage: float = 0.1) -> Array:
        """Full and not full weigh the same in each source and kind; SNLI half.

        Examples made of labelled pairs weigh ``made``, those made of passages ``passage``: their true
        sentences are the passage's
        own words, and with more weight than this the heads take every paraphrase for a lie (FactCG, left out:
        AUC 80 → 70).
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
    """A linear head and monotone boosted trees, fitted on some rows of a table."""

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
        direction = [1 if name in RISES else -1 if name in FALLS else 0 for name in NAMES]
        boosted = HistGradientBoostingClassifier(
            max_iter=80, max_leaf_nodes=6, learning_rate=0.06, l2_regularization=5, min_samples_leaf=60,
            monotonic_cst=direction, random_state=seed,
        ).fit(x, full, sample_weight=weights)  # fmt: skip
        self.trees = as_arrays(boosted)

    def scaled(self, x: Array) -> Array:
        """``x`` with mean 0 and deviation 1, clipped at 4."""
        return np.clip((x - self.mean) / self.std, -4, 4)

    def logits(self, x: Array) -> Array:
        """Linear and tree logit of *full*; n × 2."""
        return np.stack([self.scaled(x) @ self.linear[0, :-1] + self.linear[0, -1], self.trees.score(x)], 1)


def as_arrays(boosted: Any) -> Trees:
    """scikit-learn's trees as arrays; a leaf points at itself."""
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
    """The rows on which a source is judged: its given pairs, and for FEVER those among other evidence too."""
    return (table.source == source) & (table.natural if source == "fever" else table.kind == "given")


def left_out(table: Table, seed: int) -> dict[str, tuple[Array, Array]]:
    """For each source: its rows, and the logits of heads that never saw the source."""
    out = {}
    for source in ("wice", *HELD_OUT):
        heads = Heads(table, (table.split != "tune") & (table.source != source), seed)
        rows = np.flatnonzero(scored_rows(table, source))
        out[source] = rows, heads.logits(table.x[rows])
    return out


def figures(p: Array, full: Array) -> dict[str, float]:
    """Balanced accuracy at ½ and at the best threshold, AUC, calibration error."""
    threshold, best = best_threshold(p, full)
    return {
        "n": len(p),
        "balanced_accuracy": round(balanced_accuracy(p, full), 4),
        "best": round(best, 4),
        "best_threshold": round(threshold, 3),
        "auc": round(auc(p, full), 4),
        "ece": round(calibration_error(p, full), 4),
    }


def mixture(columns: dict[str, Array], full: dict[str, Array]) -> tuple[Array, float]:
    """Weights (≥ 0) of the columns and a bias: a logistic regression in which each source weighs 1, its classes ½
    each."""
    from scipy.optimize import minimize

    z = np.concatenate(list(columns.values()))
    y = np.concatenate(list(full.values()))
    w = np.concatenate([np.where(f, 0.5 / f.sum(), 0.5 / (~f).sum()) for f in full.values()])

    def loss(theta: Array) -> float:
        s = z @ theta[:-1] + theta[-1]
        return float(w @ np.logaddexp(0, np.where(y, -s, s)) + 0.01 * (theta[:-1] ** 2).sum())

    n = z.shape[1]
    found = minimize(loss, np.append(np.full(n, 0.5), 0.0), bounds=[(0, None)] * n + [(None, None)])
    return found.x[:-1], float(found.x[-1])


def main() -> None:
    """Print the left-out figures; write ``model.safetensors``, ``config.json`` and ``figures.json``."""
    import torch
    from safetensors.torch import save_file

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("table", "idf", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--folds", type=Path, nargs="*", default=[], help="runs of train_net.py that left sources out")
    parser.add_argument("--final", type=Path, nargs="*", default=[], help="runs of train_net.py on all sources")
    parser.add_argument("--name", default="citebrief-support/1")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    table = Table(args.table)
    out_of_fold = left_out(table, args.seed)
    columns = {source: z for source, (_, z) in out_of_fold.items()}
    rows = {source: r for source, (r, _) in out_of_fold.items()}
    if args.folds:
        for source, (r, z) in out_of_fold.items():
            net: dict[int, list[float]] = {}
            for fold in args.folds:
                found = np.load(fold / "scores.npz")
                for i, logits in zip(found["rows"], found["logits"], strict=True):
                    net.setdefault(int(i), []).append(float(logits[0]))
            keep = [k for k, i in enumerate(r) if int(i) in net]
            rows[source] = r[keep]
            columns[source] = np.column_stack([z[keep], [np.mean(net[int(i)]) for i in r[keep]]])
    full = {source: table.full[r] for source, r in rows.items()}
    # Each source is judged by a mixture that was fitted on the others.
    result: dict[str, Any] = {}
    for source in columns:
        others = [s for s in columns if s != source]
        mix, bias = mixture({s: columns[s] for s in others}, {s: full[s] for s in others})
        p = 1 / (1 + np.exp(-(columns[source] @ mix + bias)))
        result[source] = figures(p, full[source])
        for k, part in enumerate(("linear", "trees", "net")[: columns[source].shape[1]]):
            result[source][f"auc_{part}"] = round(auc(columns[source][:, k], full[source]), 4)
    mix, bias = mixture(columns, full)
    mean = {
        key: round(float(np.mean([r[key] for r in result.values()])), 4)
        for key in next(iter(result.values()))
        if key != "n"
    }
    print(json.dumps({"left_out": result, "mean": mean, "mix": [*mix.round(3).tolist(), round(bias, 3)]}, indent=1))

    heads = Heads(table, table.split != "tune", args.seed)
    weights = {
        "idf": np.load(args.idf), "mean": heads.mean, "std": heads.std, "linear": heads.linear,
        **{f"trees.{key}": getattr(heads.trees, key) for key in ("feature", "threshold", "left", "right", "value")},
    }  # fmt: skip
    tensors = {key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in weights.items()}
    for k, run in enumerate(args.final):
        state = torch.load(run / "net.pt", weights_only=True)
        tensors |= {f"net{k}.{key}": value.half() for key, value in state["net"].items()}
        # The networks were trained on features scaled their own way.
        tensors |= {f"scale{k}.{key}": state[key].float() for key in ("mean", "std")}
    args.out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, args.out / "model.safetensors")
    names = ("linear", "trees", "net")[: len(mix)]
    config = {
        "name": args.name,
        "nets": len(args.final),
        "trees_start": heads.trees.start,
        "quote_gain": 0.06,
        "mix": {name: round(float(m), 4) for name, m in zip(names, mix, strict=True)} | {"bias": round(bias, 4)},
        "features": list(NAMES),
    }
    (args.out / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (args.out / "figures.json").write_text(json.dumps({"left_out": result, "mean": mean}, indent=1) + "\n")


if __name__ == "__main__":
    main()
