"""Running units of work in processes of their own; results go into the ledger as they come."""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from gatewise.base.errors import ConfigError
from gatewise.base.progress import Progress, SilentProgress
from gatewise.selection.ledger import RUN, Ledger, Unit
from gatewise.selection.watch import mark_of, watched
from gatewise.selection.workers import Workers

__all__ = ["UnusableNodeError", "run_units"]

# From the data that all units share, and a unit, to its result as plain values.
Work = Callable[[Any, Unit], Any]

_ATTEMPTS = 2
_DIED = "its process died (killed, or out of memory)"


class UnusableNodeError(ConfigError):
    """Raised by work that would fail for every unit: it ends the whole run."""


def run_units(
    units: Sequence[Unit],
    work: Work,
    ledger: Ledger,
    *,
    workers: Workers,
    progress: Progress | None = None,
    stage: str = "fits",
    noun: str = "fits",
) -> dict[str, str]:
    """Do what is not in the ledger yet.

    Parameters
    ----------
    units : sequence of Unit
        All that should be there in the end.
    work : callable
        Computes the result of a unit, as plain values, from the data that the workers were given
        and the unit. It goes to other processes.
    ledger : Ledger
        Takes the results, each as soon as it is there.
    workers : Workers
        Do the work.
    progress : Progress, optional
        Told of every unit that is done, and of those that are being done.
    stage : str
        What the progress is told it is.
    noun : str
        What the progress calls the units.

    Returns
    -------
    dict of str to str
        The keys of the units that failed twice, and why; all others are in the ledger.

    Raises
    ------
    UnusableNodeError
        If a worker finds that where it is nothing can be done.
    """
    tried, failures = Counter[str](), dict[str, str]()
    waiting, suspects = ledger.missing(units), list[Unit]()
    with watched(ledger, units, progress or SilentProgress(), stage, noun):
        while waiting or suspects:
            # Whoever was at work when a process died is tried again alone, to know who it was.
            batch, alone = (waiting, False) if waiting else (suspects[:1], True)
            reasons = _attempt(batch, work, ledger, workers)
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


def _attempt(units: Sequence[Unit], work: Work, ledger: Ledger, workers: Workers) -> dict[str, str]:
    """Run units; say of those that were begun and not ended why."""
    for unit in units:
        mark_of(ledger.folder, unit).unlink(missing_ok=True)
    stamp = _stamp(ledger.folder)
    reasons: dict[str, str] = {}
    try:
        futures = [workers.submit(_do, work, ledger.folder, stamp, unit) for unit in units]
        for unit, future in zip(units, futures, strict=True):
            reason, result = _outcome(future)
            if reason:
                reasons[unit.key] = reason
            elif result is not None:
                ledger.keep(unit, result)
    except BrokenProcessPool:
        workers.renew()
        reasons |= {key: _DIED for key in _begun(units, ledger) if key not in reasons}
        # A process that dies before it begins tells nobody's fault: it would die for ever.
        reasons = reasons or dict.fromkeys((unit.key for unit in units), _DIED)
    return reasons


def _begun(units: Sequence[Unit], ledger: Ledger) -> list[str]:
    """List the units that were being done, and take their marks away."""
    marks = {unit.key: mark_of(ledger.folder, unit) for unit in units}
    begun = [key for key, mark in marks.items() if mark.exists()]
    for key in begun:
        marks[key].unlink()
    return begun


def _outcome(future: Future[Any]) -> tuple[str, Any]:
    try:
        reason, result = future.result()
    except BrokenProcessPool:
        raise
    except Exception as error:  # a cluster's own: a node that died, say
        if isinstance(_cause(error), UnusableNodeError):
            raise _cause(error) from None
        return _told(error), None
    return reason, result


def _do(data: Any, work: Work, folder: Path, stamp: str, unit: Unit) -> tuple[str, Any]:
    """Compute one unit, in a worker.

    Returns
    -------
    reason : str
        Why it failed, if it did.
    result : object or None
        What the caller has to keep, if it cannot be written from here. Where the caller cannot
        write it either, as on a full disk, the whole run ends.
    """
    if _stamp(folder) != stamp:
        return _tried(work, data, unit)
    if Ledger(folder).find(unit) is not None:  # a cluster asks again if the answer was lost
        return "", None
    mark = mark_of(folder, unit)
    with contextlib.suppress(OSError):
        mark.touch()
    reason, result = _tried(work, data, unit)
    if result is not None:
        with contextlib.suppress(OSError):
            Ledger(folder).keep(unit, result)
            result = None
    mark.unlink(missing_ok=True)
    return reason, result


def _tried(work: Work, data: Any, unit: Unit) -> tuple[str, Any]:
    try:
        return "", work(data, unit)
    except UnusableNodeError:
        raise
    except Exception as error:  # whatever goes wrong in a unit must not end the others
        return _told(error), None


def _told(error: Exception) -> str:
    error = _cause(error)
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"


def _cause(error: Exception) -> Exception:
    """Unwrap what a call raised from what Ray makes of it."""
    return getattr(error, "cause", None) or error


def _stamp(folder: Path) -> str:
    """Tell this run's folder from another one of the same path on another machine."""
    try:
        return hashlib.sha256((folder / RUN).read_bytes()).hexdigest()
    except OSError:
        return ""
