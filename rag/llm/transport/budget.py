"""The transport that counts tokens and holds the budget."""

from __future__ import annotations

import json

import httpx2

from rag.llm.budget import Budget
from rag.llm.call import call_of
from rag.llm.transport.layer import ModelTransport, TransportLayer

UNANSWERED = (httpx2.codes.BAD_GATEWAY, httpx2.codes.GATEWAY_TIMEOUT)
"""Statuses by which a gateway says that it got no response; the model's provider may bill one all the same."""


class BudgetTransport(TransportLayer):
    """Reserves the most that a request can cost, and settles what it did cost.

    A request that was sent and never answered counts as the most, since its provider may bill it.
    """

    def __init__(self, inner: ModelTransport, budget: Budget) -> None:
        super().__init__(inner)
        self._budget = budget

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass the request on if the budget allows it, or raise ``BudgetSpent``."""
        call = call_of(request)
        most = self._budget.bound(request.content, call.max_tokens)
        self._budget.reserve(most)
        actual = most
        try:
            response = super().handle_request(request)
            if response.status_code == httpx2.codes.OK:
                usage = _usage(response.content)
                call.tokens.update(calls=1, **(usage or {}))
                actual = (self._budget.cost(usage) or 0.0) if usage else most
            elif response.status_code not in UNANSWERED:
                actual = 0.0
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):  # it was not sent
            actual = 0.0
            raise
        finally:
            self._budget.settle(most, actual)
        return response


def _usage(body: bytes) -> dict[str, int] | None:
    """Return the tokens by kind that a completion reports, or None if it reports none."""
    try:
        usage = json.loads(body)["usage"]
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        return {
            "prompt": int(usage["prompt_tokens"]),
            "completion": int(usage["completion_tokens"]),
            "cached": int(cached),
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
