"""The transport that gives errors in a response with status 200 the status that they are."""

from __future__ import annotations

import json

import httpx2

from rag.llm.completions import error_in
from rag.llm.transport.layer import TransportLayer, buffered_response


class HiddenErrorTransport(TransportLayer):
    """Returns an error response for a response with status 200 that has an error or no choices in it.

    So the layers above, and the openai client, retry it like any other failure. The tokens that it reports are kept.
    """

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass the request on and look into the response."""
        response = super().handle_request(request)
        if response.status_code != httpx2.codes.OK:
            return response
        if (error := error_in(response.content)) is None:
            return response
        status, message = error
        body = {"error": {"message": message, "type": "error", "code": status}, "usage": _usage(response.content)}
        return buffered_response(
            status, json.dumps(body, ensure_ascii=False).encode(), request, {"content-type": "application/json"}
        )


def _usage(body: bytes) -> object:
    return json.loads(body).get("usage")
