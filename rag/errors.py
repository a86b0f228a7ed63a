"""What can go wrong, as a tree; each class carries the exit status of the command line.

::

    CitebriefError          1  something failed; the message names the offender and the fix
    ├── UsageError          2  the caller asked for something impossible
    ├── ReadError           1  a document could not be read (the rest of the index goes on)
    ├── IndexMissing        4  there is no index where one was expected
    ├── IndexMismatch       4  the index was built with something else
    ├── IndexBusy           1  another process is writing the index
    ├── ModelError          1  the model could not be reached, or refused
    │   ├── ModelLost       1  its server failed for longer than the patience allows
    │   ├── BudgetSpent     1  the call could cost more than the budget has left; it was not made
    │   └── ReplyError      1  the model answered, but not what was asked for
    │       └── TooLong     1  the request does not fit the model's context
    └── Interrupted         1  stopped before the end; carries the draft that stood by then
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.types import Brief


class CitebriefError(Exception):
    """The root of the tree. ``str(error)`` is one line, fit to print."""

    exit_status = 1


class UsageError(CitebriefError):
    """The caller asked for something impossible: an unknown model, a bad date, a missing file."""

    exit_status = 2


class ReadError(CitebriefError):
    """A document could not be read."""


class IndexMissing(CitebriefError):
    """There is no index where one was expected."""

    exit_status = 4


class IndexMismatch(CitebriefError):
    """The index was built with another embedder or chunker than the one in use."""

    exit_status = 4


class IndexBusy(CitebriefError):
    """Another process is writing the index."""


class ModelError(CitebriefError):
    """The model could not be reached, or refused to answer."""


class ModelLost(ModelError):
    """The model's server failed for longer than the patience allows: whatever else is asked of it fails too."""


class BudgetSpent(ModelError):
    """The call could cost more than the budget has left. It was not made."""


class ReplyError(ModelError):
    """The model answered, but not what was asked for: not the schema, cut off, empty, or an unknown citation."""


class TooLong(ReplyError):
    """The request does not fit the model's context: asking again the same way is of no use."""


class Interrupted(CitebriefError):
    """Composing stopped before the end. ``draft`` is the brief that stood, every sentence verified.

    ``doing`` names the step at which it stopped.
    """

    def __init__(self, message: str, *, draft: Brief, doing: str) -> None:
        super().__init__(message)
        self.draft = draft
        self.doing = doing
