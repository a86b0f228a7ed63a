"""The interface of the transports, and the base class of those that wrap another one."""

from __future__ import annotations

import httpx2


class ModelTransport(httpx2.BaseTransport):
    """A transport whose waiting calls can be woken."""

    def stop(self) -> None:
        """Wake every call that waits; each gets a ``ModelError``, as do later ones."""


class TransportLayer(ModelTransport):
    """A transport that passes requests on to ``inner``."""

    def __init__(self, inner: ModelTransport) -> None:
        self.inner = inner

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass the request on."""
        return self.inner.handle_request(request)

    def stop(self) -> None:
        """See :class:`ModelTransport`."""
        self.inner.stop()

    def close(self) -> None:
        """Close the connections."""
        self.inner.close()


def buffered_response(
    status: int, body: bytes, request: httpx2.Request, headers: dict[str, str] | None = None
) -> httpx2.Response:
    """Return a response whose body was read and decoded."""
    encodings = ("content-encoding", "transfer-encoding")
    kept = {name: value for name, value in (headers or {}).items() if name not in encodings}
    return httpx2.Response(status, headers=kept, content=body, request=request)
