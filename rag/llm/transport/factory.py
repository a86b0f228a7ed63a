"""The wiring of the transports, and HTTP clients that send requests through them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2

from rag.errors import UsageError
from rag.llm.address import is_loopback
from rag.llm.breaker import Breaker, BreakerPolicy
from rag.llm.budget import Budget
from rag.llm.call import EXTENSION, Call
from rag.llm.capabilities import Capabilities
from rag.llm.pricing import Rates
from rag.llm.rate_limiter import RateLimiter
from rag.llm.response_cache import ResponseCache
from rag.llm.transport.breaker import BreakerTransport
from rag.llm.transport.budget import BudgetTransport
from rag.llm.transport.cache import ResponseCacheTransport
from rag.llm.transport.compatibility import CompatibilityTransport
from rag.llm.transport.concurrency import ConcurrencyTransport
from rag.llm.transport.event_stream import EventStreamTransport
from rag.llm.transport.hidden_errors import HiddenErrorTransport
from rag.llm.transport.layer import ModelTransport
from rag.llm.transport.network import NetworkTransport
from rag.llm.transport.offline import OfflineTransport
from rag.llm.transport.rate_limit import RateLimitTransport
from rag.llm.transport.rewind import RewindTransport
from rag.llm.transport.timing import TimingTransport

if TYPE_CHECKING:
    from rag.config import Settings
    from rag.llm.local_server import LocalServer

BREAKER_POLICY = BreakerPolicy()
"""The policy of the breakers that are built here."""


def build_transport(
    settings: Settings,
    *,
    model: str,
    base_url: str,
    where: str,
    budget: Budget,
    rates: Rates | None,
    concurrency: int,
    response_cache: ResponseCache | None = None,
    weights: str = "",
    local_server: LocalServer | None = None,
    capabilities: Capabilities | None = None,
) -> ModelTransport:
    """Return the transport for all requests to one model's server.

    A request passes these layers in order; each attempt of the openai client's retries passes all of them:

    1. ``ResponseCacheTransport`` returns a kept response at once, without a slot, a server or money.
    2. ``ConcurrencyTransport`` waits for one of the slots.
    3. ``CompatibilityTransport`` sends a chat request in the form that the server takes, and repeats the layers below
       with another form after a refusal.
    4. ``BreakerTransport`` waits while the server fails, and repeats the layers below after a failure.
    5. ``RateLimitTransport`` waits for the limits on requests and tokens a minute.
    6. ``BudgetTransport`` reserves the most that the request can cost, and settles what it did cost.
    7. ``HiddenErrorTransport`` gives errors in a response with status 200 their own status.
    8. ``EventStreamTransport`` joins the events of a completion that is sent as a stream.
    9. ``TimingTransport`` measures the server's time, without the waiting above.
    10. ``RewindTransport`` resets the local model.
    11. ``NetworkTransport`` sends the request and reads the whole response.

    Layers that have nothing to do are left out. Without a key or a server there are only kept responses.

    Args:
        settings: key, limits, patience, time limit and proxy.
        model: the model's name.
        base_url: where its server is.
        where: the model and its host, for messages.
        budget: the spending limit.
        rates: the model's prices; None if they are unknown.
        concurrency: requests in flight at the most; the local model has one.
        response_cache: the kept responses.
        weights: the digest of the local model's file, which is part of the keys of kept responses.
        local_server: the local model's server.
        capabilities: what is known of the server of a remote chat model; None for embeddings and the local model.

    Raises:
        UsageError: ``OPENAI_PROXY`` is not a URL.
    """
    local = local_server is not None
    offline = not (settings.openai_api_key or settings.openai_base_url or local)
    transport: ModelTransport
    if offline:
        transport = OfflineTransport(model)
    else:
        transport = _build_network(settings, base_url)
        if local_server is not None:
            transport = RewindTransport(transport, local_server, timeout=settings.timeout)
        transport = HiddenErrorTransport(EventStreamTransport(TimingTransport(transport)))
        transport = BudgetTransport(transport, budget, rates)
        if (settings.rpm or settings.tpm) and not local:
            transport = RateLimitTransport(transport, RateLimiter(settings.rpm, settings.tpm))
        patience = 0.0 if local else settings.patience
        transport = BreakerTransport(transport, Breaker(where, patience, BREAKER_POLICY))
        if capabilities is not None:
            transport = CompatibilityTransport(transport, capabilities, where)
        transport = ConcurrencyTransport(transport, 1 if local else concurrency)
    if response_cache is not None:
        transport = ResponseCacheTransport(transport, response_cache, weights=weights, unusable=offline)
    return transport


def http_client(transport: httpx2.BaseTransport, call: Call | None = None) -> httpx2.Client:
    """Return an HTTP client that sends requests through ``transport``. Closing it would close the transport.

    Args:
        transport: what :func:`build_transport` returned.
        call: the record that its requests carry in their extensions; without one no request can be sent.
    """

    def attach(request: httpx2.Request) -> None:
        request.extensions = {**request.extensions, EXTENSION: call}

    return httpx2.Client(transport=transport, event_hooks={"request": [attach]}, trust_env=False)


def _build_network(settings: Settings, base_url: str) -> NetworkTransport:
    # A proxy that the environment names would carry passages off a machine that they are not to leave.
    loopback = is_loopback(urlsplit(base_url).hostname)
    try:
        return NetworkTransport(
            timeout=settings.timeout,
            trust_env=not loopback,
            proxy=None if loopback else settings.openai_proxy,
        )
    except ValueError:
        raise UsageError("OPENAI_PROXY is not the URL of a proxy: give it as http://HOST:PORT") from None
