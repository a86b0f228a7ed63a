"""Score the answers of a run: aspects covered, citations by the packaged verifier, time, and labels given by hand.

    python -m eval.bench.peers.score --results build/peers/results.jsonl [--labels eval/bench/peers/labels.jsonl]

All answers are judged alike, by their sentences and the passages that each cites. Prints tables in Markdown and writes
the figures and every sentence with its verdict to ``scores.json`` beside the results.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.check import ParsedBrief
from rag.config import load_settings
from rag.types import Chunk

from ...metrics import citations
from ...runner.coverage_cases import CoverageCase, read_coverage_cases
from ...runner.score import ScoredBrief, score_brief
from .answers import answers_of, cited_chunks, listed_chunks, parsed_brief
from .blind import read_labels, tally_labels
from .table import markdown_table

if TYPE_CHECKING:
    from ...judges.judge import Judge


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerScore:
    """The score of one answer.

    ``cited`` and ``sent`` are the numbers of the aspects that a cited passage, or one that the writer was sent, states;
    ``stated`` is the number of sentences that the passages sent state in full, cited or not.
    """

    system: str
    case: CoverageCase
    scored: ScoredBrief
    passages: int
    cited: int
    sent: int
    stated: int

    @property
    def declined(self) -> bool:
        """Whether the system said that the documents do not answer."""
        return self.scored.status == "insufficient_evidence"


def score_answers(
    rows: Sequence[Mapping[str, Any]], cases: Mapping[str, CoverageCase], judge: Judge
) -> Iterator[AnswerScore]:
    """Judge every answer among ``rows``, the rows of a run."""
    for (system, case_id), answer in answers_of(rows).items():
        brief = parsed_brief(answer)
        case = cases[case_id]
        scored = score_brief(brief, judge, _resolver(brief), id_=f"{system}/{case_id}")
        yield AnswerScore(
            system=system,
            case=case,
            scored=scored,
            passages=len(brief.sources),
            cited=stated_aspects(case, cited_chunks(brief)),
            sent=stated_aspects(case, listed_chunks(brief)),
            stated=_stated_sentences(scored, listed_chunks(brief), judge),
        )


def stated_aspects(case: CoverageCase, chunks: Sequence[Chunk]) -> int:
    """Return the number of aspects of ``case`` that one of ``chunks`` states."""
    return sum(any(aspect.is_stated_in(each.document_id, each.text) for each in chunks) for aspect in case.aspects)


def _stated_sentences(scored: ScoredBrief, sent: Sequence[Chunk], judge: Judge) -> int:
    """Count the sentences that their citations or, failing that, all passages sent together state in full."""
    others = [row.text for row in scored.rows if row.support != "full"]
    verdicts = judge.verify([(text, sent) for text in others]) if sent else []
    return len(scored.rows) - len(others) + sum(verdict.support == "full" for verdict in verdicts)


def figures(scores: Sequence[AnswerScore]) -> dict[str, Any]:
    """Return the figures of one system over all its answers; shares are over all sentences or aspects together."""
    sentences = [row.judged for score in scores for row in score.scored.rows]
    aspects = sum(len(score.case.aspects) for score in scores)
    return {
        "answers": len(scores),
        "declined": sum(score.declined for score in scores),
        "sentences": len(sentences),
        "uncited": _rounded(citations.uncited_rate(sentences)),
        "invalid": _rounded(citations.invalid_citation_rate(sentences)),
        "recall": _rounded(citations.citation_recall(sentences)),
        "precision": _rounded(citations.citation_precision(sentences)),
        "stated by passages sent": _rounded(sum(s.stated for s in scores) / len(sentences) if sentences else None),
        "passages": round(sum(score.passages for score in scores) / len(scores), 1),
        "aspects": aspects,
        "aspects sent": sum(score.sent for score in scores),
        "aspects cited": sum(score.cited for score in scores),
    }


def time_figures(rows: Sequence[Mapping[str, Any]], system: str, collection: str) -> dict[str, Any]:
    """Return the seconds of one core of a system's index, start-up, search and answers over a collection."""
    own = [row for row in rows if row["system"] == system and row["collection"] == collection]
    answers = [row["core_seconds"] for row in own if row["kind"] == "answer"]
    index = next((row for row in own if row["kind"] == "index"), None)
    start = next((row for row in own if row["kind"] == "start"), None)
    return {
        "chunks": index["chunks"] if index else None,
        "index_seconds": round(index["cost"]["core_seconds_since_start"], 1) if index else None,
        "start_seconds": round(start["core_seconds"], 1) if start else None,
        "search_ms": round(start["search_core_ms"]) if start and start["search_core_ms"] is not None else None,
        "answers": len(answers),
        "answer_seconds": round(sum(answers) / len(answers), 1) if answers else None,
        "failed": len({row.get("question") for row in own if row["kind"] == "failed"}),
    }


def main() -> None:
    """Score a run and print the tables."""
    from ...judges.judge import DEFAULT_JUDGE, open_judge

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default="eval/cases/coverage.jsonl")
    parser.add_argument("--results", type=Path, default=Path("build/peers/results.jsonl"))
    parser.add_argument("--labels", type=Path)
    args = parser.parse_args()
    rows = [json.loads(line) for line in args.results.read_text(encoding="utf-8").splitlines()]
    cases = {case.id: case for case in read_coverage_cases(args.suite)}
    with open_judge(DEFAULT_JUDGE, load_settings({})) as judge:
        scores = list(score_answers(rows, cases, judge))
    report = _report(rows, scores)
    (args.results.parent / "scores.json").write_text(json.dumps(report, indent=1, ensure_ascii=False), encoding="utf-8")
    print(markdown_table(report["time"]), markdown_table(report["quality"]), sep="\n\n")
    if args.labels:
        print(f"\n{markdown_table(tally_labels(rows, read_labels(args.labels)))}")


def _report(rows: Sequence[Mapping[str, Any]], scores: Sequence[AnswerScore]) -> dict[str, Any]:
    systems = list(dict.fromkeys(row["system"] for row in rows))
    collections = list(dict.fromkeys(row["collection"] for row in rows))
    quality = []
    for collection in (*collections, None):
        for system in systems:
            own = [each for each in scores if each.system == system and collection in (None, each.case.collection)]
            if own:
                quality.append({"collection": collection or "all", "system": system, **figures(own)})
    return {
        "versions": {row["system"]: row["versions"] for row in rows if row["kind"] == "index"},
        "time": [
            {"collection": collection, "system": system, **time_figures(rows, system, collection)}
            for collection in collections
            for system in systems
        ],
        "quality": quality,
        "failures": [row for row in rows if row["kind"] == "failed"],
        "sentences": [
            {
                "system": score.system,
                "case": score.case.id,
                "text": row.text,
                "citations": row.citations,
                "support": row.support,
            }
            for score in scores
            for row in score.scored.rows
        ],
    }


def _resolver(brief: ParsedBrief) -> Any:
    def resolve(cited: str, _: str) -> Sequence[Chunk] | None:
        source = brief.sources.get(cited)
        return None if source is None or source.chunk is None else (source.chunk,)

    return resolve


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


if __name__ == "__main__":
    main()
