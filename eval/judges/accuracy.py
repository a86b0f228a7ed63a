"""Measure a judge of support on labelled pairs of claim and evidence.

The main figure is balanced accuracy of full support against the rest, as LLM-AggreFact reports it (Tang et al., EMNLP
2024): a constant verdict scores one half, whatever the mix of labels.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from rag.errors import UsageError
from rag.types import Support, Verdict

from .judge import Judge
from .recall import RecallTable, format_recall, recall_tables

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class LabelledPair(BaseModel):
    """A row of the file of labelled pairs: ``label`` says how far ``evidence`` supports ``claim``.

    ``kind`` is what a false claim has wrong, or how a true one was made; ``source`` is where the pair comes from.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    claim: str
    evidence: str | tuple[str, ...]
    label: Support
    source: str = "all"
    kind: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of the evidence, which are judged together."""
        return (self.evidence,) if isinstance(self.evidence, str) else self.evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeReport:
    """Accuracy of a judge. A figure is None if it is undefined, as balanced accuracy is for a single label.

    ``confusion[label][verdict]`` are counts. ``reliability`` has a row for each non-empty tenth of the score range,
    with the mean score and the share of pairs labelled full. ``ece`` is the expected calibration error. ``recall`` has
    a table for the judge's verdicts and for each threshold on its scores (:mod:`.recall`).
    """

    judge: str
    n: int
    balanced_accuracy: float | None
    auc: float | None
    ece: float | None
    confusion: dict[str, dict[str, int]]
    reliability: list[dict[str, float | int]]
    pairs_per_second: float
    by_source: dict[str, dict[str, float | int | None]]
    recall: list[RecallTable]


def read_pairs(lines: Iterable[str], name: str) -> list[LabelledPair]:
    """Parse the labelled pairs of a JSONL file; ``name`` is the file's name in error messages.

    Raises:
        UsageError: a row is not a labelled pair (the message names the line), or there are no rows.
    """
    pairs = list(_parse_rows(lines, name))
    if not pairs:
        raise UsageError(f"{name}: no rows; each line must be a JSON object with claim, evidence and label")
    return pairs


def measure_judge(pairs: Sequence[LabelledPair], judge: Judge) -> JudgeReport:
    """Measure ``judge`` on ``pairs``. A missing verdict counts as no support and is "unscored" in the confusion."""
    import numpy as np

    judge.verify([("The first call warms up.", ["The first call warms up."])])
    started = time.perf_counter()
    verdicts = judge.verify([(pair.claim, pair.texts) for pair in pairs])
    seconds = time.perf_counter() - started
    groups: dict[str, list[int]] = defaultdict(list)
    for i, pair in enumerate(pairs):
        groups[pair.source].append(i)
    scores = np.array([verdict.score for verdict in verdicts])
    full = np.array([pair.label == "full" for pair in pairs])
    judged_full = np.array([verdict.support == "full" for verdict in verdicts])
    return JudgeReport(
        judge=judge.name,
        n=len(pairs),
        **_figures(scores, judged_full, full),
        confusion=_confusion(pairs, verdicts),
        reliability=_reliability(scores, full),
        pairs_per_second=round(len(pairs) / seconds, 1),
        by_source={
            source: {"n": len(rows), **_figures(scores[rows], judged_full[rows], full[rows])}
            for source, rows in groups.items()
        },
        recall=recall_tables(
            [(pair.kind, pair.source) for pair in pairs],
            [pair.label == "full" for pair in pairs],
            [verdict.support == "full" for verdict in verdicts],
            [verdict.score for verdict in verdicts],
        ),
    )


def _parse_rows(lines: Iterable[str], name: str) -> Iterator[LabelledPair]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield LabelledPair.model_validate_json(line)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            where = ".".join(map(str, fault["loc"])) or "the row"
            raise UsageError(f"{name}, line {number}: {where}: {fault['msg']}") from error


def _figures(scores: NDArray[np.float64], judged_full: NDArray[np.bool_], full: NDArray[np.bool_]) -> dict[str, Any]:
    """Compute balanced accuracy of the verdicts, area under the ROC curve and expected calibration error (ten bins)."""
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score

    has_both_labels = 0 < full.sum() < len(full)
    gaps = [abs(row["mean_score"] - row["share_full"]) * row["n"] / len(scores) for row in _reliability(scores, full)]
    return {
        "balanced_accuracy": round(float(balanced_accuracy_score(full, judged_full)), 4) if has_both_labels else None,
        "auc": round(float(roc_auc_score(full, scores)), 4) if has_both_labels else None,
        "ece": round(float(sum(gaps)), 4),
    }


def _reliability(scores: NDArray[np.float64], full: NDArray[np.bool_]) -> list[dict[str, float | int]]:
    """Compute a reliability diagram (Guo et al., ICML 2017) as rows, one for each non-empty tenth of the scores."""
    import numpy as np

    tenths = np.minimum((scores * 10).astype(int), 9)
    return [
        {
            "from": int(tenth) / 10,
            "n": int((tenths == tenth).sum()),
            "mean_score": round(float(scores[tenths == tenth].mean()), 4),
            "share_full": round(float(full[tenths == tenth].mean()), 4),
        }
        for tenth in np.unique(tenths)
    ]


def _confusion(pairs: Sequence[LabelledPair], verdicts: Sequence[Verdict]) -> dict[str, dict[str, int]]:
    grades: tuple[Support, ...] = get_args(Support)
    counts: dict[str, dict[str, int]] = {label: dict.fromkeys((*grades, "unscored"), 0) for label in grades}
    for pair, verdict in zip(pairs, verdicts, strict=True):
        counts[pair.label][verdict.support or "unscored"] += 1
    return counts


def format_judge_report(report: JudgeReport) -> str:
    """Format ``report`` for a terminal."""
    rows = {"all": {"n": report.n, "balanced_accuracy": report.balanced_accuracy, "auc": report.auc, "ece": report.ece}}
    if len(report.by_source) > 1:
        rows |= report.by_source
    lines = [f"{report.judge}: {report.pairs_per_second} pairs a second"]
    for name, row in rows.items():
        figures = ", ".join(f"{key} {value if value is not None else 'undefined'}" for key, value in row.items())
        lines.append(f"{name}: {figures}")
    lines += [
        f"labelled {label}: " + ", ".join(f"{n} {verdict}" for verdict, n in row.items())
        for label, row in report.confusion.items()
    ]
    lines += ["", *format_recall(report.recall)]
    return "\n".join(lines)


def judge_report_json(report: JudgeReport) -> str:
    """Serialise ``report`` as one JSON object."""
    return json.dumps(asdict(report), ensure_ascii=False, indent=1)
