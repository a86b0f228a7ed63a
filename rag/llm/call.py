"""The record of one call to a model, which travels in ``request.extensions`` through the transports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2

    from rag.llm.response_cache import CachedResponse

EXTENSION = "citebrief.call"
"""The key of the record in ``request.extensions``."""

OnWait = Callable[[str], None]
"""Called with the reason, in the thread of the call, when a call has to wait or calls go on."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of a chat model or a remote embedder. All attempts of the call share it.

    The first four fields describe the call to the transports; the transports fill in the others.
    """

    prompt_name: str
    system: str
    """The system message, to which the local model is rewound."""

    max_tokens: int
    """The most tokens that the reply may have, reasoning included; 0 for embeddings, which have no reply of tokens."""

    on_wait: OnWait = lambda _: None

    tokens: Counter[str] = field(default_factory=Counter)
    """Tokens of every reply to the call, by kind, and the counts ``calls`` and ``replayed``."""

    seconds: float = 0.0
    """Seconds that the server took, over all attempts."""

    key: str = ""
    """The key of the request in the response cache; empty without a cache."""

    response: CachedResponse | None = None
    """The last response from the server, to be kept under ``key``; None if it came from the cache."""

    own_fault_counted: bool = False
    """Whether the breaker has counted a failure that the request itself may have caused."""


def call_of(request: httpx2.Request) -> Call:
    """Return the record that ``request`` carries."""
    call: Call = request.extensions[EXTENSION]
    return call
