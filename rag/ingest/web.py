"""Fetch a page from the web. Only URLs that the user gave are fetched."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rag.errors import ReadError
from rag.ingest.formats import FORMAT_NAMES, suffix_of
from rag.ingest.source import Source, source_digest
from rag.types import Skipped

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 30.0
"""Time limit for connecting and for each piece of the response."""

TOTAL_SECONDS = 4 * TIMEOUT_SECONDS
"""Time limit for the whole body, so that a server which sends a byte now and then does not block the run."""


def fetch_source(url: str, *, limit: int) -> Source | Skipped:
    """Fetch ``url`` and follow redirects; the result is skipped if that fails or the body exceeds ``limit`` bytes."""
    import httpx

    headers = {"User-Agent": "citebrief (reads the pages it is asked to)"}
    try:
        with httpx.stream("GET", url, timeout=TIMEOUT_SECONDS, follow_redirects=True, headers=headers) as response:
            content_type = _content_type(response)
            data = _read_body(response.iter_bytes(), limit)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Skipped(path=url, reason=f"cannot be fetched: {str(error) or type(error).__name__}")
    except ReadError as error:
        return Skipped(path=url, reason=str(error))
    return Source(id=url, location=url, root=url, digest=source_digest([data]), data=data, content_type=content_type)


def _content_type(response: httpx.Response) -> str:
    """Return the content type of a successful response in a format that can be read."""
    content_type: str = response.headers.get("content-type", "")
    if response.status_code != 200:
        raise ReadError(f"the server answered {response.status_code} {response.reason_phrase}".rstrip())
    if not suffix_of(response.url.path, content_type):
        raise ReadError(f"{content_type or 'unknown type'}: not a format citebrief reads; it reads {FORMAT_NAMES}")
    return content_type


def _read_body(pieces: Iterable[bytes], limit: int) -> bytes:
    deadline = time.monotonic() + TOTAL_SECONDS
    data = bytearray()
    for piece in pieces:
        data += piece
        if len(data) > limit:
            raise ReadError(f"over the limit of {limit / 1e6:,.0f} MB")
        if time.monotonic() > deadline:
            raise ReadError(f"not complete after {TOTAL_SECONDS:.0f} seconds")
    if not data:
        raise ReadError("the page is empty")
    return bytes(data)
