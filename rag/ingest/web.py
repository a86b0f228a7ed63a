"""A page from the web, only ever because its URL was given."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rag.errors import ReadError
from rag.ingest.formats import NAMES, suffix_of
from rag.ingest.source import Source, digest
from rag.types import Skipped

if TYPE_CHECKING:
    import httpx

SECONDS = 30.0
"""How long one address may take to connect and to send each piece."""


def fetch(url: str, *, limit: int) -> Source | Skipped:
    """``url`` with its bytes, redirects followed; Skipped if it cannot be had or is larger than ``limit`` bytes."""
    import httpx

    headers = {"User-Agent": "citebrief (reads the pages it is asked to)"}
    try:
        with httpx.stream("GET", url, timeout=SECONDS, follow_redirects=True, headers=headers) as reply:
            kind = _kind(reply)
            data = _body(reply.iter_bytes(), limit)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Skipped(path=url, reason=f"cannot be fetched: {str(error) or type(error).__name__}")
    except ReadError as error:
        return Skipped(path=url, reason=str(error))
    return Source(id=url, location=url, root=url, digest=digest([data]), data=data, content_type=kind)


def _kind(reply: httpx.Response) -> str:
    """The content type of a reply that can be read."""
    kind: str = reply.headers.get("content-type", "")
    if reply.status_code != 200:
        raise ReadError(f"the server answered {reply.status_code} {reply.reason_phrase}".rstrip())
    if not suffix_of(reply.url.path, kind):
        raise ReadError(f"{kind or 'unknown type'}: not a format citebrief reads; it reads {NAMES}")
    return kind


def _body(pieces: Iterable[bytes], limit: int) -> bytes:
    deadline = time.monotonic() + 4 * SECONDS  # of the whole, against a server that drips
    data = bytearray()
    for piece in pieces:
        data += piece
        if len(data) > limit:
            raise ReadError(f"over the limit of {limit / 1e6:,.0f} MB")
        if time.monotonic() > deadline:
            raise ReadError(f"not all there after {4 * SECONDS:.0f} seconds")
    if not data:
        raise ReadError("the page is empty")
    return bytes(data)
