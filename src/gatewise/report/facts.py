"""The files of a run -> what a page says of it, as plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.base.errors import DataError
from gatewise.selection.auditing import AUDIT
from gatewise.selection.ledger import RUN
from gatewise.selection.results import RESULTS, SUMMARY

__all__ = ["RunFacts", "part_mean", "read_run"]

_LARGEST = 256 << 20  # bytes
# What every row, and the summary of each question, must have.
_ROW = {"name", "params", "folds", "mean", "standard_deviation", "standard_error", "seconds"}
_ROW |= {"parameters", "state", "chosen"}
_NUMBERS = ("mean", "standard_deviation", "standard_error", "seconds", "parameters")
_SHARED = {"question", "score", "seed", "fixed", "notes", "n_records", "n_classes", "n_folds"}
_SUMMARY = {
    "tune": _SHARED | {"chosen", "best", "fastest", "reason"},
    "compare": _SHARED | {"conclusion", "pairs", "curve"},
}


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
    _check_question(folder)
    if not (folder / RESULTS).is_file() or not (folder / SUMMARY).is_file():
        raise DataError(
            f"{folder} holds a run that has not ended; type its command again, and it goes on"
        )
    rows, summary = _read(folder / RESULTS), _read(folder / SUMMARY)
    for name, is_good in ((RESULTS, _are_rows(rows)), (SUMMARY, _is_summary(summary))):
        if not is_good:
            raise DataError(
                f"{folder / name} has another form than gatewise writes; type the run's command "
                "again, and it is written anew"
            )
    return RunFacts(rows, summary)


def _check_question(folder: Path) -> None:
    run = _read(folder / RUN)
    about = run.get("about") if isinstance(run, dict) else None
    if isinstance(about, dict) and about.get("question") == "audit":
        raise DataError(
            f"{folder} holds a run of gatewise audit, which has no page; what it found stands in "
            f"{folder / AUDIT}"
        )


def part_mean(row: dict[str, Any], part: str, score: str) -> float | None:
    """Compute the mean score of the LSTM or the n-grams alone; None where there is none."""
    found = [fold["parts"][part][score] for fold in row["folds"] if part in fold["parts"]]
    return sum(found) / len(found) if found else None


def _are_rows(value: Any) -> bool:
    rows = value if isinstance(value, list) else []
    return bool(rows) and all(
        isinstance(row, dict) and row.keys() >= _ROW and _is_row(row) for row in rows
    )


def _is_row(row: dict[str, Any]) -> bool:
    """Say whether what is drawn is of the kind that can be drawn."""
    folds = row["folds"] if isinstance(row["folds"], list) else [None]
    return (
        isinstance(row["name"], str)
        and isinstance(row["params"], dict)
        and all(isinstance(fold, dict) and isinstance(fold.get("parts"), dict) for fold in folds)
        and all(row[name] is None or _is_number(row[name]) for name in _NUMBERS)
        and (row["mean"] is not None or not row["chosen"])
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_summary(value: Any) -> bool:
    return isinstance(value, dict) and any(
        value.get("question") == question and value.keys() >= keys
        for question, keys in _SUMMARY.items()
    )


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
