"""Measure the time of briefs, the part of it outside the model, the tokens, the memory, and the time to the draft.

    python -m eval.bench.brief QUESTION QUESTION … [--store .citebrief] [--llm local]

The first question loads imports, encoder and model and is not counted.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from typing import Any

from rag.config import load_settings
from rag.progress import Step
from rag.writing.session import Session


def main() -> None:
    """Print a row for each question and the medians as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", nargs="+")
    parser.add_argument("--store", default=".citebrief")
    parser.add_argument("--llm", default="local")
    args = parser.parse_args()
    if len(args.questions) < 2:
        parser.error("give two questions or more: the first one is not counted")
    times: dict[str, float] = {}

    def record_time(step: Step) -> None:
        if step.stage == "retrieve" and "passages" in step.message:
            times["hits"] = time.perf_counter()
            times.pop("draft", None)
        if step.brief is not None:
            times.setdefault("draft", time.perf_counter())

    rows: list[dict[str, Any]] = []
    settings = load_settings({"store": args.store, "llm": args.llm})
    with Session(settings) as session:
        session.answer(args.questions[0])
        for question in args.questions[1:]:
            brief = session.answer(question, on_progress=record_time)
            seconds, tokens = brief.trace.seconds, brief.trace.tokens
            total = sum(seconds.get(stage, 0.0) for stage in ("retrieve", "plan", "write"))
            rows.append(
                {
                    "question": brief.question,
                    "sentences": sum(1 for _ in brief.sentences()),
                    "seconds": round(total, 1),
                    "outside_the_model": round(1 - seconds.get("model", 0.0) / total, 3),
                    "draft_after_hits": round(times["draft"] - times["hits"], 2) if "draft" in times else None,
                    "prompt_tokens_read": tokens["prompt"] - tokens["cached"],
                    "tokens_written": tokens["completion"],
                }
            )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    medians = {
        key: statistics.median(row[key] for row in rows if isinstance(row[key], int | float))
        for key in ("seconds", "outside_the_model", "prompt_tokens_read", "tokens_written")
    }
    print(json.dumps({"rows": rows, "n": len(rows), "medians": medians, "peak_gib": round(peak, 2)}, indent=1))


if __name__ == "__main__":
    main()
