"""The transport that measures how long the server takes."""

from __future__ import annotations

import time

import httpx2

from rag.llm.call import call_of
from rag.llm.transport.layer import TransportLayer


class TimingTransport(TransportLayer):
    """Adds the seconds from a request to its response or failure to the call."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass the request on and measure it."""
        started = time.perf_counter()
        try:
            return super().handle_request(request)
        finally:
            call_of(request).seconds += time.perf_counter() - started
