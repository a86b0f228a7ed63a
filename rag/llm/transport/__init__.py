"""The HTTP transports that every request to a model passes; see :func:`build_transport` for their order."""

from rag.llm.transport.factory import build_transport, http_client

__all__ = ["build_transport", "http_client"]
