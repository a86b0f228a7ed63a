"""Exceptions of the openai client and of LangChain, translated into errors that name the model, host and fix."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from rag.errors import ModelError, ReplyError, TooLong
from rag.llm.reply_parsing import first_lines

if TYPE_CHECKING:
    from openai import APIStatusError

_TOO_LONG = re.compile(
    r"(?<!less than the )(?<!less than the `)context.?(length|window|size)|exceed_context"
    r"|(prompt|input|request|message)s?\b[^.:]{0,40}\btoo (long|large)"
    r"|too many (input )?tokens|input tokens exceed",
    re.IGNORECASE,
)
"""The messages of OpenAI, Azure, vLLM, llama.cpp and Anthropic for a request that does not fit.

Groq names the context also where a limit on the reply is too high: the highest "is less than the `context_window`".
"""


def translate_error(error: Exception, where: str, key: str) -> ModelError:
    """Return the error to raise in place of ``error``.

    Args:
        error: what a call raised.
        where: the model and its host.
        key: the API key, which is left out of what a server or library worded; "" if there is none.
    """
    import openai

    def mask(text: str) -> str:
        return text.replace(key, "…") if key else text

    if isinstance(error, openai.LengthFinishReasonError):
        return ReplyError("the reply was cut off")
    if isinstance(error, openai.ContentFilterFinishReasonError):
        return ReplyError("the reply was withheld by the provider's content filter")
    if isinstance(error, openai.APIStatusError) and _is_too_long(error):
        return TooLong(f"the request does not fit the model's context{mask(_server_message(error))}")
    if isinstance(error, openai.BadRequestError) and "failed_generation" in str(error.body):
        return ReplyError(f"the reply does not follow the schema{mask(_server_message(error))}")
    status = getattr(error, "status_code", None)
    fixes: list[tuple[type[Exception], str]] = [
        (openai.AuthenticationError, "the key was refused: check OPENAI_API_KEY"),
        (openai.PermissionDeniedError, "the key may not use it: check the project's permissions"),
        (openai.NotFoundError, "there is no such model: check its name and OPENAI_BASE_URL"),
        (openai.RateLimitError, "rate limit or quota: wait, or raise it"),
        (openai.APITimeoutError, "no reply in time: raise CITEBRIEF_TIMEOUT"),
        (openai.APIConnectionError, "no connection: check the network and OPENAI_BASE_URL"),
        (openai.BadRequestError, "the request was refused"),
        (openai.UnprocessableEntityError, "the request was refused"),
        (openai.InternalServerError, f"the server failed (HTTP {status}): try again later"),
        (openai.APIStatusError, f"the server answered with HTTP {status}"),
    ]
    for kind, fix in fixes:
        if isinstance(error, kind):
            return ModelError(f"{where}: {fix}{mask(_server_message(error))}")
    if isinstance(error, ValueError | TypeError | KeyError):  # LangChain, for a reply that is no chat completion
        return ReplyError(f"the reply is no chat completion: {mask(first_lines(error))}")
    if isinstance(error, AttributeError):  # the client, for a text, such as the log-in page of a network
        return ModelError(f"{where}: the response is no chat completion: check OPENAI_BASE_URL")
    return ModelError(f"{where}: {type(error).__name__}: {mask(first_lines(error))}")


def says_too_long(text: str) -> bool:
    """Return whether the text of an error says that the request does not fit the model's context."""
    return bool(_TOO_LONG.search(text))


def _is_too_long(error: APIStatusError) -> bool:
    """Return whether the server says that the request is too long for the model."""
    return error.status_code == 413 or (
        error.status_code in (400, 422) and says_too_long(f"{error.code} {error.type} {error.message}")
    )


def _server_message(error: Exception) -> str:
    """Return what the server's response says, in brackets; nothing if it says nothing, or in a web page."""
    body = getattr(error, "body", None)
    message: object = body
    if isinstance(body, dict):
        message = body.get("message") or body.get("detail") or body.get("error")
    if isinstance(message, list | dict):
        message = json.dumps(message, ensure_ascii=False)
    if not isinstance(message, str) or not message.strip() or message.lstrip().startswith("<"):
        return ""
    return f" ({first_lines(message)})"
