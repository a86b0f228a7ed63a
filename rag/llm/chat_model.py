"""The interface that writers, judges and estimates need of a chat model."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from pydantic import BaseModel

    ReplyT = TypeVar("ReplyT", bound=BaseModel)


class ChatModel(Protocol):
    """A chat model that replies in JSON under a schema.

    :class:`rag.llm.client.ChatClient` sends requests to a server; a dry run counts the tokens and sends nothing.
    """

    name: str
    """The model's name, as a trace records it."""

    small: bool
    """Whether the model is given little to read: evidence sentences rather than passages."""

    tokens: Counter[str]
    """Tokens and calls so far, by kind: ``prompt``, ``cached``, ``completion``, ``calls``, ``replayed``."""

    def ask(
        self,
        system: str,
        user: str,
        schema: type[ReplyT],
        *,
        max_tokens: int,
        name: str,
    ) -> ReplyT:
        """Return the model's reply to the two messages, parsed as ``schema``.

        Args:
            system: the system message.
            user: the user message.
            schema: the pydantic model that the reply has to follow.
            max_tokens: the most tokens that the reply may have.
            name: the prompt's name, under which callbacks see the call.

        Raises:
            ReplyError: the reply does not follow the schema, or is cut off, empty or refused.
            ModelError: the call failed; see ``rag/errors.py`` for the subclasses.
        """
        ...
