"""Completions of servers that put the reply, or an error, in another place than OpenAI does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

ERROR_STATUS = 502
"""The status of an error in a response with status 200 that gives no other: the server behind a gateway failed."""

EMPTY_STATUS = 500
"""The status of a completion without choices: the request itself may be the cause."""

_THINKING = re.compile(r"<think(ing)?>|\[THINK\]", re.IGNORECASE)


def error_in(body: bytes) -> tuple[int, str] | None:
    """Return the HTTP status and the message of the error that a response with status 200 is; None if it is none."""
    response = parse_object(body)
    if response is None:
        return None
    choices = response.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    for error in (response.get("error"), first.get("error")):
        if error:
            return _describe(error)
    if response.get("object") == "error" or (response.get("type") == "error" and choices is None):
        return _describe(response)
    if "choices" in response and not choices:
        return EMPTY_STATUS, "the response has no choices"
    return None


def normalised(body: bytes) -> bytes:
    """Return a completion with the reply in ``choices[0].message.content``, as text; ``body`` if nothing is to be done.

    The reply may stand in the arguments of a tool call, in the field for reasoning, in a list of parts or in ``text``.
    """
    response = parse_object(body)
    if response is None or not isinstance(response.get("choices"), list) or not response["choices"]:
        return body
    choice = response["choices"][0]
    if not isinstance(choice, dict):
        return body
    message = choice.get("message") or choice.get("delta") or {}
    given = message.get("content", choice.get("text"))
    content = text_of(given)
    if not content.strip():
        content = next(_elsewhere(message), content)
    if content == given and isinstance(choice.get("message"), dict):
        return body
    kept = {name: value for name, value in message.items() if name not in ("tool_calls", "function_call")}
    finish = choice.get("finish_reason")
    choice["message"] = {**kept, "role": "assistant", "content": content or None}
    choice["finish_reason"] = "stop" if finish in (None, "tool_calls", "function_call") else finish
    return json.dumps(response, ensure_ascii=False).encode()


def thought_to_the_limit(body: bytes) -> bool:
    """Return whether a completion reached the limit on its length while, or after, the model was reasoning.

    Some servers do not show the reasoning: a completion of Gemini 2.5 that reached the limit then has no text at all.
    """
    response = parse_object(body) or {}
    try:
        choice = response["choices"][0]
        message = choice["message"]
        if choice["finish_reason"] != "length":
            return False
        text = text_of(message.get("content"))
        if reasoning_of(message) or _THINKING.search(text) or not (text.strip() or any(_elsewhere(message))):
            return True
        details = (response.get("usage") or {}).get("completion_tokens_details") or {}
        return bool(details.get("reasoning_tokens"))
    except (KeyError, IndexError, TypeError, AttributeError):
        return False


def parse_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object that ``body`` is, or None."""
    try:
        response = json.loads(body)
    except ValueError:
        return None
    return response if isinstance(response, dict) else None


def _describe(error: Any) -> tuple[int, str]:
    """Return the status and the message of an error, which may be a text."""
    if not isinstance(error, Mapping):
        return ERROR_STATUS, str(error)
    message = error.get("message") or error.get("detail") or error.get("type") or "an error without a message"
    for code in map(str, (error.get("code"), error.get("status"), error.get("http_code"))):
        if code.isdigit() and 400 <= int(code) <= 599:
            return int(code), str(message)
    return ERROR_STATUS, str(message)


def text_of(content: Any) -> str:
    """Return the text of ``content``, which may be a list of parts, of which those that are reasoning do not count."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in content]
        return "".join(part for part in parts if isinstance(part, str))
    return json.dumps(content, ensure_ascii=False) if isinstance(content, dict) else ""


def _elsewhere(message: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts that may be the reply of a message without content, the likeliest first."""
    calls = message.get("tool_calls") or []
    functions = [call.get("function") or {} for call in calls if isinstance(call, dict)]
    for function in (*functions, message.get("function_call") or {}):
        arguments = function.get("arguments")
        if arguments:
            yield text_of(arguments)
    if "{" in (reasoning := reasoning_of(message)):
        yield reasoning


def reasoning_of(message: Mapping[str, Any]) -> str:
    """Return the text of the model's reasoning, which Mistral sends as parts of the content."""
    content = message.get("content")
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    for place in (message, *parts):
        for name in ("reasoning_content", "reasoning", "thinking"):
            if text := text_of(place.get(name)):
                return text
    return ""
