"""The files of a run -> what a page says of it, as plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.base.errors import DataError
from gatewise.selection.ledger import RUN
from gatewise.selection.results import RESULTS, SUMMARY

__all__ = ["RunFacts", "part_mean", "read_run"]

_LARGEST = 256 << 20  # bytes
_ROW = ("name", "params", "folds", "mean", "standard_error", "seconds", "parameters", "state")


@dataclass(frozen=True)
class RunFacts:
    """What a run has found.

    Attributes
    ----------
    rows : list of dict
        One per candidate, as in ``results.json``.
    summary : dict
        As in ``summary.json``.
    """

    rows: list[dict[str, Any]]
    summary: dict[str, Any]

    @property
    def question(self) -> str:
        """``"tune"`` or ``"compare"``."""
        return str(self.summary["question"])

    @property
    def whole(self) -> list[dict[str, Any]]:
        """The candidates that were judged on all folds."""
        return [row for row in self.rows if not row["state"]]


def read_run(folder: Path) -> RunFacts:
    """Read what a run has found.

    Parameters
    ----------
    folder : Path
        Of ``gatewise tune`` or ``gatewise compare``.

    Returns
    -------
    RunFacts

    Raises
    ------
    DataError
        If it is no run, or one that has not ended.
    """
    if not (folder / RUN).is_file():
        raise DataError(
            f"{folder} is not the folder of a run; give the --out of gatewise tune or compare"
        )
    if not (folder / RESULTS).is_file() or not (folder / SUMMARY).is_file():
        raise DataError(
            f"{folder} holds a run that has not ended; type its command again, and it goes on"
        )
    rows, summary = _read(folder / RESULTS), _read(folder / SUMMARY)
    is_run = isinstance(rows, list) and isinstance(summary, dict) and "question" in summary
    if not is_run or not all(isinstance(row, dict) and row.keys() >= set(_ROW) for row in rows):
        raise DataError(
            f"{folder / RESULTS} has another form than gatewise writes; type the run's command "
            "again, and it is written anew"
        )
    return RunFacts(rows, summary)


def part_mean(row: dict[str, Any], part: str, score: str) -> float | None:
    """Compute the mean score of the LSTM or the n-grams alone; None where there is none."""
    found = [fold["parts"][part][score] for fold in row["folds"] if part in fold["parts"]]
    return sum(found) / len(found) if found else None


def _read(path: Path) -> Any:
    if path.stat().st_size > _LARGEST:
        raise DataError(f"{path} is larger than any that gatewise writes")
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path} cannot be read as JSON ({error}); type the run's command again, and it is "
            "written anew"
        ) from error
