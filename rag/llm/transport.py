"""The gate that every request to a model passes: replayed, or sent when there is a slot, a server, room and money.

It is the HTTP client under the openai client. So every attempt of a call passes it, retries included, while LangChain
and whoever watches through its callbacks see one run a call.

Retries are the openai client's: 0.5 s, doubled up to 8 s, less a quarter at random, ``Settings.retries`` times, after
429, 408, 409, 5xx, a time-out or a lost connection. Where a server asks for more time than that (``Retry-After``), the
client would sleep for up to two minutes, silently and for one call only; here the breaker makes all wait, and tells it.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import openai

from rag.errors import ModelError
from rag.llm.breaker import Breaker
from rag.llm.cache import CachedResponse, ResponseCache, key_of
from rag.llm.limits import Budget, RateLimiter

SHORT = 8.0
"""Seconds of ``Retry-After`` that are left to the client, whose own back-off goes as far."""

BYTES_A_TOKEN = 3
"""For the token limit alone, which providers keep by a guess of their own: English has four or more."""

UNANSWERED = (502, 504)
"""Statuses by which a gateway says that it had no answer; the model's provider may bill one all the same."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of :meth:`rag.llm.model.Model.ask`, and what the gate notes of it.

    ``tokens`` are those of all that was answered, by kind; ``seconds`` the time that the server took for it. ``reply``
    is the last thing that it answered, to be kept under ``key``; ``suspect``: a fault was perhaps the request's own.
    """

    tokens: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    key: str = ""
    reply: CachedResponse | None = None
    suspect: bool = False


CALL: ContextVar[Call] = ContextVar("call")
"""The call under way in this thread: the client hands a request on with no word of whose it is."""

Turn = Callable[[str, Call], AbstractContextManager[None]]
"""What surrounds a request, given its system message: the local model is rewound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a request came to nothing. ``wait``: seconds that the server asks for; ``own``: the request may be why."""

    why: str
    wait: float = 0.0
    own: bool = False


class Gate(openai.DefaultHttpxClient):
    """An HTTP client for one model's server, shared by all calls to it. ``timeout`` is in seconds, for a whole reply.

    ``weights`` is the digest of a model that its name does not tell. ``offline`` names, for the error, what is missing
    to ask anything that is not kept.
    """

    def __init__(
        self,
        *,
        breaker: Breaker,
        rate_limiter: RateLimiter,
        budget: Budget,
        replies: ResponseCache | None,
        at_once: int,
        timeout: float,
        turn: Turn | None = None,
        weights: str = "",
        offline: str = "",
        **client: Any,
    ) -> None:
        super().__init__(timeout=timeout, **client)
        self._breaker = breaker
        self._rate_limiter = rate_limiter
        self._budget = budget
        self._replies = replies
        self._slots = threading.BoundedSemaphore(at_once)
        self._limit = timeout
        self._turn = turn
        self._weights = weights
        self._offline = offline

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """The reply to ``request``, kept or new. See :class:`httpx2.Client`.

        Raises:
            ModelLost, BudgetSpent, ModelError: it was not sent, and is not to be tried again.
        """
        call = CALL.get()
        asked = json.loads(request.content)
        if self._replies is not None:
            call.key = key_of(request.content, self._weights)
            if kept := self._replies.get(call.key, unusable=bool(self._offline)):
                call.tokens.update(replayed=1)
                return _replayed(kept, request)
        if self._offline:
            raise ModelError(f"{asked.get('model')}: no reply to {_prompt(asked)!r} is kept, and {self._offline}")
        with self._slots:
            while True:
                probe = self._breaker.enter()
                try:
                    self._rate_limiter.wait(len(request.content) // BYTES_A_TOKEN + _limit(asked))
                    answer, fault = self._tried(request, asked, call, options)
                    if fault is None:
                        self._breaker.succeeded()
                    elif self._waits(fault, call, probe=probe):
                        continue
                finally:
                    self._breaker.leave(probe)
                if isinstance(answer, httpx2.TransportError):
                    raise answer
                return answer

    def stop(self) -> None:
        """Wake every call that waits for its turn; each gets a ``ModelError``."""
        self._breaker.stop()
        self._rate_limiter.stop()

    def _waits(self, fault: Fault, call: Call, *, probe: bool) -> bool:
        wait = fault.wait if fault.wait > SHORT else 0.0
        counts = not (fault.own and call.suspect)
        call.suspect = call.suspect or fault.own
        return self._breaker.failed(fault.why, probe=probe, wait=wait, counts=counts)

    def _tried(
        self, request: httpx2.Request, asked: dict[str, Any], call: Call, options: dict[str, Any]
    ) -> tuple[httpx2.Response | httpx2.TransportError, Fault | None]:
        try:
            response = self._paid(request, asked, call, options)
        except httpx2.TransportError as error:
            late = isinstance(error, httpx2.TimeoutException) and not isinstance(error, httpx2.ConnectTimeout)
            return error, Fault(why="no reply in time" if late else "no connection", own=late)
        return response, _fault(response)

    def _paid(
        self, request: httpx2.Request, asked: dict[str, Any], call: Call, options: dict[str, Any]
    ) -> httpx2.Response:
        """The server's answer, for which the most that it can cost was set aside, and what it did cost is settled.

        A request that was sent and never answered counts as the most: its provider may bill it.
        """
        most = self._budget.bound(request.content, _limit(asked))
        self._budget.reserve(most)
        actual, call.reply = most, None
        try:
            response = self._timed(request, asked, call, options)
            call.reply = CachedResponse(status=response.status_code, body=response.content)
            if response.status_code == httpx2.codes.OK:
                used = _usage(response.content)
                call.tokens.update(calls=1, **(used or {}))
                actual = (self._budget.cost(used) or 0.0) if used else most
            elif response.status_code not in UNANSWERED:
                actual = 0.0
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
            actual = 0.0
            raise
        finally:
            self._budget.settle(most, actual)
        return response

    def _timed(
        self, request: httpx2.Request, asked: dict[str, Any], call: Call, options: dict[str, Any]
    ) -> httpx2.Response:
        started = time.perf_counter()
        try:
            if self._turn is None:
                return self._read(request, options)
            with self._turn(str(asked["messages"][0]["content"]), call):
                return self._read(request, options)
        finally:
            call.seconds += time.perf_counter() - started

    def _read(self, request: httpx2.Request, options: dict[str, Any]) -> httpx2.Response:
        """The whole answer, within the time limit: the client's own counts from each byte to the next."""
        end = time.monotonic() + self._limit
        response = super().send(request, **{**options, "stream": True})
        pieces = []
        try:
            for piece in response.iter_bytes():
                pieces.append(piece)
                if time.monotonic() > end:
                    raise httpx2.ReadTimeout("the reply took too long", request=request)
        finally:
            response.close()
        return _response(response.status_code, b"".join(pieces), request, dict(response.headers))


def _replayed(kept: CachedResponse, request: httpx2.Request) -> httpx2.Response:
    """``kept`` without its usage, so that whoever watches the run is not told a cost that it has not."""
    body = kept.body
    try:
        completion = json.loads(body)
        completion.pop("usage", None)
        body = json.dumps(completion).encode()
    except (ValueError, AttributeError):
        pass  # no JSON object: a reply that could not be used
    return _response(kept.status, body, request, {"content-type": "application/json"})


def _response(status: int, body: bytes, request: httpx2.Request, headers: dict[str, str]) -> httpx2.Response:
    plain = {name: value for name, value in headers.items() if name not in ("content-encoding", "transfer-encoding")}
    return httpx2.Response(status, headers=plain, content=body, request=request)


def _fault(response: httpx2.Response) -> Fault | None:
    """Why the server, not the request, is to blame for ``response``; None where it is not."""
    status = response.status_code
    if status != httpx2.codes.TOO_MANY_REQUESTS and status < httpx2.codes.INTERNAL_SERVER_ERROR:
        return None
    why = "rate limit or quota" if status == httpx2.codes.TOO_MANY_REQUESTS else f"the server failed (HTTP {status})"
    return Fault(why=why, wait=_asked_for(response), own=status in (500, 504))


def _asked_for(response: httpx2.Response) -> float:
    """Seconds of ``Retry-After``, which is a number or a date; 0 where it is not there or makes no sense."""
    value = response.headers.get("retry-after", "")
    try:
        exact = response.headers.get("retry-after-ms")
        seconds = float(exact) / 1000 if exact else float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return 0.0
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0


def _limit(asked: dict[str, Any]) -> int:
    """The most tokens that the reply may have."""
    return int(asked.get("max_completion_tokens") or asked.get("max_tokens") or 0)


def _prompt(asked: dict[str, Any]) -> str:
    """The name of the prompt that was sent."""
    return str(asked.get("response_format", {}).get("json_schema", {}).get("name", "a request"))


def _usage(body: bytes) -> dict[str, int] | None:
    """The tokens by kind that a completion says it cost; None where it does not say."""
    try:
        usage = json.loads(body)["usage"]
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        return {
            "prompt": int(usage["prompt_tokens"]),
            "completion": int(usage["completion_tokens"]),
            "cached": int(cached),
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
