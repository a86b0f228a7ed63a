"""Queries for the aspects of a question, from one short call of a large model.

A broad question is near no passage in particular; a query for each aspect finds the passages on it. The call takes
about 350 tokens in and 100 out: with a model at 0.40 and 1.60 US dollars a million tokens 0.0003 dollars a question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from rag.errors import ReplyError
from rag.llm.prompts import load_prompt
from rag.writing.model_calls import ask_with_retry

if TYPE_CHECKING:
    from rag.llm.chat_model import ChatModel

QUERIES_PROMPT = "queries"

MAX_QUERIES = 6
"""Queries that are searched for; further ones of a reply are left out."""

MAX_QUERIES_TOKENS = 300
"""Length limit of the reply."""


class QueriesReply(BaseModel):  # noqa: D101  # pydantic would send a docstring to the model
    model_config = ConfigDict(extra="forbid", title="Queries")
    queries: list[Annotated[str, Field(min_length=1)]]


def expand_queries(model: ChatModel, question: str) -> list[str]:
    """Return queries for the aspects of ``question``, at most :data:`MAX_QUERIES`; none where the reply is unusable.

    Raises:
        ModelError: the model could not be reached.
    """
    try:
        reply = ask_with_retry(
            model, load_prompt(QUERIES_PROMPT), QueriesReply, max_tokens=MAX_QUERIES_TOKENS, question=question
        )
    except ReplyError:
        return []
    original = question.casefold().rstrip("?")
    queries = dict.fromkeys(" ".join(query.split()) for query in reply.queries)
    return [query for query in queries if query and query.casefold().rstrip("?") != original][:MAX_QUERIES]
