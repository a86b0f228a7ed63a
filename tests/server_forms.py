"""Requests with small schemas, and servers that refuse some forms of them: for the tests of compatibility."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fault_server import Rule, ScriptedReply
from pydantic import BaseModel, ConfigDict, Field

from rag.llm import ChatClient

KEY = "sk-secret-0123456789"
UNKNOWN = 'Invalid JSON payload received. Unknown name "%s": Cannot find field.'


class Sentence(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sentence: str


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str
    kind: Literal["said"] = "said"
    citations: Annotated[list[Literal["E1", "E2"]], Field(min_length=1, max_length=2)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid")
    heading: str
    sentences: Annotated[list[Item], Field(min_length=1, max_length=3)]


Connect = Callable[..., ChatClient]


def ask(model: ChatClient, schema: type[BaseModel] = Sentence, **options: Any) -> Any:
    return model.ask("Be brief.", "What fell?", schema, **{"max_tokens": 50, "name": "merge", **options})


def refusing(present: Callable[[dict[str, Any]], bool], reply: ScriptedReply) -> Rule:
    """Return the rule of a server that refuses requests in which something is present."""
    return lambda body: reply if present(body) else None


def reply_format(body: dict[str, Any]) -> str:
    return (body.get("response_format") or {}).get("type", "none")


def schema_text(body: dict[str, Any]) -> str:
    return json.dumps(body.get("response_format") or {})
