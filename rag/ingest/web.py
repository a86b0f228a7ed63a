"""Fetch a page from the web. Only URLs that the user gave are fetched."""

from __future__ import annotations

import time
from collections.abc import Iterable
from email.message import Message
from typing import TYPE_CHECKING

from rag.errors import ReadError
from rag.ingest.formats import FORMAT_NAMES, suffix_of, suffix_of_bytes
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
            _check_status(response)
            data = _read_body(response.iter_bytes(), limit)
            suffix, charset = _suffix(response, data), response.charset_encoding or ""
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # a label of the host may be too long
        reason = f"cannot be fetched: {str(error) or type(error).__name__}"
        return Skipped(path=url, reason=reason, root=url, id=url)
    except ReadError as error:
        return Skipped(path=url, reason=str(error), root=url, id=url)
    digest = source_digest([data])
    return Source(id=url, location=url, root=url, digest=digest, data=data, suffix=suffix, charset=charset)


def _check_status(response: httpx.Response) -> None:
    if response.status_code != 200:
        raise ReadError(f"the server answered {response.status_code} {response.reason_phrase}".rstrip())


def _suffix(response: httpx.Response, data: bytes) -> str:
    """Return the suffix that selects the reader of a response: the server's content type, its names or bytes tell it.

    The names are the file's, that of the page, and those of the pages that redirected to it.
    """
    content_type = response.headers.get("content-type", "")
    pages = (response, *reversed(response.history))
    names = (_file_name(response.headers.get("content-disposition", "")), *(page.url.path for page in pages))
    by_name = suffix_of(next(filter(suffix_of, names), ""), content_type)
    by_bytes = suffix_of_bytes(data)
    if found := by_bytes if by_bytes == ".pdf" else by_name or by_bytes:
        return found
    raise ReadError(f"{content_type or 'unknown type'}: not a format citebrief reads; it reads {FORMAT_NAMES}")


def _file_name(disposition: str) -> str:
    """Return the file name in a header ``Content-Disposition``, or an empty string."""
    message = Message()
    message["Content-Disposition"] = disposition or "inline"
    return str(message.get_filename() or "")


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
