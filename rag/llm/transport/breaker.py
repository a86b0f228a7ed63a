"""The transport that makes requests wait while the server fails, and repeats those that failed meanwhile."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx2

from rag.llm.breaker import Breaker
from rag.llm.call import Call, call_of
from rag.llm.transport.layer import ModelTransport, TransportLayer

CLIENT_BACKOFF = 8.0
"""Seconds of ``Retry-After`` up to which the openai client's own back-off is enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFault:
    """A failure for which the server may be to blame.

    ``wait`` is how many seconds the server asks to wait; ``own`` is set if the request itself may be the cause.
    """

    why: str
    wait: float = 0.0
    own: bool = False


class BreakerTransport(TransportLayer):
    """Applies a :class:`rag.llm.breaker.Breaker`.

    The openai client retries after 429, 408, 409, 5xx, a time-out or a lost connection: after 0.5 s, doubled up to 8 s,
    less a quarter at random. If a server asks for more time than that (``Retry-After``), it would sleep for up to two
    minutes, for one call only and without a message. The breaker makes all calls wait and reports it.
    """

    def __init__(self, inner: ModelTransport, breaker: Breaker) -> None:
        super().__init__(inner)
        self._breaker = breaker

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass the request on when the breaker lets it, until it succeeds or its failure makes no call wait."""
        call = call_of(request)
        while True:
            probe = self._breaker.enter()
            try:
                result = self._attempt(request)
                fault = _fault_of(result)
                if fault is None:
                    self._breaker.succeeded(call.on_wait)
                elif self._record(fault, call, probe=probe):
                    continue
            finally:
                self._breaker.leave(probe)
            if isinstance(result, httpx2.TransportError):
                raise result
            return result

    def stop(self) -> None:
        """See :class:`ModelTransport`."""
        self._breaker.stop()
        super().stop()

    def _attempt(self, request: httpx2.Request) -> httpx2.Response | httpx2.TransportError:
        try:
            return super().handle_request(request)
        except httpx2.TransportError as error:
            return error

    def _record(self, fault: ServerFault, call: Call, *, probe: bool) -> bool:
        """Report ``fault`` to the breaker. Return whether calls wait, so that the request is to be repeated."""
        wait = fault.wait if fault.wait > CLIENT_BACKOFF else 0.0
        counts = not (fault.own and call.own_fault_counted)
        call.own_fault_counted = call.own_fault_counted or fault.own
        return self._breaker.failed(fault.why, probe=probe, wait=wait, counts=counts, on_wait=call.on_wait)


def _fault_of(result: httpx2.Response | httpx2.TransportError) -> ServerFault | None:
    """Return why the server is to blame for ``result``, or None if it is not."""
    if isinstance(result, httpx2.TransportError):
        late = isinstance(result, httpx2.TimeoutException) and not isinstance(result, httpx2.ConnectTimeout)
        return ServerFault(why="no reply in time" if late else "no connection", own=late)
    status = result.status_code
    if status == httpx2.codes.TOO_MANY_REQUESTS:
        return ServerFault(why="rate limit or quota", wait=_retry_after(result))
    if status >= httpx2.codes.INTERNAL_SERVER_ERROR:
        own = status in (httpx2.codes.INTERNAL_SERVER_ERROR, httpx2.codes.GATEWAY_TIMEOUT)
        return ServerFault(why=f"the server failed (HTTP {status})", wait=_retry_after(result), own=own)
    return None


def _retry_after(response: httpx2.Response) -> float:
    """Return the seconds of ``Retry-After``, which is a number or a date; 0 if it is missing or not valid."""
    value = response.headers.get("retry-after", "")
    try:
        milliseconds = response.headers.get("retry-after-ms")
        seconds = float(milliseconds) / 1000 if milliseconds else float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return 0.0
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0
