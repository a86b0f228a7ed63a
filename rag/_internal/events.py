"""Event log for programs: one JSON object per line.

Events are records of the standard library's ``logging``, so that other modules and the calling program can use them
without importing this package. An event is a name and plain values. Free text is never written, hence no API key, no
question and no passage; questions are identified by their ids. ::

    log_event("retried", after=1.5, status=429)
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path

from rag.errors import UsageError

_LOGGER = logging.getLogger("rag.events")
_QUESTION: ContextVar[str | None] = ContextVar("question", default=None)


def log_event(name: str, **values: str | float | bool | None) -> None:
    """Log the event ``name`` with ``values``. Does next to nothing while no log is written."""
    if _LOGGER.isEnabledFor(logging.INFO):
        question = _QUESTION.get()
        context = {} if question is None else {"question": question}
        _LOGGER.info(name, extra={"values": {**context, **values}})


@contextmanager
def question_scope(question_id: str) -> Iterator[None]:
    """Add ``question_id`` to the events of this block in this thread."""
    token = _QUESTION.set(question_id)
    try:
        yield
    finally:
        _QUESTION.reset(token)


@contextmanager
def log_events_to(target: str | None) -> Iterator[None]:
    """Append the events of this block to the file ``target``, or to stderr for ``-``; write none for None.

    Raises:
        UsageError: the file cannot be written.
    """
    if target is None:
        yield
        return
    try:
        handler = (
            logging.StreamHandler(sys.stderr) if target == "-" else logging.FileHandler(Path(target), "a", "utf-8")
        )
    except OSError as error:
        raise UsageError(f"--log-json {target}: {(error.strerror or str(error)).lower()}") from None

    def stop_logging(_: logging.LogRecord) -> None:  # e.g. on a full disk, which must not end the run
        _LOGGER.removeHandler(handler)
        print(f"--log-json {target}: cannot be written any more; going on without it", file=sys.stderr)

    handler.handleError = stop_logging  # type: ignore[method-assign, assignment]
    handler.setFormatter(_JsonFormatter())
    level, propagate = _LOGGER.level, _LOGGER.propagate
    _LOGGER.addHandler(handler)
    _LOGGER.setLevel(logging.INFO)
    _LOGGER.propagate = False
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)
        _LOGGER.setLevel(level)
        _LOGGER.propagate = propagate
        with suppress(OSError):
            handler.close()


class _JsonFormatter(logging.Formatter):
    """Formats a record as ``{"at": …, "event": …, value: …}``; a record of other code has no values."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        values = getattr(record, "values", {})
        return json.dumps({"at": at, "event": record.msg, **values}, ensure_ascii=False)
