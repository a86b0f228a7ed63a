"""The transport in place of the network where there is no key: it refuses every request."""

from __future__ import annotations

import httpx2

from rag.errors import ModelError
from rag.llm.call import call_of
from rag.llm.transport.layer import ModelTransport


class OfflineTransport(ModelTransport):
    """Refuses requests to ``model``, to which no response is kept."""

    def __init__(self, model: str) -> None:
        self._model = model

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raise a ``ModelError`` that names the prompt and the missing key."""
        raise ModelError(
            f"{self._model}: no reply to {call_of(request).prompt_name!r} is kept, "
            "and without a key none can be requested: set OPENAI_API_KEY"
        )
