"""Progress of a long run on stderr: a bar with rate and time left on a terminal, elsewhere a line every few seconds."""

from __future__ import annotations

import time
from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console

LINE_INTERVAL = 10.0
"""Seconds between two lines of output where stderr is not a terminal."""


class Bar:
    """Counts finished items by outcome. A context manager, callable with ``(outcome, done, total)``.

    The first call only sets the starting point: items that were done before do not count towards the rate.
    """

    def __init__(self, name: str, console: Console | None = None, *, quiet: bool = False) -> None:
        """Set up the bar.

        Args:
            name: printed before the bar and each line.
            console: where to print; stderr by default.
            quiet: print nothing.
        """
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._name = name
        self._console = console or Console(stderr=True, highlight=False)
        self._quiet = quiet
        self._counts: Counter[str] = Counter()
        self._done_before: int | None = None
        self._began = self._line_at = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[status]}"),
            console=self._console,
            transient=True,
            redirect_stdout=False,  # stdout carries data, even where it is a terminal
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task(name, total=None, status="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, outcome: str, done: int, total: int) -> None:
        """Count one more item with ``outcome``; ``done`` of ``total`` items are now finished."""
        now = time.monotonic()
        if self._done_before is None:
            self._done_before, self._began = done, now
            self._bar.update(self._task, total=total, completed=done)
            return
        self._counts[outcome] += 1
        status = self._status(done, total, now)
        self._bar.update(self._task, completed=done, status=status)
        if not (self._quiet or self._console.is_terminal) and (done == total or now - self._line_at >= LINE_INTERVAL):
            self._line_at = now
            self._console.file.write(f"{self._name}: {done:,}/{total:,}, {status}\n")
            self._console.file.flush()

    def say(self, message: str) -> None:
        """Print ``message`` above the bar. Safe to call from any thread."""
        if not self._quiet:
            self._console.print(message, markup=False)

    def _status(self, done: int, total: int, now: float) -> str:
        """Return ``12 answered, 1 failed, 3.4/min, 4:10 left``.

        The rate is that of the whole run; rich's own estimate covers only the last 30 seconds.
        """
        per_second = (done - (self._done_before or 0)) / max(1e-9, now - self._began)
        counts = [f"{count:,} {outcome.replace('_', ' ')}" for outcome, count in self._counts.most_common()]
        rate = f"{per_second:.1f}/s" if per_second >= 1 else f"{60 * per_second:.1f}/min"
        return ", ".join([*counts, rate, f"{_duration((total - done) / max(1e-9, per_second))} left"])


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
