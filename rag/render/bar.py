"""How far a long run is, on stderr: a bar with rate and time left on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import time
from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console

EVERY = 10.0
"""Seconds between two lines where no terminal is watching."""


class Bar:
    """Counts what is dealt with. A context manager, and callable with ``(what became of one, done, total)``.

    What is done when it is called first was done before, and does not count for the rate.
    """

    def __init__(self, name: str, console: Console | None = None, *, quiet: bool = False) -> None:
        """``name`` stands before it; ``console`` is stderr unless given; ``quiet`` shows nothing."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._name = name
        self._console = console or Console(stderr=True, highlight=False)
        self._quiet = quiet
        self._counts: Counter[str] = Counter()
        self._before: int | None = None
        self._began = self._printed = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[told]}"),
            console=self._console,
            transient=True,
            redirect_stdout=False,  # what goes to stdout is data, wherever it leads
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task(name, total=None, told="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        """One more is dealt with: ``what`` it came to, and how many of ``total`` are ``done``."""
        now = time.monotonic()
        if self._before is None:
            self._before, self._began = done, now
            self._bar.update(self._task, total=total, completed=done)
            return
        self._counts[what] += 1
        told = self._told(done, total, now)
        self._bar.update(self._task, completed=done, told=told)
        if not (self._quiet or self._console.is_terminal) and (done == total or now - self._printed >= EVERY):
            self._printed = now
            self._console.file.write(f"{self._name}: {done:,}/{total:,}, {told}\n")
            self._console.file.flush()

    def say(self, what: str) -> None:
        """A line beside the bar, from any thread."""
        if not self._quiet:
            self._console.print(what, markup=False)

    def _told(self, done: int, total: int, now: float) -> str:
        """``12 answered, 1 failed, 3.4/min, 4:10 left``. Not rich's estimate, which looks at the last half minute."""
        a_second = (done - (self._before or 0)) / max(1e-9, now - self._began)
        counts = [f"{count:,} {what.replace('_', ' ')}" for what, count in self._counts.most_common()]
        rate = f"{a_second:.1f}/s" if a_second >= 1 else f"{60 * a_second:.1f}/min"
        return ", ".join([*counts, rate, f"{_clock((total - done) / max(1e-9, a_second))} left"])


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
