"""A chat completion parsed into the schema that was requested."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from rag.errors import ReplyError

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from pydantic import BaseModel, ValidationError

    ReplyT = TypeVar("ReplyT", bound=BaseModel)

_LENGTHS = ("too_short", "too_long", "value_error", "assertion_error")
"""Pydantic's errors for what a JSON schema that a server takes need not say."""

_JSON5_READINGS = 4
"""How many times the length of a reply its characters may be read as JSON5, which is slow: 9 µs each."""


def parse_reply(message: BaseMessage, schema: type[ReplyT]) -> ReplyT:
    """Return the content of LangChain's ``message`` as ``schema``.

    The JSON object may stand between other text, such as reasoning, a code fence or a greeting.

    Raises:
        ReplyError: it is empty, a refusal, or does not follow the schema.
    """
    from pydantic import ValidationError

    if refusal := message.additional_kwargs.get("refusal"):
        raise ReplyError(f"the model refused: {first_lines(refusal)}")
    text = str(message.text)
    if not text:
        raise ReplyError("the reply is empty")
    try:  # from the text itself: LangChain's parser completes JSON that breaks off
        return schema.model_validate_json(text)
    except ValidationError as error:
        whole = error
    nearest: ValidationError | None = None
    for value in objects_in(text):
        try:
            return schema.model_validate_json(json.dumps(value, ensure_ascii=False))
        except ValidationError as error:
            nearest = nearest or error
    fault = nearest or whole
    raise ReplyError(f"the reply does not follow the schema: {_describe(fault)}") from fault


def has_other_structure(error: ReplyError) -> bool:
    """Return whether the reply is no JSON of the requested structure: the server did not hold it to the schema."""
    from pydantic import ValidationError

    cause = error.__cause__
    return isinstance(cause, ValidationError) and any(each["type"] not in _LENGTHS for each in cause.errors())


def objects_in(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in ``text``, the last first, since reasoning comes before a reply.

    An object inside another one comes after it: some models wrap the reply in an object or a list of their own. What is
    no JSON may be JSON5: comments, trailing commas, single quotes and keys without quotes cost no reply. Nothing is
    completed or guessed, so that no word of a reply changes; an object that breaks off is not yielded.
    """
    decoder = json.JSONDecoder(strict=False)  # line breaks in strings are taken as they are
    found: list[dict[str, Any]] = []
    unread = _JSON5_READINGS * len(text)
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            value, end, characters = _parse_json5(text, at) if unread > 0 else (None, at + 1, 0)
            unread -= characters
        if isinstance(value, dict):
            found.append(value)
        at = text.find("{", end)
    for value in reversed(found):
        yield value
        yield from (part for part in value.values() if isinstance(part, dict))


def _parse_json5(text: str, start: int) -> tuple[dict[str, Any] | None, int, int]:
    """Return the JSON5 object at ``start`` or None, where to go on, and how many characters were read.

    JSON5 joins lines that end in a backslash, which would join their words: such an object is none.
    """
    import json5

    try:
        value, fault, end = json5.parse(text, start=start, consume_trailing=False, strict=False)
    except RecursionError:
        return None, start + 1, len(text) - start
    if fault is not None or "\\\n" in text[start:end]:
        return None, start + 1, end - start
    return value, end, end - start


def first_lines(text: object) -> str:
    """Return the first three lines of ``text`` as one line of at most 300 characters."""
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return "; ".join(lines[:3])[:300] if lines else type(text).__name__


def _describe(error: ValidationError) -> str:
    """Return what is wrong and where, for the model that is asked to correct it."""
    problems = []
    for problem in error.errors(include_url=False)[:3]:
        place = ".".join(str(step) for step in problem["loc"])
        got = f" (got {str(problem['input'])[:60]!r})" if place and problem["type"] != "missing" else ""
        problems.append(f"{place}: {problem['msg']}{got}" if place else problem["msg"])
    return "; ".join(problems)
