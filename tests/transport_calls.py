"""Calls of a remote model and what comes of them: for the tests of the transport."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.context import register_configure_hook
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


_HANDLER: ContextVar[BaseCallbackHandler | None] = ContextVar("handler", default=None)
register_configure_hook(_HANDLER, inheritable=True)


@contextmanager
def watched_by(handler: BaseCallbackHandler) -> Iterator[None]:
    """Have LangChain call ``handler`` for all that runs in the block."""
    token = _HANDLER.set(handler)
    try:
        yield
    finally:
        _HANDLER.reset(token)


def outcome(model: ChatClient, *_: object) -> str:
    try:
        return ask(model)
    except CitebriefError as error:
        return f"{type(error).__name__}: {error}"
