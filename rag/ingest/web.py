"""Fetch a page from the web. Only URLs that the user gave are fetched."""

from __future__ import annotations

import time
from collections.abc import Iterable
from email.message import Message
from typing import TYPE_CHECKING

from rag.errors import ReadError
from rag.ingest.formats import FORMAT_NAMES, content_type_of, suffix_of
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
            content_type = _content_type(response, data)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Skipped(path=url, reason=f"cannot be fetched: {str(error) or type(error).__name__}")
    except ReadError as error:
        return Skipped(path=url, reason=str(error))
    return Source(id=url, location=url, root=url, digest=source_digest([data]), data=data, content_type=content_type)


def _check_status(response: httpx.Response) -> None:
    if response.status_code != 200:
        raise ReadError(f"the server answered {response.status_code} {response.reason_phrase}".rstrip())


def _content_type(response: httpx.Response, data: bytes) -> str:
    """Return the content type of a response: the server's, else that of the first bytes or of the file's name."""
    content_type: str = response.headers.get("content-type", "")
    by_bytes = content_type_of(data)
    if by_bytes == "application/pdf" or (not suffix_of(response.url.path, content_type) and by_bytes):
        return by_bytes
    if suffix_of(response.url.path, content_type):
        return content_type
    name = _file_name(response.headers.get("content-disposition", ""))
    if by_name := content_type_of(b"", name):
        charset = content_type.partition("charset=")[2]
        return f"{by_name}; charset={charset}" if charset else by_name
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
