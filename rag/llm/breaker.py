"""A circuit breaker for all calls to one server: while the server fails, calls wait and one at a time probes it.

After Nygard, *Release It!* (2007), except that calls wait where the original fails them at once. pybreaker raises while
it is open, so a batch would use up its questions, and it passes a probe's failure on to the caller.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from rag._internal import events
from rag.errors import ModelError, ModelLost
from rag.llm.call import OnWait


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a breaker opens, how often it probes and how far it obeys a server's ``Retry-After``. Times in seconds."""

    failures: int = 4
    """Failures in a row after which calls wait: one call with the default three retries."""

    first_interval: float = 1.0
    """Time to the first probe; it doubles with each probe."""

    longest_interval: float = 30.0
    """The longest time between probes."""

    longest_requested_wait: float = 120.0
    """A ``Retry-After`` up to this is obeyed, even beyond the patience."""

    requested_waits: int = 3
    """How many times in a row a ``Retry-After`` may extend the patience."""


class Breaker:
    """Closed (calls go) until failures come in a row; then open (calls wait) until a probe succeeds or patience ends.

    Each request calls :meth:`enter`, then either :meth:`succeeded` or :meth:`failed`, and :meth:`leave` in any case.

    Args:
        where: the model and its host, for messages.
        patience: seconds that calls wait for a server that fails. With 0 they wait only if the server asks for it.
        policy: the breaker's tunables.
    """

    def __init__(self, where: str, patience: float, policy: BreakerPolicy | None = None) -> None:
        self._where = where
        self._patience = patience
        self._policy = policy or BreakerPolicy()
        self._changed = threading.Condition()
        self._failures = 0
        self._why = self._final_message = ""
        self._open = self._probing = self._stopped = False
        self._next_probe = self._deadline = self._opened_at = self._requested_wait = 0.0
        self._interval = self._policy.first_interval
        self._obeyed_waits = 0

    def enter(self) -> bool:
        """Wait until a request may go. Return whether it is a probe, to be passed to the other methods.

        Raises:
            ModelLost: the patience has ended, or the server asks for a longer wait than it allows.
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
                if now >= self._next_probe:
                    self._probing = True
                    return True
                if self._next_probe > self._deadline:
                    raise ModelLost(self._final_message)
                self._changed.wait(self._next_probe - now)

    def succeeded(self, on_wait: OnWait = lambda _: None) -> None:
        """Record that the server answered, and release all waiting calls. ``on_wait`` hears that calls go on."""
        with self._changed:
            was_open, self._open, self._failures, self._obeyed_waits = self._open, False, 0, 0
            self._changed.notify_all()
        if was_open:
            events.log_event("calls go on")
            on_wait(f"{self._where} answers again: calls go on")

    def failed(
        self, why: str, *, probe: bool, wait: float = 0.0, counts: bool = True, on_wait: OnWait = lambda _: None
    ) -> bool:
        """Record that the server failed. Return whether calls wait from now on.

        Args:
            why: the failure, for messages.
            probe: what :meth:`enter` returned.
            wait: seconds that the server asks to wait; 0 if it does not ask.
            counts: False for a failure that the request itself may have caused and that was counted before, so that one
                request on which the server always fails does not stop the others.
            on_wait: called with a message if calls wait.
        """
        with self._changed:
            now = time.monotonic()
            self._why = why
            self._failures += counts
            if self._open and not probe:
                return True
            if not self._open:
                if not wait and (not self._patience or self._failures < self._policy.failures):
                    return False
                self._open, self._interval, self._obeyed_waits = True, self._policy.first_interval, 0
                self._opened_at, self._deadline = now, now + self._patience
            self._schedule_probe(now, wait)
            message = self._message(now)
            seconds = round(self._next_probe - now, 1)
            ended = self._next_probe > self._deadline
        events.log_event("calls wait", why=why, seconds=seconds)
        if not ended:  # the final message is that of the error
            on_wait(message)
        return True

    def leave(self, probe: bool) -> None:
        """Record that the request is over. After a probe, another request may probe."""
        if probe:
            with self._changed:
                self._probing = False
                self._changed.notify_all()

    def stop(self) -> None:
        """Wake all waiting calls; each gets a ``ModelError``, as do later ones."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _schedule_probe(self, now: float, wait: float) -> None:
        """Set the time of the next probe. The last one is at the deadline; one scheduled after it ends the waiting."""
        policy = self._policy
        self._requested_wait = wait
        if wait:
            self._next_probe = now + wait
            if wait <= policy.longest_requested_wait and self._obeyed_waits < policy.requested_waits:
                self._obeyed_waits += 1
                self._deadline = max(self._deadline, self._next_probe)
        elif now < self._deadline:
            self._next_probe = min(now + self._interval, self._deadline)
            self._interval = min(2 * self._interval, policy.longest_interval)
        else:
            self._next_probe = now + policy.longest_interval

    def _message(self, now: float) -> str:
        """Return the message while calls wait, or the final one, which all calls get once they wait no longer."""
        if self._next_probe <= self._deadline:
            return (
                f"{self._where}: {self._why}: calls wait; the next attempt is in {self._next_probe - now:.0f} s, "
                f"the last in {self._deadline - now:.0f} s"
            )
        if self._requested_wait:
            what = f"{self._why}, and the server asks to wait {self._requested_wait:.0f} s: try later"
        else:
            waited = now - self._opened_at
            what = f"{self._why}, {self._failures} times, also after {waited:.0f} s of waiting: try later"
        self._final_message = f"{self._where}: {what}, or raise CITEBRIEF_PATIENCE (now {self._patience:g} s)"
        return self._final_message
