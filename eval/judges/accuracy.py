"""How well does a judge tell support? Its verdicts on labelled pairs, against their labels.

Balanced accuracy of full support against the rest, as LLM-AggreFact reports it (Tang et al., EMNLP 2024): a judge that
says the same of everything gets one half, whatever the mix of labels.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from rag.errors import UsageError
from rag.types import Support, Verdict

from .judge import Judge

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Pair(BaseModel):
    """A labelled row: does ``evidence`` support ``claim``?"""

    model_config = ConfigDict(frozen=True, extra="ignore")
    claim: str
    evidence: str
    label: Support
    source: str = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeReport:
    """What a judge got right. ``confusion[label][verdict]`` counts; an undefined figure is None (one label only).

    ``reliability`` has a row for each tenth of the scores that occurs: is a score of 0.8 right in eight cases of ten?
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


def read_pairs(lines: Iterable[str], name: str) -> list[Pair]:
    """The labelled pairs of a JSONL file.

    Raises:
        UsageError: a row is no JSON or lacks something; names the line. Or there is no row.
    """
    pairs = list(_rows(lines, name))
    if not pairs:
        raise UsageError(f"{name}: no rows; each line is to be a JSON object with claim, evidence and label")
    return pairs


def measure_judge(pairs: Sequence[Pair], judge: Judge) -> JudgeReport:
    """``judge`` on ``pairs``. A verdict that could not be had counts as no support, and is shown as unscored."""
    import numpy as np

    judge.follows([("The first call warms up.", ["The first call warms up."])])
    started = time.perf_counter()
    verdicts = judge.follows([(pair.claim, [pair.evidence]) for pair in pairs])
    seconds = time.perf_counter() - started
    groups: dict[str, list[int]] = defaultdict(list)
    for place, pair in enumerate(pairs):
        groups[pair.source].append(place)
    scores = np.array([verdict.score for verdict in verdicts])
    full = np.array([pair.label == "full" for pair in pairs])
    said = np.array([verdict.support == "full" for verdict in verdicts])
    return JudgeReport(
        judge=judge.name,
        n=len(pairs),
        **_figures(scores, said, full),
        confusion=_confusion(pairs, verdicts),
        reliability=_reliability(scores, full),
        pairs_per_second=round(len(pairs) / seconds, 1),
        by_source={
            source: {"n": len(rows), **_figures(scores[rows], said[rows], full[rows])}
            for source, rows in groups.items()
        },
    )


def _rows(lines: Iterable[str], name: str) -> Iterator[Pair]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield Pair.model_validate_json(line)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            where = ".".join(map(str, fault["loc"])) or "the row"
            raise UsageError(f"{name}, line {number}: {where}: {fault['msg']}") from error


def _figures(scores: NDArray[np.float64], said: NDArray[np.bool_], full: NDArray[np.bool_]) -> dict[str, Any]:
    """Balanced accuracy at the shipped threshold, area under the ROC curve, expected calibration error in ten bins."""
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score

    both = 0 < full.sum() < len(full)
    gaps = [abs(row["mean_score"] - row["share_full"]) * row["n"] / len(scores) for row in _reliability(scores, full)]
    return {
        "balanced_accuracy": round(float(balanced_accuracy_score(full, said)), 4) if both else None,
        "auc": round(float(roc_auc_score(full, scores)), 4) if both else None,
        "ece": round(float(sum(gaps)), 4),
    }


def _reliability(scores: NDArray[np.float64], full: NDArray[np.bool_]) -> list[dict[str, float | int]]:
    """A reliability diagram as rows (Guo et al., ICML 2017), one for each tenth of the scores that occurs."""
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


def _confusion(pairs: Sequence[Pair], verdicts: Sequence[Verdict]) -> dict[str, dict[str, int]]:
    grades: tuple[Support, ...] = get_args(Support)
    counts: dict[str, dict[str, int]] = {label: dict.fromkeys((*grades, "unscored"), 0) for label in grades}
    for pair, verdict in zip(pairs, verdicts, strict=True):
        counts[pair.label][verdict.support or "unscored"] += 1
    return counts


def as_text(report: JudgeReport) -> str:
    """``report`` as lines to read."""
    rows = {"all": {"n": report.n, "balanced_accuracy": report.balanced_accuracy, "auc": report.auc, "ece": report.ece}}
    if len(report.by_source) > 1:
        rows |= report.by_source
    lines = [f"{report.judge}: {report.pairs_per_second} pairs a second"]
    for name, row in rows.items():
        figures = ", ".join(f"{key} {value if value is not None else 'undefined'}" for key, value in row.items())
        lines.append(f"{name}: {figures}")
    lines += [
        f"labelled {label}: " + ", ".join(f"{n} {said}" for said, n in row.items())
        for label, row in report.confusion.items()
    ]
    return "\n".join(lines)


def as_json(report: JudgeReport) -> str:
    """``report`` as one JSON object."""
    from dataclasses import asdict

    return json.dumps(asdict(report), ensure_ascii=False, indent=1)
