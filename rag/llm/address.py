"""Where a model's server is: the default base URL, and what its address says about it."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from rag.errors import UsageError

OPENAI_URL = "https://api.openai.com/v1"
"""The base URL if the settings give none."""


def is_loopback(host: str | None) -> bool:
    """Return whether ``host`` is this machine, so that no passage leaves it."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def require_host(base_url: str) -> str:
    """Return the host of a base URL.

    Raises:
        UsageError: it is not the URL of an HTTP server.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"OPENAI_BASE_URL is {base_url.rpartition('@')[2]!r}: give it as http://HOST:PORT/v1 or https://HOST/v1"
        )
    return parts.hostname


def host_and_port(base_url: str) -> str:
    """Return the host and port of a URL, without the user name and password that it may carry."""
    return urlsplit(base_url).netloc.rpartition("@")[2]
