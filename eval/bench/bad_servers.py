"""Run batches against failing servers, one fault at a time or all faults mixed, and count how the questions end.

    python -m eval.bench.bad_servers --store .citebrief [--questions 204] [--share 0.2] [--mixed]

For each fault ``citebrief batch`` asks an equal part of the questions of a server that deals this fault to ``--share``
of all requests and quotes the passages of the prompt otherwise. With ``--mixed``, one server is asked all questions and
deals all faults, together in that share of the requests. The fault "dies and comes back" means that the server is away
for that share of the time. Each question has to end in a whole brief or in a row with a reason. Prints a table; exits
with 1 if a question ended otherwise.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner
from fault_server import (
    FaultServer,
    ScriptedReply,
    cut_line,
    dropped,
    empty,
    failing,
    garbled,
    overflow,
    rate_limited,
    refused,
    slow,
    truncated,
)

from rag.cli.main import cli
from rag.render.json import from_json

from .quoting_server import INVENTED, QuotingServer, questions_about

FAULTS: dict[str, ScriptedReply] = {
    "429": rate_limited(),
    "429, Retry-After": rate_limited(retry_after=1),
    "500": failing(500),
    "503": failing(503),
    "time-out": slow(30),
    "dropped": dropped(),
    "cut off in the body": cut_line(),
    "truncated JSON": truncated(),
    "malformed completion": garbled(),
    "refusal": refused(),
    "context overflow": overflow(),
    "invented id": INVENTED,
    "empty reply": empty(),
}
OUTAGES = "dies and comes back"
OUTAGE_SECONDS = 3.0
"""Length of each outage."""


def main() -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", default=".citebrief")
    parser.add_argument("--questions", type=int, default=204)
    parser.add_argument("--share", type=float, default=0.2)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--mixed", action="store_true")
    args = parser.parse_args()
    questions = questions_about(args.store, args.questions)
    faults = ["all of them"] if args.mixed else [*FAULTS, OUTAGES]
    print("| fault | questions | answered | sections or sums left as quotes | failed, with why | seconds | requests |")
    print("|---|---|---|---|---|---|---|", flush=True)
    errors = []
    with tempfile.TemporaryDirectory() as directory:
        for number, fault in enumerate(faults):
            errors += run_batch_with(fault, questions[number :: len(faults)], Path(directory) / str(number), args)
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


def run_batch_with(fault: str, questions: list[str], out: Path, args: argparse.Namespace) -> list[str]:
    """Run a batch against a server with ``fault`` and print its row of the table; return what went wrong."""
    odds: list[tuple[ScriptedReply, float]] = []
    if fault in FAULTS:
        odds = [(FAULTS[fault], args.share)]
    elif fault != OUTAGES:
        odds = [(deal, args.share / len(FAULTS)) for deal in FAULTS.values()]
    away = args.share if fault not in FAULTS else 0.0
    with QuotingServer(odds=odds, seed=sum(map(ord, fault))) as server, outages(server, away):
        command = ["batch", "-", "--out", str(out), "--store", args.store, "--llm", "openai:test", "--json", "--quiet"]
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "", "CITEBRIEF_TIMEOUT": "2"}
        result = CliRunner().invoke(cli, [*command, "--jobs", str(args.jobs)], input="\n".join(questions), env=env)
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    errors = []
    if result.exit_code not in (0, 3):
        errors.append(f"{fault}: exit status {result.exit_code}: {result.exception}")
    if not len({row["question"] for row in rows}) == len(questions) == len(rows):
        errors.append(f"{fault}: rows are missing")
    statuses, quoted, reasons = Counter(row["status"] for row in rows), 0, Counter[str]()
    for row in rows:
        if row["sha256"]:
            brief = from_json((out / row["files"]["json"]).read_bytes())
            quoted += sum("no usable reply" in repair.why for repair in brief.trace.repairs)
        elif row["error"]:
            reasons[row["fault"]] += 1
        else:
            errors.append(f"{fault}: {row['id']} has neither a brief nor a reason")
    reason_counts = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common())
    failed = f"{sum(reasons.values())} ({reason_counts})" if reasons else "0"
    seconds = json.loads(result.stdout)["seconds"] if result.stdout else 0
    cells = (fault, len(questions), statuses["answered"], quoted, failed, seconds, len(server.requests))
    print(f"| {' | '.join(map(str, cells))} |", flush=True)
    return errors


@contextmanager
def outages(server: FaultServer, share: float) -> Iterator[None]:
    """Take ``server`` down for a ``share`` of the time while the block runs."""
    stopped = threading.Event()

    def alternate() -> None:
        up_seconds = 1.0  # a short first interval, since the questions of one fault do not take long
        while not stopped.wait(up_seconds):
            server.die()
            stopped.wait(OUTAGE_SECONDS)
            server.come_back()
            up_seconds = OUTAGE_SECONDS / share - OUTAGE_SECONDS

    thread = threading.Thread(target=alternate)
    if share:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        if share:
            thread.join()


if __name__ == "__main__":
    sys.exit(main())
