"""What a brief costs beside the model: time, tokens, memory, and how soon the draft stands.

    python eval/bench/brief.py QUESTION QUESTION … [--store .citebrief] [--llm local]

The first question warms up (imports, encoder, model) and is not counted: asked again, its passages would be known.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time

from rag.config import load_settings
from rag.progress import Step
from rag.writing.session import Session


def main() -> None:
    """Print one row a question and the medians as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", nargs="+")
    parser.add_argument("--store", default=".citebrief")
    parser.add_argument("--llm", default="local")
    given = parser.parse_args()
    if len(given.questions) < 2:
        parser.error("give two questions or more: the first one only warms up")
    moments: dict[str, float] = {}

    def watch(step: Step) -> None:
        if step.stage == "retrieve" and "passages" in step.message:
            moments["hits"] = time.perf_counter()
            moments.pop("draft", None)
        if step.brief is not None:
            moments.setdefault("draft", time.perf_counter())

    rows = []
    settings = load_settings({"store": given.store, "llm": given.llm})
    with Session(settings) as session:
        session.answer(given.questions[0])  # loads what is loaded once
        for question in given.questions[1:]:
            brief = session.answer(question, on_progress=watch)
            spent, tokens = brief.trace.seconds, brief.trace.tokens
            whole = sum(spent.get(stage, 0.0) for stage in ("retrieve", "plan", "write"))
            rows.append(
                {
                    "question": brief.question,
                    "sentences": sum(1 for _ in brief.sentences()),
                    "seconds": round(whole, 1),
                    "outside_the_model": round(1 - spent.get("model", 0.0) / whole, 3),
                    "draft_after_hits": round(moments["draft"] - moments["hits"], 2) if "draft" in moments else None,
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
