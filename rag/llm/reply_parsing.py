"""A chat completion parsed into the schema that was requested."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from rag.errors import ReplyError

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from pydantic import BaseModel, ValidationError

    ReplyT = TypeVar("ReplyT", bound=BaseModel)


def parse_reply(message: BaseMessage, schema: type[ReplyT]) -> ReplyT:
    """Return the content of LangChain's ``message`` as ``schema``.

    Raises:
        ReplyError: it is empty, a refusal, or does not follow the schema.
    """
    from pydantic import ValidationError

    if refusal := message.additional_kwargs.get("refusal"):
        raise ReplyError(f"the model refused: {first_lines(refusal)}")
    if not message.text:
        raise ReplyError("the reply is empty")
    try:  # from the text itself: LangChain's parser completes JSON that breaks off
        return schema.model_validate_json(message.text)
    except ValidationError as error:
        raise ReplyError(f"the reply does not follow the schema: {_describe(error)}") from error


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
