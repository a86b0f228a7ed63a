"""Build the schemas of replies, in which citations can only be aliases or numbers that the prompt shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field, create_model, model_validator


def strict_schema(name: str, check: Callable[[Any], Any] | None = None, **fields: Any) -> Any:
    """Return a pydantic model that allows no other fields.

    Args:
        name: its name.
        check: returns a reply that may stand, and raises ``ValueError`` for another one.
        **fields: as to :func:`pydantic.create_model`.
    """
    validators: Any = {"check": model_validator(mode="after")(check)} if check else None
    return create_model(name, __config__=ConfigDict(extra="forbid"), __validators__=validators, **fields)


def list_of(kind: Any, least: int, most: int) -> Any:
    """Return the type of a list of ``least`` to ``most`` items."""
    return Annotated[list[kind], Field(min_length=least, max_length=most)]


def alias_type(name: str, aliases: Sequence[str]) -> Any:
    """Return the type of one of ``aliases``. A schema defines it once, however many of its fields have it."""
    return StrEnum(name, {alias: alias for alias in aliases})
