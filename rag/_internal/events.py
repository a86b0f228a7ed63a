"""What happens, as events for a program to read: one JSON object a line.

The standard library's ``logging`` carries them, because the modules below and any program around them can use it
without knowing of us; the dozen lines that make JSON of a record do not need a library. An event is a name and plain
values, and nothing else is ever written: no message that somebody worded, hence no key, no question and no passage.
Questions go by their ids. ::

    log.event("retried", after=1.5, status=429)
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
    """Log that ``name`` happened, with ``values``; costs next to nothing where nobody listens."""
    if _LOGGER.isEnabledFor(logging.INFO):
        question = _QUESTION.get()
        about_ = {} if question is None else {"question": question}
        _LOGGER.info(name, extra={"values": {**about_, **values}})


@contextmanager
def about(question_id: str) -> Iterator[None]:
    """Events of this block, in this thread, are about the question ``question_id``."""
    token = _QUESTION.set(question_id)
    try:
        yield
    finally:
        _QUESTION.reset(token)


@contextmanager
def written_to(target: str | None) -> Iterator[None]:
    """Append the events of this block to the file ``target``, or to stderr for ``-``; None writes none.

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

    def give_up(_: logging.LogRecord) -> None:  # on a full disk, say: what is logged matters more than the log
        _LOGGER.removeHandler(handler)
        print(f"--log-json {target}: cannot be written any more; going on without it", file=sys.stderr)

    handler.handleError = give_up  # type: ignore[method-assign, assignment]
    handler.setFormatter(_Json())
    level, carried_on = _LOGGER.level, _LOGGER.propagate
    _LOGGER.addHandler(handler)
    _LOGGER.setLevel(logging.INFO)
    _LOGGER.propagate = False
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)
        _LOGGER.setLevel(level)
        _LOGGER.propagate = carried_on
        with suppress(OSError):
            handler.close()


class _Json(logging.Formatter):
    """``{"at": …, "event": …, value: …}``; a record without values is somebody else's and says only its name."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        values = getattr(record, "values", {})
        return json.dumps({"at": at, "event": record.msg, **values}, ensure_ascii=False)
