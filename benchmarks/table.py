"""Runs -> the table at the end, in Markdown, and the line of each run."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["results_table", "run_line"]

_PARTS = {"lstm": "LSTM alone", "ngrams": "n-grams alone", "blend": "blend"}
_HEADER = (
    *("set", "method", "runs", "accuracy %", "standard deviation", "macro F1 %"),
    *("seconds", "peak memory MB"),
)
_N_LEFT_COLUMNS = 2

Run = Mapping[str, Any]


def run_line(run: Run) -> str:
    """Tell one run's numbers in one line."""
    scores = run["scores"]
    whole = scores.get("blend") or scores["model"]
    parts = ", ".join(
        f"{_PARTS[part]} {100 * scores[part]['accuracy']:.2f}"
        for part in ("lstm", "ngrams")
        if part in scores
    )
    told = (
        f"accuracy {100 * whole['accuracy']:.2f} %{f' ({parts})' if parts else ''}, "
        f"macro F1 {100 * whole['macro_f1']:.2f} %, {run['seconds']:.1f} s, "
        f"{run['peak_memory_mb']:,.0f} MB"
    )
    return "; ".join([told, *run["warnings"]])


def results_table(
    groups: Mapping[tuple[str, str], Sequence[Run]], remarks: Mapping[tuple[str, str], str]
) -> str:
    """Make the table.

    Parameters
    ----------
    groups : mapping of (set, method) to runs
        What was measured, in the order of the rows.
    remarks : mapping of (set, method) to str
        What stands where nothing was measured, for example ``"skipped"``.

    Returns
    -------
    str
        A Markdown table: means over the runs, the standard deviation of the accuracy (with one
        run there is none), and the largest peak memory.
    """
    rows = [row for group, runs in groups.items() for row in _rows(group, runs, remarks)]
    widths = [max(map(len, column)) for column in zip(_HEADER, *rows, strict=True)]
    rule = ["-" * width for width in widths]
    rule[_N_LEFT_COLUMNS:] = [f"{dashes[:-1]}:" for dashes in rule[_N_LEFT_COLUMNS:]]
    return "\n".join(_line(cells, widths) for cells in (_HEADER, rule, *rows))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.ljust(width) if column < _N_LEFT_COLUMNS else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def _rows(
    group: tuple[str, str], runs: Sequence[Run], remarks: Mapping[tuple[str, str], str]
) -> list[tuple[str, ...]]:
    data_set, method = group
    if not runs:
        return [(data_set, method, "0", remarks.get(group, "not run"), *["-"] * 4)]
    return [
        (data_set, f"{method}, {_PARTS[part]}" if part in _PARTS else method, *_cells(runs, part))
        for part in (*_PARTS, "model")
        if all(part in run["scores"] for run in runs)
    ]


def _cells(runs: Sequence[Run], part: str) -> tuple[str, ...]:
    accuracies = [100 * run["scores"][part]["accuracy"] for run in runs]
    macro_f1 = statistics.fmean(100 * run["scores"][part]["macro_f1"] for run in runs)
    return (
        str(len(runs)),
        f"{statistics.fmean(accuracies):.2f}",
        f"{statistics.stdev(accuracies):.2f}" if len(runs) > 1 else "-",
        f"{macro_f1:.2f}",
        f"{statistics.fmean(run['seconds'] for run in runs):.1f}",
        f"{max(run['peak_memory_mb'] for run in runs):,.0f}",
    )
