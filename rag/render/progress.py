"""Progress by stage on stderr: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rag.render.cleaning import single_line

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

COUNT_INTERVAL = 2.0
"""Seconds between two lines of output with counts of one stage where stderr is not a terminal."""

DRAFT_LINES = 12
"""Number of lines, the last ones, of the draft that a terminal shows."""


@dataclass(slots=True)
class _Stage:
    name: str
    message: str
    done: int | None = None
    total: int | None = None
    speed: str = ""
    began: float = field(default_factory=time.monotonic)

    @property
    def status(self) -> str:
        count = "" if self.done is None else f"{self.done:,}" if self.total is None else f"{self.done:,}/{self.total:,}"
        status = " ".join(part for part in (self.message, count) if part)
        return f"{status}, {self.speed}" if self.speed else status


class Progress:
    """Shows progress events. A context manager, callable with ``(stage, message, done, total, speed)``.

    On a terminal the running stage has a spinner and, if ``total`` is known, a bar; a finished stage leaves a line
    with its seconds. Sentences given to :meth:`sentence` are shown below until the display ends, when the brief
    itself is printed. Elsewhere each event is one line, and counts are one line per :data:`COUNT_INTERVAL` seconds.
    """

    def __init__(self, console: Console | None = None, *, quiet: bool = False) -> None:
        """Set up the display on ``console``, by default stderr; ``quiet`` shows nothing."""
        from rich.console import Console
        from rich.spinner import Spinner

        self._console = console or Console(stderr=True, highlight=False)
        self._quiet = quiet
        self._live: Live | None = None
        self._stage: _Stage | None = None
        self._spinner = Spinner("dots")
        self._draft: list[str] = []
        self._line_at = 0.0

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._quiet:
            from rich.live import Live

            self._live = Live(
                console=self._console,
                get_renderable=self._render,
                transient=True,
                refresh_per_second=8,
                redirect_stdout=False,  # stdout carries data, even where it is a terminal
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._finish(failed=kind is not None)
            self._stage = None
            self._draft.clear()
            self._live.stop()
            self._live = None

    def __call__(
        self, stage: str, message: str, done: int | None = None, total: int | None = None, speed: str = ""
    ) -> None:
        """Show that ``stage`` is at ``message``, with ``done`` of ``total`` and ``speed`` if there is a count."""
        message = single_line(message)
        new = self._stage is None or self._stage.name != stage
        if new:
            self._finish()
            self._stage = _Stage(stage, message, done, total, speed)
        elif self._stage:
            self._stage.message, self._stage.done, self._stage.total = message, done, total
            self._stage.speed = speed
        if self._live or self._quiet or not self._stage:
            return
        if new or done is None or done == total or time.monotonic() - self._line_at >= COUNT_INTERVAL:
            self._print_line(f"{stage}: {self._stage.status}")

    def sentence(self, text: str) -> None:
        """Add a sentence of the draft to the display. Does nothing visible where stderr is not a terminal."""
        self._draft.append(single_line(text))

    def _print_line(self, text: str) -> None:
        self._line_at = time.monotonic()
        # Not printed by rich, which would wrap the line at 80 columns; a log needs it on one line.
        self._console.file.write(text + "\n")
        self._console.file.flush()

    def _finish(self, *, failed: bool = False) -> None:
        if self._live and self._stage:
            from rich.text import Text

            seconds = f"{time.monotonic() - self._stage.began:.1f} s"
            sign = Text("✗ ", style="red") if failed else Text("✓ ", style="green")
            done = Text.assemble(sign, (f"{self._stage.name} ", "bold"), f"{self._stage.status} ", (seconds, "dim"))
            self._console.print(done, no_wrap=True, overflow="ellipsis")

    def _render(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        if self._stage is None:
            return Text("")
        row = Table.grid(padding=(0, 1))
        seconds = Text(f"{time.monotonic() - self._stage.began:.0f} s", style="dim")
        status = Text.assemble((f"{self._stage.name} ", "bold"), self._stage.status, overflow="ellipsis", no_wrap=True)
        cells: list[RenderableType] = [self._spinner, status]
        if self._stage.total:
            cells.append(ProgressBar(total=self._stage.total, completed=self._stage.done or 0, width=24))
        row.add_row(*cells, seconds)
        width = min(self._console.width, 88)
        lines = Text(" ".join(self._draft), style="dim").wrap(self._console, width)
        height = max(0, min(DRAFT_LINES, self._console.height - 4))
        return Group(row, *(list(lines)[-height:] if height else []))
