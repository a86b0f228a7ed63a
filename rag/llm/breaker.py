"""A circuit breaker for all calls to one server: while it fails they wait, and one at a time looks whether it is back.

After Nygard, *Release It!* (2007), but waiting where he refuses. Not pybreaker, the kept library: while open it raises
at once, so that a batch would burn through its questions, and it lets a probe's failure reach the caller.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rag._internal import events
from rag.errors import ModelError, ModelLost

FAILURES = 4
"""Failures in a row that make calls wait: one call with the default three retries."""

FIRST = 1.0
LONGEST = 30.0
"""Seconds between probes: the first interval, and the longest that it grows to by doubling."""

OBLIGING = 120.0
"""A server that asks for up to so many seconds (``Retry-After``) is obliged whatever the patience …"""

OBLIGED = 3
"""… and so many times in a row."""

Tell = Callable[[str], None]


class Breaker:
    """Closed (calls go) until failures come in a row; then open (calls wait) until a probe succeeds or patience ends.

    ``patience`` is in seconds; 0 never makes a call wait, but for a server that asks for it. ``where`` names the model
    and its host in messages; ``tell`` is told what is waited for. Each request calls :meth:`enter`, then either
    :meth:`succeeded` or :meth:`failed`, and :meth:`leave` in any case.
    """

    def __init__(self, where: str, patience: float, tell: Tell = lambda _: None) -> None:
        self._where = where
        self._patience = patience
        self._tell = tell
        self._changed = threading.Condition()
        self._failures = 0
        self._why = self._lost = ""
        self._open = self._probing = self._stopped = False
        self._next = self._until = self._since = self._asked = 0.0
        self._interval = FIRST
        self._obliged = 0

    def enter(self) -> bool:
        """Wait until a request may go. Returns whether it is a probe, for the other methods.

        Raises:
            ModelLost: the patience is at its end, or the server asks for more of it than there is.
            ModelError: :meth:`stop` was called.
        """
        with self._changed:
            while True:
                if self._stopped:
                    raise ModelError(f"{self._where}: stopped while a call waited")
                if not self._open:
                    return False
                if self._probing:
                    self._changed.wait()
                    continue
                now = time.monotonic()
                if now >= self._next:
                    self._probing = True
                    return True
                if self._next > self._until:
                    raise ModelLost(self._lost)
                self._changed.wait(self._next - now)

    def succeeded(self) -> None:
        """The server answered: let all go on that wait."""
        with self._changed:
            was_open, self._open, self._failures, self._obliged = self._open, False, 0, 0
            self._changed.notify_all()
        if was_open:
            events.log_event("calls go on")
            self._tell(f"{self._where} answers again: calls go on")

    def failed(self, why: str, *, probe: bool, wait: float = 0.0, counts: bool = True) -> bool:
        """The server failed, and asks for ``wait`` seconds of peace. Returns whether calls wait from now on.

        ``counts`` False is for a failure that may be the request's own and was counted before: a request that a server
        always fails on must not stop the others.
        """
        with self._changed:
            now = time.monotonic()
            self._why = why
            self._failures += counts
            if self._open and not probe:
                return True
            if not self._open:
                if not wait and (not self._patience or self._failures < FAILURES):
                    return False
                self._open, self._interval, self._obliged = True, FIRST, 0
                self._since, self._until = now, now + self._patience
            self._schedule(now, wait)
            message = self._waiting(now)
            seconds = round(self._next - now, 1)
        events.log_event("calls wait", why=why, seconds=seconds)
        self._tell(message)
        return True

    def leave(self, probe: bool) -> None:
        """The request is over; another may probe."""
        if probe:
            with self._changed:
                self._probing = False
                self._changed.notify_all()

    def stop(self) -> None:
        """Wake whoever waits; each gets a ``ModelError``."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _schedule(self, now: float, wait: float) -> None:
        """When the next probe goes. The last one goes when the patience ends; one after that ends it."""
        self._asked = wait
        if wait:
            self._next = now + wait
            if wait <= OBLIGING and self._obliged < OBLIGED:
                self._obliged += 1
                self._until = max(self._until, self._next)
        elif now < self._until:
            self._next = min(now + self._interval, self._until)
            self._interval = min(2 * self._interval, LONGEST)
        else:
            self._next = now + LONGEST

    def _waiting(self, now: float) -> str:
        """What is told while calls wait; and what they all are told when they no longer do."""
        if self._next <= self._until:
            return (
                f"{self._where}: {self._why}: calls wait; it is tried again in {self._next - now:.0f} s, "
                f"and for {self._until - now:.0f} s in all"
            )
        if self._asked:
            what = f"{self._why}, and asks to be left alone for {self._asked:.0f} s: wait"
        else:
            what = f"{self._why}, {self._failures} times, also after {now - self._since:.0f} s of waiting: try later"
        self._lost = f"{self._where}: {what}, or raise CITEBRIEF_PATIENCE (now {self._patience:g} s)"
        return self._lost
