"""The replies that a model gave, kept by what was asked: asked again, they are free, and need neither key nor server.

A reply is kept under the SHA-256 of the request's own JSON (model, messages, schema, limits, seed, temperature), so
under all that decides it and nothing else. The store is hishel's, SQLite with a write-ahead log: an entry is there
whole or not at all, whatever thread or process writes it and however that ends. No request and no header is kept.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rag.errors import UsageError

FILE = "replies.db"
FORMAT = "citebrief.reply/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedResponse:
    """What a server answered: the HTTP status and the body."""

    status: int
    body: bytes


def key_of(body: bytes, weights: str = "") -> str:
    """The key of a request with this JSON body. ``weights`` is the digest of a model that its name does not tell.

    The order of the outermost fields, which is the client's whim, does not count; that within a schema does.
    """
    request = json.loads(body)
    canonical = json.dumps({name: request[name] for name in sorted(request)}, ensure_ascii=False)
    return hashlib.sha256(f"{FORMAT}\0{weights}\0{canonical}".encode()).hexdigest()


class ResponseCache:
    """The replies in ``folder``, which is made if need be. Safe for threads and for several processes.

    Raises:
        UsageError: the folder cannot be used.
    """

    def __init__(self, directory: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        from hishel import SqliteStorage

        logging.getLogger("hishel").setLevel(logging.CRITICAL)  # it logs tracebacks of what is told here in a line
        self.directory = directory
        self._tell = tell
        self._told = False
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._store = SqliteStorage(database_path=directory / FILE, max_size=None)
            if self._get(FORMAT) is None:
                self._put(FORMAT, CachedResponse(status=200, body=b"{}"))
            fit = self._get(FORMAT) is not None
        except FileExistsError:
            raise UsageError(f"CITEBRIEF_REPLIES {directory}: it is a file: name a folder") from None
        except OSError as error:
            raise UsageError(f"CITEBRIEF_REPLIES {directory}: {(error.strerror or str(error)).lower()}") from None
        except RuntimeError:  # tables of somebody else's
            fit = False
        if not fit:
            raise UsageError(
                f"CITEBRIEF_REPLIES {directory}: {FILE} cannot be read and written: "
                "remove it if it is damaged, or name another folder"
            )

    def get(self, key: str, *, unusable: bool = False) -> CachedResponse | None:
        """The reply kept under ``key``; with ``unusable``, one that could not be used if there is none that could."""
        return self._get(key) or (self._get(_unusable(key)) if unusable else None)

    def keep(self, key: str, reply: CachedResponse, *, usable: bool) -> None:
        """Keep ``reply``. What cannot be kept is told once, and the reply serves all the same.

        One that broke the schema is kept apart: it is what a replay without a key needs to come to the same brief, and
        no model that can be asked is spared the question for it.
        """
        under = key if usable else _unusable(key)
        if self._get(under) is None:
            self._put(under, reply)
            if self._get(under) is None and not self._told:
                self._told = True
                self._tell(f"replies cannot be kept in {self.directory}: is it full, or locked by another program?")

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _get(self, key: str) -> CachedResponse | None:
        for entry in self._store.get_entries(key):
            stream = entry.response.stream
            return CachedResponse(status=entry.response.status_code, body=b"".join(stream))  # type: ignore[arg-type]
        return None

    def _put(self, key: str, reply: CachedResponse) -> None:
        from hishel import Request, Response

        response = Response(status_code=reply.status, stream=iter([reply.body]))
        entry = self._store.create_entry(Request(method="POST", url=""), response, key)
        for _ in entry.response.stream or ():  # type: ignore[union-attr]  # the entry is there once it was read
            pass


def _unusable(key: str) -> str:
    return f"{key} unusable"
