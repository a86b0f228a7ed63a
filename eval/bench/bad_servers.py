"""Batches against servers that fail: what becomes of the questions, a fault at a time and all of them mixed.

    python eval/bench/bad_servers.py --store .citebrief [--questions 204] [--share 0.2] [--mixed]

For each fault ``citebrief batch`` asks an equal part of the questions of a server that deals that fault to ``--share``
of all requests, whatever they are, and quotes what it is shown otherwise; ``--mixed`` asks them all of one server that
deals all faults to that share together. One that dies is away for that share of the time. Every question has to end
in a whole brief or in a row that says why. Prints a table and exits 1 if one did neither.
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
from scripted import INVENTED, Quoting, questions

# isort: split
from fault_server import (
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
DIES = "dies and comes back"
AWAY = 3.0
"""Seconds that it is away each time."""


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", default=".citebrief")
    parser.add_argument("--questions", type=int, default=204)
    parser.add_argument("--share", type=float, default=0.2)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--mixed", action="store_true")
    given = parser.parse_args()
    asked = questions(given.store, given.questions)
    kinds = ["all of them"] if given.mixed else [*FAULTS, DIES]
    print("| fault | questions | answered | sections or sums left as quotes | failed, with why | seconds | requests |")
    print("|---|---|---|---|---|---|---|", flush=True)
    wrong = []
    with tempfile.TemporaryDirectory() as directory:
        for place, kind in enumerate(kinds):
            out = Path(directory) / str(place)
            found = run(kind, asked[place :: len(kinds)], out, given)
            wrong += found
    for each in wrong:
        print(each, file=sys.stderr)
    return 1 if wrong else 0


def run(kind: str, asked: list[str], out: Path, given: argparse.Namespace) -> list[str]:
    """Ask, and print a row of the table; what is wrong."""
    if kind in FAULTS:
        odds = [(FAULTS[kind], given.share)]
    else:
        odds = [(deal, given.share / len(FAULTS)) for deal in FAULTS.values()] if kind != DIES else []
    away = given.share if kind not in FAULTS else 0.0
    with Quoting(odds=odds, seed=sum(map(ord, kind))) as server, dying(server, away):
        words = ["batch", "-", "--out", str(out), "--store", given.store, "--llm", "openai:test", "--json", "--quiet"]
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "", "CITEBRIEF_TIMEOUT": "2"}
        ended = CliRunner().invoke(cli, [*words, "--jobs", str(given.jobs)], input="\n".join(asked), env=env)
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    wrong = [] if ended.exit_code in (0, 3) else [f"{kind}: exit status {ended.exit_code}: {ended.exception}"]
    wrong += [] if len({row["question"] for row in rows}) == len(asked) == len(rows) else [f"{kind}: rows are missing"]
    counts, quoted, reasons = Counter(row["status"] for row in rows), 0, Counter[str]()
    for row in rows:
        if row["sha256"]:
            brief = from_json((out / row["files"]["json"]).read_bytes())
            quoted += sum("no usable reply" in repair.why for repair in brief.trace.repairs)
        elif row["error"]:
            reasons[row["fault"]] += 1
        else:
            wrong.append(f"{kind}: {row['id']} has neither a brief nor a reason")
    why = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common())
    failed = f"{sum(reasons.values())} ({why})" if reasons else "0"
    seconds = json.loads(ended.stdout)["seconds"] if ended.stdout else 0
    cells = (kind, len(asked), counts["answered"], quoted, failed, seconds, len(server.requests))
    print(f"| {' | '.join(map(str, cells))} |", flush=True)
    return wrong


@contextmanager
def dying(server: Quoting, share: float) -> Iterator[None]:
    """During this block ``server`` is away for a ``share`` of the time."""
    enough = threading.Event()

    def live_and_die() -> None:
        alive = 1.0  # at first: the questions of one fault do not take long
        while not enough.wait(alive):
            server.die()
            enough.wait(AWAY)
            server.come_back()
            alive = AWAY / share - AWAY

    thread = threading.Thread(target=live_and_die)
    if share:
        thread.start()
    try:
        yield
    finally:
        enough.set()
        if share:
            thread.join()


if __name__ == "__main__":
    sys.exit(main())
