"""Have the model reply to held-out examples through llama.cpp, with an adapter or without. ::

    python -m eval.training.writer.replies --model MODEL.gguf --adapter ADAPTER.gguf --out work/with.jsonl \\
        --sections 40 --closings 12 DATA/sections/sections.jsonl DATA/sections/summaries.jsonl

Prompts, schemas and sampling are the product's. Several examples are replied to at a time, which changes the time only;
``--slots 1`` gives the time of the product. ``--out`` gets a row for each example: its id, the reply, its parsed form
or why it has none, the tokens and the seconds. Examples that it has already are skipped.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rag.writing.small_writer import MAX_SECTION_TOKENS, section_schema

from .closing import MAX_CLOSING_TOKENS, closing_schema
from .examples import Example, read_examples, select

SLOT_TOKENS = 2048
"""Context of each reply."""


def start_server(model: Path, adapter: Path | None, slots: int, threads: int) -> Any:
    """Return llama.cpp's server with ``slots`` replies at a time."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    if adapter is not None:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_parallel, params.n_ctx = slots, slots * SLOT_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.fit_params = params.warmup = params.ui = False
    params.verbosity = -1
    return xllamacpp.Server(params)


def request_of(example: Example, count: int) -> dict[str, Any]:
    """Return the body of the request for ``example``, which has ``count`` notes or sentences."""
    import openai

    schema = section_schema(count) if example.kind == "section" else closing_schema(count)
    strict = openai.pydantic_function_tool(schema)["function"]["parameters"]
    return {
        "messages": [{"role": "system", "content": example.system}, {"role": "user", "content": example.user}],
        "temperature": 0,
        "max_tokens": MAX_SECTION_TOKENS if example.kind == "section" else MAX_CLOSING_TOKENS,
        "response_format": {"type": "json_schema", "json_schema": {"name": "r", "schema": strict, "strict": True}},
    }


def count_numbered(user: str) -> int:
    """Return the highest number of a note or sentence in a user message."""
    return max(int(line.split()[0]) for line in user.splitlines() if line.split()[:1] and line.split()[0].isdigit())


def reply_to(example: Example, base_url: str) -> dict[str, Any]:
    """Return the row of ``example``."""
    import httpx
    from pydantic import ValidationError

    count = count_numbered(example.user)
    started = time.monotonic()
    body = request_of(example, count)
    reply = httpx.post(f"{base_url}/v1/chat/completions", json=body, timeout=7200, trust_env=False).raise_for_status()
    text = reply.json()["choices"][0]["message"]["content"]
    row = {"id": example.id, "kind": example.kind, "reply": text, "seconds": time.monotonic() - started}
    row["tokens"] = reply.json()["usage"]["completion_tokens"]
    schema = section_schema(count) if example.kind == "section" else closing_schema(count)
    try:
        return row | {"parsed": schema.model_validate_json(text).model_dump(by_alias=True)}
    except ValidationError as error:
        return row | {"parsed": None, "why": str(error.errors()[0]["msg"])}


def spread(examples: Sequence[Example], most: int) -> list[Example]:
    """Return at most ``most`` of ``examples``, spread evenly over them."""
    return [examples[n * len(examples) // most] for n in range(min(most, len(examples)))]


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", type=Path, nargs="+", help="JSONL files of sections and of summaries")
    parser.add_argument("--passages", type=Path, help="passages that evidence refers to by id")
    parser.add_argument("--model", type=Path, required=True, help="the packaged model's GGUF file")
    parser.add_argument("--adapter", type=Path, help="the adapter's GGUF file")
    parser.add_argument("--sections", type=int, default=40, help="how many held-out sections")
    parser.add_argument("--closings", type=int, default=12, help="how many held-out summaries")
    parser.add_argument("--slots", type=int, default=8, help="replies at a time")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    examples = read_examples(options.sources, options.passages)
    chosen = [
        *spread(select(examples, {"section"}, held_out=True), options.sections),
        *spread(select(examples, {"closing"}, held_out=True), options.closings),
    ]
    done = {json.loads(line)["id"] for line in options.out.open(encoding="utf-8")} if options.out.exists() else set()
    server = start_server(options.model, options.adapter, options.slots, options.threads)
    with options.out.open("a", encoding="utf-8") as file, ThreadPoolExecutor(options.slots) as pool:
        waiting = [example for example in chosen if example.id not in done]
        for row in pool.map(lambda example: reply_to(example, server.listening_address), waiting):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
