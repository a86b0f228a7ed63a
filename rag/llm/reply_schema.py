"""The JSON schema of a reply as it is sent to a model."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

_NAMED = ("properties", "$defs")
"""Keywords whose value has names of fields or types as its keys, one of which may be "title"."""


def sent_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """Return the strict schema of ``schema`` without titles.

    Pydantic titles every field with its name in other letters. A model reads them, a fifth of the schema's tokens, with
    each call.
    """
    import openai

    parameters = openai.pydantic_function_tool(schema)["function"]["parameters"]
    return dict(_without_titles(parameters))


def _without_titles(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_titles(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: {name: _without_titles(each) for name, each in own.items()} if key in _NAMED else _without_titles(own)
        for key, own in value.items()
        if key != "title"
    }
