"""The transport that makes one response of a stream of events."""

from __future__ import annotations

import httpx2

from rag.llm.event_stream import joined
from rag.llm.transport.layer import TransportLayer, buffered_response


class EventStreamTransport(TransportLayer):
    """Joins the events of a completion that was sent as a stream, although the request asked for none.

    The layers above find its usage, and the error that an event may be, where those of any other response are.
    """

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass the request on and join what comes back."""
        response = super().handle_request(request)
        if response.status_code != httpx2.codes.OK or (body := joined(response.content)) == response.content:
            return response
        return buffered_response(response.status_code, body, request, {"content-type": "application/json"})
