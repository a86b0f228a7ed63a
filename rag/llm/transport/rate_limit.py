"""The transport that applies the limits on requests and tokens a minute."""

from __future__ import annotations

import httpx2

from rag.llm.call import call_of
from rag.llm.rate_limiter import RateLimiter
from rag.llm.transport.layer import ModelTransport, TransportLayer

BYTES_PER_TOKEN = 3
"""For an upper estimate of a prompt's tokens: English has four bytes a token or more. Providers estimate too."""


class RateLimitTransport(TransportLayer):
    """Makes requests wait for a :class:`rag.llm.rate_limiter.RateLimiter`."""

    def __init__(self, inner: ModelTransport, rate_limiter: RateLimiter) -> None:
        super().__init__(inner)
        self._rate_limiter = rate_limiter

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass the request on when the limits allow it and the longest reply to it."""
        call = call_of(request)
        self._rate_limiter.wait(len(request.content) // BYTES_PER_TOKEN + call.max_tokens, call.on_wait)
        return super().handle_request(request)

    def stop(self) -> None:
        """See :class:`ModelTransport`."""
        self._rate_limiter.stop()
        super().stop()
