"""Run one system as a process of its own, with requests and replies as lines of JSON on standard input and output.

    python -m eval.bench.peers.worker NAME

The first line is the options (:class:`Options`). A request has ``command`` (``versions``, ``index``, ``search`` or
``answer``), ``store``, and ``folder`` or ``question``. A reply has ``result`` or ``error``, and the time: ``seconds``,
``core_seconds`` (of one core, children included) and ``core_seconds_since_start``. The process ends with its input.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .interface import Options, answer_to_json, core_seconds

if TYPE_CHECKING:
    from .interface import System


def main() -> None:
    """Serve requests until the input ends."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not come between the replies
    options = Options(**json.loads(sys.stdin.readline()))
    system: System = importlib.import_module(f".{sys.argv[1]}", __package__).create(options)
    for line in sys.stdin:
        print(json.dumps(_reply(system, json.loads(line)), ensure_ascii=False), file=replies, flush=True)


def _reply(system: System, request: dict[str, Any]) -> dict[str, Any]:
    started, core_started = time.perf_counter(), core_seconds()
    reply: dict[str, Any]
    try:
        reply = {"result": _run(system, request)}
    except Exception as error:  # a system may fail in any way, and the comparison goes on
        traceback.print_exc()
        reply = {"error": f"{type(error).__name__}: {error}"}
    used = core_seconds()
    return {
        **reply,
        "seconds": time.perf_counter() - started,
        "core_seconds": used - core_started,
        "core_seconds_since_start": used,
    }


def _run(system: System, request: dict[str, Any]) -> Any:
    store = Path(request.get("store", ""))
    match request["command"]:
        case "versions":
            return {"python": sys.version.split()[0], **{name: _version(name) for name in system.packages}}
        case "index":
            return system.index(Path(request["folder"]), store)
        case "search":
            return [asdict(passage) for passage in system.search(store, request["question"])]
        case "answer":
            return answer_to_json(system.answer(store, request["question"]))
        case other:
            raise ValueError(f"{other}: not a command")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    main()
