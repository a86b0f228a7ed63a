"""The server of the benchmarks: its replies are usable for every prompt of a large model."""

from __future__ import annotations

import json

from rag.eval.bench.quoting_server import quoting_reply
from rag.llm.reply_schema import sent_schema
from rag.writing.large_schemas import brief_schema, edit_schema, select_schema
from rag.writing.queries import QUERIES_PROMPT, QueriesReply

USER = """Question: What of the pier?

[oslo.md]
E1: The board met on 3 May 2011. It approved the pier in Oslo.

[costs.md]
E2: The pier cost 41 million kroner."""


def test_every_call_of_a_large_model_gets_a_usable_reply() -> None:
    schemas = {
        QUERIES_PROMPT: QueriesReply,
        "select": select_schema(("E1", "E2")),
        "brief": brief_schema(("E1", "E2"), 4),
        "edit": edit_schema(("S1",), ("H1",), ("G1",), ("E1", "E2")),
    }
    for name, schema in schemas.items():
        form = {"json_schema": {"name": name, "schema": sent_schema(schema)}}
        reply = quoting_reply({"messages": [{"role": "user", "content": USER}], "response_format": form})
        schema.model_validate(json.loads(reply))
