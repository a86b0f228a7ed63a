"""Calls of a remote model and what comes of them: for the tests of the transport."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict

from rag.errors import CitebriefError
from rag.llm import ChatClient

KEY = "sk-secret-0123456789"


class Sentence(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sentence: str


Connect = Callable[..., ChatClient]


def ask(model: ChatClient, *_: object, user: str = "What fell?", **options: Any) -> str:
    return model.ask("Be brief.", user, Sentence, max_tokens=50, name="merge", **options).sentence


def outcome(model: ChatClient, *_: object) -> str:
    try:
        return ask(model)
    except CitebriefError as error:
        return f"{type(error).__name__}: {error}"
