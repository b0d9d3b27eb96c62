"""Running units of work in processes of their own; results go into the ledger, not through pipes.

Each worker has a fixed number of threads, so results do not depend on how many run at a time. The
processes are loky's, which come with joblib and need no guard in the user's script.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joblib.externals.loky import get_reusable_executor

from gatewise.base.config import check_whole_number
from gatewise.base.progress import Progress, SilentProgress
from gatewise.selection.ledger import Ledger, Unit

__all__ = ["Engine", "run_units"]

Work = Callable[[Unit], Any]

_ATTEMPTS = 2
_LOOK_EVERY = 0.5  # seconds
_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_DIED = "its process died (killed, or out of memory)"


@dataclass(frozen=True)
class Engine:
    """Where units are run.

    Attributes
    ----------
    workers : int
        How many at a time.
    threads : int
        Threads of each; results may depend on it in their last digits, and on nothing else here.
    """

    workers: int = 1
    threads: int = 1

    def __post_init__(self) -> None:
        check_whole_number("workers", self.workers, 1, 10_000)
        check_whole_number("threads", self.threads, 1, 1024)


def run_units(
    units: Sequence[Unit],
    work: Work,
    ledger: Ledger,
    *,
    engine: Engine,
    progress: Progress | None = None,
) -> dict[str, str]:
    """Do what is not in the ledger yet.

    Parameters
    ----------
    units : sequence of Unit
        All that should be there in the end.
    work : callable
        Computes the result of a unit, as plain values, from the unit alone. It goes to other
        processes.
    ledger : Ledger
        Takes the results, each as soon as it is there.
    engine : Engine
        How many at a time.
    progress : Progress, optional
        Told of every unit that is done.

    Returns
    -------
    dict of str to str
        The keys of the units that failed twice, and why; all others are in the ledger.
    """
    tried, failures = Counter[str](), dict[str, str]()
    waiting, suspects = ledger.missing(units), list[Unit]()
    with _watched(ledger, units, progress or SilentProgress()):
        while waiting or suspects:
            # Whoever was at work when a process died is tried again alone, to know who it was.
            batch, alone = (waiting, False) if waiting else (suspects[:1], True)
            reasons = _attempt(batch, work, ledger, Engine(1, engine.threads) if alone else engine)
            left = ledger.missing(batch)
            started = [unit for unit in left if unit.key in reasons]
            for unit in started:
                tried[unit.key] += 1
                if tried[unit.key] >= _ATTEMPTS:
                    failures[unit.key] = reasons[unit.key]
            again = [unit for unit in started if unit.key not in failures]
            suspects = (suspects[1:] if alone else suspects) + again
            waiting = [] if alone else [unit for unit in left if unit.key not in reasons]
    return failures


def _attempt(units: Sequence[Unit], work: Work, ledger: Ledger, engine: Engine) -> dict[str, str]:
    """Run units; say of those that were begun and not ended why."""
    for unit in units:
        _mark(ledger.folder, unit).unlink(missing_ok=True)
    limits = {name: str(engine.threads) for name in _THREAD_LIMITS}
    # Not joblib.Parallel: for one worker it works in this very process, which must not die.
    executor = get_reusable_executor(max_workers=engine.workers, env=limits)
    futures = {unit.key: executor.submit(_do, work, ledger.folder, unit) for unit in units}
    reasons: dict[str, str] = {}
    for key, future in futures.items():
        with contextlib.suppress(BrokenProcessPool):
            if reason := future.result():
                reasons[key] = reason
    for unit in units:
        mark = _mark(ledger.folder, unit)
        if mark.exists():
            reasons.setdefault(unit.key, _DIED)
            mark.unlink()
    return reasons


def _do(work: Work, folder: Path, unit: Unit) -> str:
    """Compute one unit, in a worker; return why it failed, if it did."""
    mark = _mark(folder, unit)
    mark.touch()
    reason = ""
    try:
        Ledger(folder).keep(unit, work(unit))
    except Exception as error:  # whatever goes wrong in a unit must not end the others
        reason = f"{type(error).__name__}: {error}"
    mark.unlink()
    return reason


def _mark(folder: Path, unit: Unit) -> Path:
    return folder / "ledger" / f"{unit.key}.begun"


@contextlib.contextmanager
def _watched(ledger: Ledger, units: Sequence[Unit], progress: Progress) -> Iterator[None]:
    """Tell the progress of results as their files appear, whichever engine writes them."""
    ended = threading.Event()
    progress.start("units", len(units), "units")

    def look() -> None:
        told = 0
        while True:
            over = ended.wait(_LOOK_EVERY if told else 0.0)
            there = ledger.n_files(units)
            if there > told:
                progress.advance(there - told)
                told = there
            if over:
                return

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
