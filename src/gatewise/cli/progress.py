"""Progress on standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Column
from rich.text import Text

from gatewise.base.progress import Part, Progress, SilentProgress

__all__ = ["PlainProgress", "TerminalProgress", "open_progress"]

_SECONDS_PER_LINE = 5.0
_SECONDS_PER_QUIET_LINE = 60.0  # where nothing but time has passed
_SECONDS_PER_DRAWING = 0.1


class PlainProgress:
    """Writes a line every few seconds, and one at the end of each stage.

    Parameters
    ----------
    stream : text file object
        Where to.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._stage: str | None = None
        self._total: int | None = None
        self._unit = self._note = ""
        self._done = 0
        self._done_before: int | None = None
        self._started = self._last_line = 0.0
        self._parts: Sequence[Part] = ()
        self._left: float | None = None

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Begin a stage; the one before is over."""
        self.finish()
        self._stage, self._total, self._unit, self._note = stage, total, unit, ""
        self._done = 0
        self._done_before = None
        self._started = self._last_line = time.monotonic()

    def advance(self, n_units: int, note: str = "") -> None:
        """Count, and write a line if the last one is a while ago."""
        now = time.monotonic()
        self._done += n_units
        self._note = note or self._note
        if self._done_before is None:
            self._done_before = n_units  # may come from a checkpoint: says nothing of the speed
        if now - self._last_line >= _SECONDS_PER_LINE:
            self._last_line = now
            self._write(f"{self._amount()}{self._speed(now - self._started)}")

    def running(self, parts: Sequence[Part], seconds_left: float | None) -> None:
        """Remember what is being done, and write a line if there was none for long."""
        self._parts, self._left = parts, seconds_left
        now = time.monotonic()
        if parts and now - self._last_line >= _SECONDS_PER_QUIET_LINE:
            self._last_line = now
            self._write(f"{self._amount()}{self._speed(now - self._started)}")

    def message(self, text: str) -> None:
        """Write one sentence."""
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def finish(self) -> None:
        """Write the last line of a stage."""
        if self._stage is not None:
            seconds = time.monotonic() - self._started
            self._parts, self._left = (), None
            self._write(f"{_counted(self._done, self._unit)} in {_duration(seconds)}")
        self._stage = None

    def _write(self, text: str) -> None:
        note = f", {self._note}" if self._note else ""
        now = "; ".join(f"{part.name} ({_duration(part.seconds)})" for part in self._parts)
        self.message(f"{self._stage}: {text}{note}{f'; now {now}' if now else ''}")

    def _amount(self) -> str:
        if self._total is None:
            return _counted(self._done, self._unit)
        share = self._done / self._total if self._total else 1.0
        return f"{self._done:,} of {self._total:,} {self._unit} ({share:.0%})"

    def _speed(self, seconds: float) -> str:
        if self._left is not None:
            return f", about {_duration(self._left)} left"
        rate = (self._done - (self._done_before or 0)) / seconds if seconds > 0 else 0.0
        if rate <= 0.0:
            return ""
        told = f", {_rate(rate, self._unit)}"
        if self._total is None:
            return told
        return f"{told}, {_duration(max(0, self._total - self._done) / rate)} left"


class TerminalProgress:
    """Draws a bar per stage.

    Parameters
    ----------
    console : rich.console.Console
        Where to.
    """

    def __init__(self, console: Console) -> None:
        self.bars = Bars(
            _StageColumn(table_column=Column(no_wrap=True)),
            BarColumn(bar_width=16, table_column=Column(no_wrap=True)),
            _AmountColumn(table_column=Column(no_wrap=True)),
            _LeftColumn(
                compact=True, elapsed_when_finished=True, table_column=Column(no_wrap=True)
            ),
            _NoteColumn(),
            console=console,
        )
        self._task: Task | None = None
        self._parts: dict[str, TaskID] = {}
        self._pending = 0
        self._last_drawing = 0.0

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Begin a stage; the one before is over."""
        self.finish()
        number = self.bars.add_task(stage, total=total, unit=unit, note="")
        self._task = next(task for task in self.bars.tasks if task.id == number)
        self._last_drawing = 0.0  # so that the first units are drawn at once

    def advance(self, n_units: int, note: str = "") -> None:
        """Count, and move the bar if it was not just moved."""
        self._pending += n_units
        if self._task is None:
            return
        if note:
            self._task.fields["note"] = note
        now = time.monotonic()
        if now - self._last_drawing >= _SECONDS_PER_DRAWING:
            self._last_drawing = now
            self._draw(self._task)

    def running(self, parts: Sequence[Part], seconds_left: float | None) -> None:
        """Draw a bar for each part that is being done, and take those away that are done."""
        if self._task is not None:
            self._task.fields["left"] = seconds_left
            self._draw(self._task)
        names = {part.name for part in parts}
        for name in [name for name in self._parts if name not in names]:
            self.bars.remove_task(self._parts.pop(name))
        for part in parts:
            if part.name not in self._parts:
                self._parts[part.name] = self.bars.add_task(
                    f"  {part.name}", total=None, unit="s", note=""
                )
            total = None if part.expected is None else max(part.expected, part.seconds)
            self.bars.update(self._parts[part.name], total=total, completed=part.seconds)

    def message(self, text: str) -> None:
        """Write one sentence above the bars."""
        self.bars.console.print(text, markup=False, highlight=False, emoji=False)

    def finish(self) -> None:
        """Leave the bar of a stage as it is now."""
        self.running((), None)
        if self._task is not None:
            self._draw(self._task)
            # A stage that stopped early is as complete as any other.
            self.bars.update(self._task.id, total=self._task.completed)
            self.bars.stop_task(self._task.id)
        self._task = None

    def _draw(self, task: Task) -> None:
        self.bars.advance(task.id, self._pending)
        self._pending = 0


class _StageColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(task.description)


class _AmountColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        total = "" if task.total is None else f"/{task.total:,.0f}"
        told = f"{task.completed:,.0f}{total} {task.fields['unit']}"
        speed = None if task.fields["unit"] == "s" else task.finished_speed or task.speed
        return Text(f"{told}, {_rate(speed, task.fields['unit'])}" if speed else told)


class _LeftColumn(TimeRemainingColumn):
    """What is foreseen, where somebody foresees it better than the speed so far."""

    def render(self, task: Task) -> Text:
        left = task.fields.get("left")
        return super().render(task) if left is None else Text(f"{_duration(left)} left")


class _NoteColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        # The only column that gives way where the terminal is narrow.
        note = str(task.fields["note"])
        return Text(note, style="dim", no_wrap=True, overflow="ellipsis")


@contextlib.contextmanager
def open_progress(*, bars: bool = True, lines: bool = True) -> Iterator[Progress]:
    """Show progress on standard error for as long as the block runs.

    Parameters
    ----------
    bars : bool
        Draw bars where there is a terminal; else nothing.
    lines : bool
        Write lines where there is none; else nothing.

    Yields
    ------
    Progress
    """
    console = Console(stderr=True)
    is_terminal = sys.stderr.isatty() and not console.is_dumb_terminal
    if is_terminal and bars:
        drawn = TerminalProgress(console)
        with drawn.bars:
            yield drawn
            drawn.finish()
    elif lines and not is_terminal:
        plain = PlainProgress(sys.stderr)
        yield plain
        plain.finish()
    else:
        yield SilentProgress()


def _counted(number: int, units: str) -> str:
    unit = units[:-2] if units.endswith("sses") else units.removesuffix("s")
    return f"{number:,} {units if number != 1 else unit}"


def _rate(per_second: float, unit: str) -> str:
    return f"{per_second:,.0f} {unit}/s" if per_second >= 10 else f"{per_second:.1f} {unit}/s"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
