"""A cache of model responses, keyed by the request: a repeated request is free and needs neither key nor server.

A response is kept under the SHA-256 of the request's JSON body (model, messages, schema, limits, seed, temperature),
which is everything that decides it. Requests and headers are not stored.

The cache is one SQLite table in ``responses.db`` with a write-ahead log, so a response is stored completely or not at
all, also if the process is killed. Directories written by earlier versions hold a ``replies.db``; it is neither read
nor changed.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from rag.errors import UsageError

CACHE_FILE = "responses.db"
KEY_FORMAT = "citebrief.reply/2"
"""Part of every key: a change of it invalidates the responses kept so far."""

BUSY_SECONDS = 10.0
"""How long a reader or writer waits for another process to finish."""

_CREATE = """
CREATE TABLE IF NOT EXISTS responses (
    key TEXT NOT NULL, usable INTEGER NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (key, usable)
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedResponse:
    """A server's response: the HTTP status and the body."""

    status: int
    body: bytes


def request_key(body: bytes, weights: str = "") -> str:
    """Return the key of a request with this JSON body.

    The order of the outermost fields depends on the client and does not count; the order of fields in a schema does.

    Args:
        body: the request's JSON body.
        weights: the digest of the model file, for a model that its name does not identify.
    """
    request = json.loads(body)
    canonical = json.dumps({name: request[name] for name in sorted(request)}, ensure_ascii=False)
    return hashlib.sha256(f"{KEY_FORMAT}\0{weights}\0{canonical}".encode()).hexdigest()


class ResponseCache:
    """The responses kept in ``directory``, which is created if needed. Safe for threads and for several processes.

    Raises:
        UsageError: the directory cannot be used.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = threading.Lock()  # one connection serves all threads
        self._write_failed = False
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._connection = _open(directory / CACHE_FILE)
        except FileExistsError:
            raise UsageError(f"cache of replies {directory}: it is a file: name a folder") from None
        except OSError as error:
            raise UsageError(f"cache of replies {directory}: {(error.strerror or str(error)).lower()}") from None
        except sqlite3.Error:
            raise UsageError(
                f"cache of replies {directory}: {CACHE_FILE} cannot be read and written: "
                "remove it if it is damaged, or name another folder"
            ) from None

    def get(self, key: str, *, unusable: bool = False) -> CachedResponse | None:
        """Return the response kept under ``key``, or None.

        Args:
            key: see :func:`request_key`.
            unusable: whether to return a response that broke the schema if there is no usable one.
        """
        statement = "SELECT status, body FROM responses WHERE key = ? AND usable >= ? ORDER BY usable DESC LIMIT 1"
        with self._lock, suppress(sqlite3.Error):
            row = self._connection.execute(statement, (key, not unusable)).fetchone()
            if row:
                return CachedResponse(status=row[0], body=row[1])
        return None

    def keep(
        self, key: str, response: CachedResponse, *, usable: bool, on_error: Callable[[str], None] = lambda _: None
    ) -> None:
        """Keep ``response`` unless one is kept already. A failure to write is reported once and raises nothing.

        Args:
            key: see :func:`request_key`.
            response: the response to keep.
            usable: False for a response that broke the schema. It is returned only when a run is replayed without a
                key, so that the replay gives the same brief; a model that can be reached is asked again.
            on_error: called with the reason of the first failure.
        """
        values = (key, usable, response.status, response.body)
        first_failure = False
        with self._lock:
            try:
                self._connection.execute("INSERT OR IGNORE INTO responses VALUES (?, ?, ?, ?)", values)
            except sqlite3.Error:
                first_failure, self._write_failed = not self._write_failed, True
        if first_failure:
            on_error(f"replies cannot be kept in {self.directory}: is it full, or locked by another program?")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


def _open(path: Path) -> sqlite3.Connection:
    """Return a connection to ``path`` that was read from and can be written to.

    Raises:
        sqlite3.Error: it is no database of this layout, or it cannot be written.
    """
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(_CREATE)
        with closing(connection.cursor()) as cursor:
            cursor.execute("SELECT key, usable, status, body FROM responses LIMIT 1").fetchone()
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log. SQLite does not wait by itself while another process does the same."""
    end = time.monotonic() + BUSY_SECONDS
    switched = False
    while not switched:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            switched = True
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.02)
