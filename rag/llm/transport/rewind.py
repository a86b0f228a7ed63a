"""The transport that resets the local model before each request."""

from __future__ import annotations

import httpx2

from rag.llm.call import call_of
from rag.llm.local_server import LocalServer
from rag.llm.transport.layer import ModelTransport, TransportLayer


class RewindTransport(TransportLayer):
    """Rewinds the local model to the system message, so that each reply depends on its own request alone."""

    def __init__(self, inner: ModelTransport, server: LocalServer, *, timeout: float) -> None:
        super().__init__(inner)
        self._server = server
        self._timeout = timeout

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Rewind the model, then pass the request on."""
        call = call_of(request)
        call.tokens.update(prompt=self._server.rewind(call.system, timeout=self._timeout))
        return super().handle_request(request)
