"""The outermost transport: returns a kept response if there is one."""

from __future__ import annotations

import json

import httpx2

from rag.llm.call import call_of
from rag.llm.response_cache import CachedResponse, ResponseCache, request_key
from rag.llm.transport.layer import ModelTransport, TransportLayer, buffered_response


class ResponseCacheTransport(TransportLayer):
    """Returns kept responses, and records new ones in the call. Whether they are usable is known only to the client.

    Args:
        inner: the next transport.
        cache: the responses.
        weights: the digest of the model file, for a model that its name does not identify.
        unusable: whether to return responses that broke the schema if there is no usable one.
    """

    def __init__(self, inner: ModelTransport, cache: ResponseCache, *, weights: str = "", unusable: bool) -> None:
        super().__init__(inner)
        self._cache = cache
        self._weights = weights
        self._unusable = unusable

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the kept response to the request, or pass the request on."""
        call = call_of(request)
        call.key = request_key(request.content, self._weights)
        if kept := self._cache.get(call.key, unusable=self._unusable):
            call.tokens.update(replayed=1)
            return _replay(kept, request)
        call.response = None
        response = super().handle_request(request)
        call.response = CachedResponse(status=response.status_code, body=response.content)
        return response


def _replay(kept: CachedResponse, request: httpx2.Request) -> httpx2.Response:
    """Return ``kept`` without its usage, so that callbacks do not see a cost that was not incurred."""
    body = kept.body
    try:
        completion = json.loads(body)
        completion.pop("usage", None)
        body = json.dumps(completion).encode()
    except (ValueError, AttributeError):
        pass  # no JSON object: a response that could not be used
    return buffered_response(kept.status, body, request, {"content-type": "application/json"})
