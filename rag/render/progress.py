"""What is going on, stage by stage, on stderr: drawn live on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rag.render.wording import line

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

EVERY = 2.0
"""Seconds between two lines of one stage's counting where no terminal is watching."""

DRAFT_LINES = 12
"""Lines of the growing draft that a terminal shows: the newest."""


@dataclass(slots=True)
class _Stage:
    name: str
    message: str
    done: int | None = None
    total: int | None = None
    began: float = field(default_factory=time.monotonic)

    @property
    def words(self) -> str:
        counted = (
            "" if self.done is None else f"{self.done:,}" if self.total is None else f"{self.done:,}/{self.total:,}"
        )
        return " ".join(part for part in (self.message, counted) if part)


class Progress:
    """Shows events. A context manager, and callable with ``(stage, message, done, total)``.

    On a terminal the running stage has a spinner and, where ``total`` is known, a bar; a finished one leaves a
    line with its seconds. Sentences given to :meth:`sentence` grow below and vanish at the end, when the brief
    itself is printed. Elsewhere each event is one line, and a count one line in :data:`EVERY` seconds.
    """

    def __init__(self, console: Console | None = None, *, quiet: bool = False) -> None:
        """``console`` is stderr unless given; ``quiet`` shows nothing."""
        from rich.console import Console
        from rich.spinner import Spinner

        self._console = console or Console(stderr=True, highlight=False)
        self._quiet = quiet
        self._live: Live | None = None
        self._stage: _Stage | None = None
        self._spinner = Spinner("dots")
        self._draft: list[str] = []
        self._printed = 0.0

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._quiet:
            from rich.live import Live

            self._live = Live(
                console=self._console,
                get_renderable=self._picture,
                transient=True,
                refresh_per_second=8,
                redirect_stdout=False,  # what goes to stdout is data, wherever it leads
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

    def __call__(self, stage: str, message: str, done: int | None = None, total: int | None = None) -> None:
        """Stage ``stage`` is at ``message``, with ``done`` of ``total`` where they can be counted."""
        message = line(message)
        new = self._stage is None or self._stage.name != stage
        if new:
            self._finish()
            self._stage = _Stage(stage, message, done, total)
        elif self._stage:
            self._stage.message, self._stage.done, self._stage.total = message, done, total
        if self._live or self._quiet or not self._stage:
            return
        if new or done is None or done == total or time.monotonic() - self._printed >= EVERY:
            self._line(f"{stage}: {self._stage.words}")

    def sentence(self, text: str) -> None:
        """A sentence of the draft stands. Shown on a terminal only: elsewhere the brief comes soon enough."""
        self._draft.append(line(text))

    def _line(self, text: str) -> None:
        self._printed = time.monotonic()
        # Not through rich, which would wrap at 80 columns what a log wants on one line.
        self._console.file.write(text + "\n")
        self._console.file.flush()

    def _finish(self, *, failed: bool = False) -> None:
        if self._live and self._stage:
            from rich.text import Text

            seconds = f"{time.monotonic() - self._stage.began:.1f} s"
            sign = Text("✗ ", style="red") if failed else Text("✓ ", style="green")
            done = Text.assemble(sign, (f"{self._stage.name} ", "bold"), f"{self._stage.words} ", (seconds, "dim"))
            self._console.print(done, no_wrap=True, overflow="ellipsis")

    def _picture(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        if self._stage is None:
            return Text("")
        row = Table.grid(padding=(0, 1))
        seconds = Text(f"{time.monotonic() - self._stage.began:.0f} s", style="dim")
        words = Text.assemble((f"{self._stage.name} ", "bold"), self._stage.words, overflow="ellipsis", no_wrap=True)
        cells: list[RenderableType] = [self._spinner, words]
        if self._stage.total:
            cells.append(ProgressBar(total=self._stage.total, completed=self._stage.done or 0, width=24))
        row.add_row(*cells, seconds)
        width = min(self._console.width, 88)
        lines = Text(" ".join(self._draft), style="dim").wrap(self._console, width)
        room = max(0, min(DRAFT_LINES, self._console.height - 4))
        return Group(row, *(list(lines)[-room:] if room else []))
