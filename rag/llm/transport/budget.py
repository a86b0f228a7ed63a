"""The transport that counts tokens and holds the budget."""

from __future__ import annotations

import json

import httpx2

from rag.llm.budget import Budget
from rag.llm.call import call_of
from rag.llm.pricing import Rates
from rag.llm.transport.layer import ModelTransport, TransportLayer

UNANSWERED = (httpx2.codes.BAD_GATEWAY, httpx2.codes.GATEWAY_TIMEOUT)
"""Statuses by which a gateway says that it got no response; the model's provider may bill one all the same."""


class BudgetTransport(TransportLayer):
    """Reserves the most that a request can cost, and settles what it did cost.

    A request that was sent and never answered counts as the most, since its provider may bill it.

    Args:
        inner: the next transport.
        budget: the spending limit, which models of other prices may share.
        rates: the model's prices; None if they are unknown.
    """

    def __init__(self, inner: ModelTransport, budget: Budget, rates: Rates | None) -> None:
        super().__init__(inner)
        self._budget = budget
        self._rates = rates

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass the request on if the budget allows it, or raise ``BudgetSpent``."""
        call = call_of(request)
        most = request_bound(self._rates, request.content, call.max_tokens)
        self._budget.reserve(most)
        actual = most
        try:
            response = super().handle_request(request)
            answered = response.status_code == httpx2.codes.OK
            usage = _usage(response.content, completion=call.max_tokens > 0)
            if answered or usage:  # an error that a reply with status 200 was has its tokens
                call.tokens.update(calls=1, **(usage or {}))
            if usage:
                actual = self._rates.cost(usage) if self._rates else 0.0
            elif not answered and response.status_code not in UNANSWERED:
                actual = 0.0
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):  # it was not sent
            actual = 0.0
            raise
        finally:
            self._budget.settle(most, actual)
        return response


def request_bound(rates: Rates | None, request: bytes, max_tokens: int) -> float:
    """Return the most, in US dollars, that a request of these bytes with a reply of ``max_tokens`` can cost.

    A token of a byte-level vocabulary stands for at least one byte of text, and the request's own JSON (keys, quotes,
    the schema's braces) is longer than what a provider adds to mark where messages begin and end.
    """
    return rates.bound(len(request), max_tokens) if rates else 0.0


def _usage(body: bytes, *, completion: bool) -> dict[str, int] | None:
    """Return the tokens by kind that a response reports, or None if it reports none.

    OpenAI counts reasoning among the tokens of the completion; xAI and Gemini count it in ``total_tokens`` alone, and
    bill it at the price of the completion. Without ``completion``, as for embeddings, the response need not report the
    tokens of a completion.
    """
    try:
        usage = json.loads(body)["usage"]
        cached = int((usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0)
        prompt, written = int(usage["prompt_tokens"]), 0
        if cached > prompt:  # they were counted apart
            prompt += cached
        if completion:
            written = max(int(usage["completion_tokens"]), int(usage.get("total_tokens") or 0) - prompt)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return {"prompt": prompt, "completion": written, "cached": cached}
