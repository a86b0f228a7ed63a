"""Which models reason before they reply, and what that adds to the limit on the length of a reply."""

from __future__ import annotations

from functools import cache

from rag.llm.address import OPENAI_URL
from rag.llm.request_form import REASONING_TOKENS


@cache
def reasoning_effort(model: str) -> str | None:
    """Return the effort that is asked of ``model``, the lowest or nearly so; None if it is not known to reason."""
    from langchain_openai import ChatOpenAI

    chat = ChatOpenAI(
        model=model,
        api_key="none",  # type: ignore[arg-type]  # a str is taken as a secret
        base_url=OPENAI_URL,
        http_socket_options=(),
        openai_proxy=None,
    )
    efforts: list[str] = (chat.profile or {}).get("reasoning_effort_levels") or []
    return "low" if "low" in efforts else next(iter(efforts), None)


def reply_limit(model: str, max_tokens: int) -> int:
    """Return the limit to send for a reply of ``max_tokens``, which leaves room for the reasoning before it."""
    return max_tokens + (REASONING_TOKENS if reasoning_effort(model) else 0)
