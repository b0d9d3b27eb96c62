"""The files of a run -> its progress: what is done, what is being done, and how long it takes yet.

A unit that is being done has a mark beside the results. Whoever works on it, and wherever, the
driver sees it there.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gatewise.base.progress import Part, Progress
from gatewise.selection.ledger import FOLDER, Ledger, Unit

__all__ = ["mark_of", "watched"]

_LOOK_EVERY = 0.5  # seconds


def mark_of(folder: Path, unit: Unit) -> Path:
    """Name the file that is there while a unit of a run is being done."""
    return folder / FOLDER / f"{unit.key}.begun"


@contextlib.contextmanager
def watched(
    ledger: Ledger, units: Sequence[Unit], progress: Progress, stage: str, noun: str = "fits"
) -> Iterator[None]:
    """Tell the progress of units for as long as the block runs, whoever does them."""
    ended = threading.Event()
    progress.start(stage, len(units), noun)
    view = _View(ledger, list(units))

    def look() -> None:
        told, over = 0, False
        while True:
            n_done = view.look()
            if n_done > told:
                progress.advance(n_done - told)
                told = n_done
            if over:
                return
            progress.running(view.parts(), view.seconds_left())
            over = ended.wait(_LOOK_EVERY)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        progress.running([], None)


@dataclass
class _View:
    """What the files have shown so far."""

    ledger: Ledger
    waiting: list[Unit]
    n_done: int = 0
    begun: dict[str, float] = field(default_factory=dict)

    def look(self) -> int:
        """Look at the files; return how many units are done."""
        now, left = time.time(), []
        for unit in self.waiting:
            if self.ledger.has_file(unit):
                self.n_done += 1
                if begun := self.begun.pop(unit.key, None):
                    self.ledger.durations[unit.group].append(now - begun)
                continue
            left.append(unit)
            try:
                self.begun[unit.key] = mark_of(self.ledger.folder, unit).stat().st_mtime
            except OSError:
                self.begun.pop(unit.key, None)
        self.waiting = left
        return self.n_done

    def parts(self) -> list[Part]:
        """List the units that are being done."""
        now = time.time()
        return [
            Part(unit.name, max(0.0, now - self.begun[unit.key]), self._expected(unit))
            for unit in self.waiting
            if unit.key in self.begun
        ]

    def seconds_left(self) -> float | None:
        """Estimate from the units that were done how long all others take."""
        if not self.ledger.durations or not self.begun:
            return None
        now, total = time.time(), 0.0
        for unit in self.waiting:
            expected = self._expected(unit) or 0.0
            spent = now - self.begun[unit.key] if unit.key in self.begun else 0.0
            total += max(0.0, expected - spent)
        return total / len(self.begun)

    def _expected(self, unit: Unit) -> float | None:
        """Take the mean of the unit's own kind, else of all."""
        durations = self.ledger.durations
        known = durations.get(unit.group)
        if not known:
            known = [seconds for group in durations.values() for seconds in group]
        return sum(known) / len(known) if known else None
