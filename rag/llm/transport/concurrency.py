"""The transport that limits the requests in flight."""

from __future__ import annotations

import threading

import httpx2

from rag.llm.transport.layer import ModelTransport, TransportLayer


class ConcurrencyTransport(TransportLayer):
    """Passes on at most ``limit`` requests at a time, those that wait in the inner transports included."""

    def __init__(self, inner: ModelTransport, limit: int) -> None:
        super().__init__(inner)
        self._slots = threading.BoundedSemaphore(limit)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass the request on when there is a slot."""
        with self._slots:
            return super().handle_request(request)
