"""A completion that a server sends as a stream of events, which nobody asked for."""

from __future__ import annotations

import json
import re
from typing import Any

from rag.llm.completions import parse_object, reasoning_of, text_of

_STREAM = re.compile(rb"\s*(data|event|id|retry)?:")
"""The beginning of a stream, which no JSON has: a field, or a comment, by which OpenRouter keeps the connection."""

_END = b"data: [DONE]"


def joined(body: bytes) -> bytes:
    """Return the completion, or the error, that the stream of events ``body`` adds up to; ``body`` if it is none.

    Some gateways only put the end of a stream behind a whole completion.
    """
    if _STREAM.match(body):
        return json.dumps(_joined_events(body), ensure_ascii=False).encode()
    return body.rstrip().removesuffix(_END) if body.rstrip().endswith(_END) else body


def _joined_events(body: bytes) -> dict[str, Any]:
    chunks = []
    for line in body.decode(errors="replace").splitlines():
        data = line.removeprefix("data:").strip()
        if line.startswith("data:") and data != "[DONE]":
            chunks.append(parse_object(data.encode()) or {})
    content, reasoning = "", ""
    finish = usage = error = choices = None
    for chunk in chunks:
        usage = chunk.get("usage") or usage
        error = error or chunk.get("error")
        choices = chunk.get("choices") or choices
        for choice in (chunk.get("choices") or [])[:1]:
            delta = choice.get("delta") or choice.get("message") or {}
            content += text_of(delta.get("content"))
            reasoning += reasoning_of(delta)
            finish = choice.get("finish_reason") or finish
            error = error or choice.get("error")
    message = {"role": "assistant", "content": content, **({"reasoning_content": reasoning} if reasoning else {})}
    head = {name: chunks[0].get(name) for name in ("id", "created", "model")} if chunks else {}
    whole = [{"index": 0, "message": message, "finish_reason": finish}] if choices else []
    return {**head, "object": "chat.completion", "choices": whole, "usage": usage, "error": error}
