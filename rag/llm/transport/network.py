"""The innermost transport: sends the request and reads the whole response within a time limit."""

from __future__ import annotations

import time

import httpx2
import openai

from rag.llm.transport.layer import ModelTransport, buffered_response


class NetworkTransport(ModelTransport):
    """Sends requests through an HTTP client with the openai client's defaults, which follows redirects and proxies.

    Args:
        timeout: seconds that a whole reply may take. The HTTP client's own limit counts from each byte to the next.
        trust_env: whether to use the proxies that the environment names.
        proxy: a proxy's URL.

    Raises:
        ValueError: ``proxy`` is not a URL.
    """

    def __init__(self, *, timeout: float, trust_env: bool, proxy: str | None) -> None:
        self._client = openai.DefaultHttpxClient(timeout=timeout, trust_env=trust_env, proxy=proxy)
        self._timeout = timeout

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the complete response.

        Raises:
            httpx2.TransportError: there was no connection, or no complete response in time.
        """
        end = time.monotonic() + self._timeout
        response = self._client.send(request, stream=True)
        pieces = []
        try:
            for piece in response.iter_bytes():
                pieces.append(piece)
                if time.monotonic() > end:
                    raise httpx2.ReadTimeout("the reply took too long", request=request)
        finally:
            response.close()
        return buffered_response(response.status_code, b"".join(pieces), request, dict(response.headers))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
