"""The innermost transport: sends the request and reads the whole response within a time limit."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

import httpx2
import openai

from rag.llm.transport.layer import ModelTransport, buffered_response


class NetworkTransport(ModelTransport):
    """Sends requests through an HTTP client with the openai client's defaults, which follows redirects and proxies.

    Args:
        timeout: seconds that a whole reply may take. The HTTP client's own limits are for one step: to connect, or to
            wait for the next bytes.
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
        limits: dict[str, float] = {}

        def leave_rest(*_: object) -> None:
            """Give what is left of the time to the next step, but not 0, with which a socket does not wait at all."""
            limits.update(dict.fromkeys(("connect", "read", "write", "pool"), max(end - time.monotonic(), 0.001)))

        leave_rest()
        request.extensions = {**request.extensions, "timeout": limits, "trace": leave_rest}
        response = self._client.send(request, stream=True)
        late = threading.Event()

        def cut() -> None:
            """End the reply: within its body the client's limit counts from each byte to the next."""
            late.set()
            if not response.is_closed:  # another request may have the connection by now
                with suppress(OSError):
                    response.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)

        watchdog = threading.Timer(max(end - time.monotonic(), 0.0), cut)
        watchdog.daemon = True
        watchdog.start()
        try:
            body = b"".join(response.iter_bytes())
        except httpx2.TransportError:
            if not late.is_set():
                raise
        finally:
            watchdog.cancel()
            response.close()
        if late.is_set():
            raise httpx2.ReadTimeout("the reply took too long", request=request)
        return buffered_response(response.status_code, body, request, dict(response.headers))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
