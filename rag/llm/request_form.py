"""The forms that a chat request can take, for servers that do not know all of OpenAI's parameters.

:data:`STANDARD` is what OpenAI takes. Every other form sends less, or the same in another field. What a form leaves out
of the schema is still demanded of the reply: the client validates it against the whole schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

ReplyFormat = Literal["json_schema", "counted_in_words", "plain_schema", "schema_in_json_object", "json_object", "text"]
"""How the form of a reply is demanded, from the strictest to the loosest.

``json_schema`` sends the whole schema; ``counted_in_words`` leaves out keywords that only validate, such as
``maxItems``, and puts the limits on lists into descriptions; ``plain_schema`` leaves only types, properties, items and
enumerations. ``schema_in_json_object`` sends it beside the type ``json_object``, as llama-cpp-python takes it. Servers
may ignore it there, so that it also stands in the prompt. ``json_object`` and ``text`` send it in the prompt only.
"""

REPLY_FORMATS: tuple[ReplyFormat, ...] = get_args(ReplyFormat)
SCHEMA_IN_PROMPT_FORMATS = frozenset({"schema_in_json_object", "json_object", "text"})
"""Those with which the model is told the schema in the prompt."""

VALIDATION_KEYWORDS = frozenset(
    "minItems maxItems uniqueItems minContains maxContains contains minLength maxLength pattern format minimum maximum"
    " exclusiveMinimum exclusiveMaximum multipleOf minProperties maxProperties".split()
)
"""Keywords of JSON Schema that restrict a value and do not describe its structure."""

STRUCTURE_KEYWORDS = frozenset("$ref $defs definitions additionalProperties const default title".split())
"""Keywords that ``plain_schema`` replaces or leaves out."""

REASONING_TOKENS = 4_000
"""Tokens that a reasoning model may spend before its reply; they count against the limit on its length."""

SCHEMA_IN_PROMPT = "Reply with one JSON object that follows this JSON schema, and with nothing else:\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestForm:
    """The form of the requests to one model.

    Attributes:
        limit: the field for the limit on the reply's tokens.
        highest_limit: the highest limit on the reply's tokens that is sent; None if none is known.
        omitted: fields that are not sent.
        reply: how the form of the reply is demanded.
        schema_in_prompt: whether the schema also stands in the prompt where it is sent.
        system_in_user: whether the system message stands at the beginning of the user message.
        reasons: whether replies get :data:`REASONING_TOKENS` more.
    """

    limit: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    highest_limit: int | None = None
    omitted: frozenset[str] = frozenset()
    reply: ReplyFormat = "json_schema"
    schema_in_prompt: bool = False
    system_in_user: bool = False
    reasons: bool = False

    def apply(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the request ``body``, which is in the standard form, in this form."""
        sent = {name: value for name, value in body.items() if name not in self.omitted}
        limit = sent.pop("max_completion_tokens", None) or sent.pop("max_tokens", None)
        if limit is not None:
            extra = REASONING_TOKENS if self.reasons and "reasoning_effort" not in body else 0
            sent[self.limit] = min(limit + extra, self.highest_limit or limit + extra)
        schema = json_schema_of(body)
        messages = list(body.get("messages") or ())
        if schema is not None:
            sent.pop("response_format", None)
            if demanded := self._response_format(body["response_format"]["json_schema"]):
                sent["response_format"] = demanded
            if self.schema_in_prompt or self.reply in SCHEMA_IN_PROMPT_FORMATS:
                text = SCHEMA_IN_PROMPT + json.dumps(schema, ensure_ascii=False)
                messages = _with_system_text(messages, text)
        if self.system_in_user:
            messages = _fold_system_messages(messages)
        return {**sent, "messages": messages}

    def _response_format(self, demanded: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the field ``response_format`` that demands the JSON schema ``demanded``; None if there is none."""
        if self.reply == "text":
            return None
        if self.reply == "json_object":
            return {"type": "json_object"}
        if self.reply == "schema_in_json_object":
            return {"type": "json_object", "schema": demanded["schema"]}
        sent = dict(demanded)
        if self.reply == "counted_in_words":
            sent["schema"] = without_validation(demanded["schema"])
        elif self.reply == "plain_schema":
            sent["schema"] = plain_schema(demanded["schema"])
        if self.reply == "plain_schema" or "strict" in self.omitted:
            sent.pop("strict", None)
        return {"type": "json_schema", "json_schema": sent}


STANDARD = RequestForm()
"""What OpenAI takes."""


def json_schema_of(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the JSON schema that a request in the standard form demands; None if it demands none."""
    demanded = body.get("response_format") or {}
    return demanded["json_schema"]["schema"] if demanded.get("type") == "json_schema" else None


def keywords_of(schema: Any) -> set[str]:
    """Return the keywords that a JSON schema uses, without the names of its properties."""
    if isinstance(schema, list):
        return {keyword for part in schema for keyword in keywords_of(part)}
    if not isinstance(schema, dict):
        return set()
    found = set(schema)
    for keyword, value in schema.items():
        if keyword in ("properties", "$defs", "definitions"):
            found |= {each for part in value.values() for each in keywords_of(part)}
        elif keyword not in ("enum", "const", "default", "examples", "required"):
            found |= keywords_of(value)
    return found


def without_validation(schema: Any) -> Any:
    """Return ``schema`` without :data:`VALIDATION_KEYWORDS`. Limits on the length of a list go into its description."""
    if isinstance(schema, list):
        return [without_validation(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    reduced = _map_parts(schema, without_validation)
    reduced = {keyword: value for keyword, value in reduced.items() if keyword not in VALIDATION_KEYWORDS}
    if length := _length_in_words(schema.get("minItems"), schema.get("maxItems")):
        reduced["description"] = "; ".join(filter(None, (schema.get("description"), length)))
    return reduced


def plain_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return ``schema`` with types, properties, items, enumerations and alternatives only, and no references."""
    definitions = {**schema.get("definitions", {}), **schema.get("$defs", {})}

    def reduce(part: Any) -> Any:
        if isinstance(part, list):
            return [reduce(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return reduce(definitions[part["$ref"].rsplit("/", 1)[1]])
        reduced = {
            keyword: value for keyword, value in _map_parts(part, reduce).items() if keyword not in STRUCTURE_KEYWORDS
        }
        if "const" in part:
            reduced["enum"] = [part["const"]]
        return reduced

    result: dict[str, Any] = reduce(without_validation(schema))
    return result


def _map_parts(schema: dict[str, Any], change: Any) -> dict[str, Any]:
    """Return ``schema`` with ``change`` applied to each schema that it contains."""
    mapped = {}
    for keyword, value in schema.items():
        if keyword in ("properties", "$defs", "definitions"):
            mapped[keyword] = {name: change(part) for name, part in value.items()}
        elif keyword in ("enum", "const", "default", "examples", "required"):
            mapped[keyword] = value
        else:
            mapped[keyword] = change(value)
    return mapped


def _length_in_words(least: int | None, most: int | None) -> str:
    if least and most:
        return f"{least} items" if least == most else f"{least} to {most} items"
    if least:
        return f"at least {least} items" if least > 1 else "at least one item"
    return f"at most {most} items" if most is not None else ""


def _with_system_text(messages: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """Return ``messages`` with ``text`` at the end of the first system message, which is added if there is none."""
    for at, message in enumerate(messages):
        if message["role"] in ("system", "developer"):
            longer = {**message, "content": f"{message['content']}\n\n{text}"}
            return [*messages[:at], longer, *messages[at + 1 :]]
    return [{"role": "system", "content": text}, *messages]


def _fold_system_messages(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return ``messages`` with the text of the system messages before that of the first user message."""
    texts = [message["content"] for message in messages if message["role"] in ("system", "developer")]
    others = [message for message in messages if message["role"] not in ("system", "developer")]
    if not texts or not others:
        return [{**message, "role": "user"} for message in messages]
    first = {**others[0], "content": "\n\n".join([*texts, others[0]["content"]])}
    return [first, *others[1:]]
