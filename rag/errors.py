"""The exceptions, with the exit status of the command line for each.

::

    CitebriefError          1  the root; the message names the offender and the fix
    ├── UsageError          2  the caller asked for something impossible
    ├── ReadError           1  a document could not be read; indexing continues with the others
    ├── IndexMissing        4  no index at the given place, or an empty one
    ├── IndexMismatch       4  the index was built with another embedder or chunker
    ├── IndexBusy           1  another process is writing the index
    ├── ModelError          1  the model could not be reached, or refused
    │   ├── ModelLost       1  the model's server failed for longer than ``patience`` allows
    │   ├── BudgetSpent     1  the call could exceed the budget and was not made
    │   └── ReplyError      1  the model replied, but the reply is unusable
    │       └── TooLong     1  the request does not fit the model's context
    └── Interrupted         1  writing stopped before the end; carries the draft (130 where the user stopped it)
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.types import Brief


class CitebriefError(Exception):
    """The root of all errors of citebrief. ``str(error)`` is one line, fit to print."""

    exit_status = 1


class UsageError(CitebriefError):
    """The caller asked for something impossible: an unknown model, a bad date, a missing file."""

    exit_status = 2


class ReadError(CitebriefError):
    """A document could not be read."""


class IndexMissing(CitebriefError):
    """No index exists at the given place, or it has no document."""

    exit_status = 4


class IndexMismatch(CitebriefError):
    """The index was built with an embedder or chunker other than the one in use."""

    exit_status = 4


class IndexBusy(CitebriefError):
    """Another process is writing the index."""


class ModelError(CitebriefError):
    """The model could not be reached, or refused to answer."""


class ModelLost(ModelError):
    """The model's server failed for longer than the setting ``patience`` allows; later calls fail too."""


class BudgetSpent(ModelError):
    """The call could cost more than is left of the budget; it was not made."""


class ReplyError(ModelError):
    """The model replied, but the reply is cut off, empty, refused, or does not follow the schema."""


class TooLong(ReplyError):
    """The request does not fit the model's context; repeating it would fail again."""


class Interrupted(CitebriefError):
    """Writing stopped before the end.

    ``draft`` is the brief so far, in which every sentence is verified; a notice in it says that it is a draft.
    ``doing`` names the part that was being written.
    """

    def __init__(self, message: str, *, draft: Brief, doing: str) -> None:
        super().__init__(message)
        notice = f"This brief is a draft: it ended {message}."
        self.draft = replace(draft, trace=replace(draft.trace, notices=(*draft.trace.notices, notice)))
        self.doing = doing
