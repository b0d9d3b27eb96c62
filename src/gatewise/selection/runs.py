"""A folder, a ledger and workers: what every question asked of the data needs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.base.progress import Progress
from gatewise.base.versions import package_versions
from gatewise.selection.engines import run_units
from gatewise.selection.fits import FitData, FitFacts, do_fit
from gatewise.selection.ledger import Ledger, Unit, check_run_folder, open_ledger
from gatewise.selection.outcomes import FoldResult
from gatewise.selection.workers import Engine, Workers, open_workers

__all__ = ["Run", "open_run"]

# There is one checksum of all that the fits share.
_TOLD = {"data": "data (the records, their folds, weights, word vectors, or the threads of a fit)"}


@dataclass
class Run:
    """Fits on some data, done once and kept.

    Attributes
    ----------
    ledger : Ledger
        Keeps them.
    workers : Workers
        Do them.
    fingerprint : str
        Of the data.
    progress : Progress
        Told of them.
    """

    ledger: Ledger
    workers: Workers
    fingerprint: str
    progress: Progress

    def fit(self, wanted: Sequence[tuple[FitFacts, str]], stage: str = "fits") -> dict[str, str]:
        """Do the fits that are not there yet.

        Parameters
        ----------
        wanted : sequence of (FitFacts, str)
            The fits, and what people are told of each; the folds of one candidate have one name.
        stage : str
            What the progress is told they are.

        Returns
        -------
        dict of str to str
            Name -> why a fit of it failed.
        """
        units: dict[str, Unit] = {}
        for facts, name in wanted:  # the same fit under two names has the first one's
            unit = self._unit(facts, name)
            units.setdefault(unit.key, unit)
        listed = list(units.values())
        failures = run_units(
            listed,
            do_fit,
            self.ledger,
            workers=self.workers,
            progress=self.progress,
            stage=stage,
        )
        return {units[key].group: reason for key, reason in reversed(failures.items())}

    def find(self, facts: FitFacts) -> FoldResult | None:
        """Read what a fit has brought; None if it is not there."""
        found = self.ledger.find(self._unit(facts))
        return None if found is None else FoldResult.from_plain(found)

    def notes(self) -> list[str]:
        """Say which result files could not be trusted and were done again."""
        return [
            f"the result file {name} was done again: {reason}"
            for name, reason in sorted(self.ledger.rejected.items())
        ]

    def _unit(self, facts: FitFacts, name: str = "") -> Unit:
        return facts.unit(self.fingerprint, name)


@contextlib.contextmanager
def open_run(
    folder: Path, data: FitData, about: Mapping[str, Any], engine: Engine, progress: Progress
) -> Iterator[Run]:
    """Open a run's folder alone, and have workers for it.

    Parameters
    ----------
    folder : Path
        Made if it is not there; a run about anything else in it is refused.
    data : FitData
        What the fits share.
    about : mapping
        The question, as plain values.
    engine : Engine
        Where the fits are done.
    progress : Progress
        Told of everything.

    Yields
    ------
    Run

    Raises
    ------
    ConfigError
        If the folder holds something else, a run is going on there, or a cluster does not answer.
    """
    check_run_folder(folder)
    fingerprint = data.fingerprint
    facts = {**about, "data": fingerprint, "versions": package_versions()}
    with open_ledger(folder, facts, _TOLD) as ledger, open_workers(engine, data) as workers:
        yield Run(ledger, workers, fingerprint, progress)
