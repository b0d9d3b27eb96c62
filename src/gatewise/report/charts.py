"""Facts -> charts as SVG, by matplotlib: the same facts give the same bytes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator, PercentFormatter

from gatewise.report.drawing import COLOURS, drawing, svg_of
from gatewise.report.facts import RunFacts, part_mean

__all__ = ["curve_chart", "run_chart"]

Row = dict[str, Any]

_OUT = "#999999"  # dropped or failed
_FEWEST_FOR_A_LINE = 3
_WIDTH, _HEIGHT, _ROW_HEIGHT, _LINE_HEIGHT = 8.5, 7.0, 0.34, 0.17  # inches
_NAME_WIDTH = 44  # letters


def run_chart(facts: RunFacts) -> str:
    """Draw what a run has found.

    Parameters
    ----------
    facts : RunFacts
        With at least one candidate.

    Returns
    -------
    str
        SVG: scores with their standard errors, and the seconds of a fit. Along a setting of numbers
        if one was tried at three values or more, each with the same few others; else candidate by
        candidate.
    """
    with drawing():
        along = _numeric_setting(facts.rows)
        return svg_of(_lines(facts, along) if along else _dots(facts))


def curve_chart(facts: RunFacts) -> str:
    """Draw what less data would have brought, part by part, as SVG.

    Parameters
    ----------
    facts : RunFacts
        Of ``compare``, with a learning curve.

    Returns
    -------
    str
    """
    points = facts.summary["curve"]
    repeats = facts.summary.get("repeats", 1)  # records judged again make a mean no surer
    names = {"blend": "LSTM and n-grams", "lstm": "LSTM alone", "ngrams": "n-grams alone"}
    with drawing():
        figure = Figure(figsize=(_WIDTH, 4.0), layout="constrained")
        axes = figure.subplots()
        x = [point["n_records"] for point in points]
        for (part, name), colour in zip(names.items(), COLOURS, strict=False):
            found = [point["scores"].get(part, [math.nan]) for point in points]
            errors = [
                np.std(one, ddof=1) / math.sqrt(max(1.0, len(one) / repeats))
                for one in found
                if len(one) > 1
            ]
            if len(errors) == len(found):
                means = [float(np.mean(one)) for one in found]
                axes.errorbar(x, means, errors, fmt="o-", color=colour, capsize=4, label=name)
        _number_axis(axes, x, "records learnt from")
        axes.set_ylabel(_score_name(facts))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.legend()
        return svg_of(figure)


def _numeric_setting(rows: Sequence[Row]) -> str | None:
    """Find the setting to draw along: units, or the first one with enough numbers."""
    for name in sorted(rows[0]["params"], key=lambda name: name != "units"):
        values = {row["params"].get(name) for row in rows}
        is_long = len(values) >= _FEWEST_FOR_A_LINE and all(map(_is_number, values))
        if is_long and len(_lines_along(rows, name)) <= len(COLOURS):
            return str(name)
    return None


def _lines_along(rows: Sequence[Row], along: str) -> dict[str, list[Row]]:
    """Part the rows that have a score by their other settings, and put each part in order."""
    lines: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["params"][along]):
        others = {name: value for name, value in row["params"].items() if name != along}
        name = ", ".join(f"{key.replace('_', ' ')} {_told(others[key])}" for key in others)
        if row["mean"] is not None:
            lines.setdefault(name, []).append(row)
    return lines


def _told(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _lines(facts: RunFacts, along: str) -> Figure:
    """Draw scores and seconds along one setting, a line for each combination of the others."""
    figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
    scores, alone, seconds = figure.subplots(3, 1, sharex=True, height_ratios=[3, 2, 2])
    lines = _lines_along(facts.rows, along)
    for (name, rows), colour in zip(lines.items(), COLOURS, strict=False):
        x = [row["params"][along] for row in rows]
        errors = [row["standard_error"] or 0.0 for row in rows]
        means = [row["mean"] for row in rows]
        scores.errorbar(x, means, errors, fmt="o-", color=colour, capsize=4, label=name)
        parts = [part_mean(row, "lstm", facts.summary["score"]) for row in rows]
        alone.plot(x, [math.nan if one is None else one for one in parts], "o:", color=colour)
        seconds.plot(x, [row["seconds"] for row in rows], "o-", color=colour)
    _mark(scores, facts, along)
    values = sorted({row["params"][along] for row in facts.rows})
    _number_axis(seconds, values, along)
    scores.set_ylabel(_score_name(facts))
    alone.set_ylabel("LSTM alone")
    for axes in (scores, alone):
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    scores.legend()
    seconds.set_ylabel("seconds a fit")
    seconds.set_ylim(0, 1.1 * max(row["seconds"] or 0.0 for row in facts.rows))
    return figure


def _dots(facts: RunFacts) -> Figure:
    """Draw one row per candidate, the best on top."""
    rows = sorted(
        (row for row in facts.rows if row["mean"] is not None), key=lambda row: row["mean"]
    )
    names = [
        textwrap.fill(row["name"], _NAME_WIDTH, break_on_hyphens=False, replace_whitespace=False)
        for row in rows
    ]
    n_lines = max((name.count("\n") for name in names), default=0) + 1
    height = 1.0 + (_ROW_HEIGHT + _LINE_HEIGHT * (n_lines - 1)) * len(rows)
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    scores, seconds = figure.subplots(1, 2, sharey=True, width_ratios=[2, 1])
    places = np.arange(len(rows))
    for place, row in zip(places, rows, strict=True):
        colour = COLOURS[1] if row["chosen"] else _OUT if row["state"] else COLOURS[0]
        error = row["standard_error"] or 0.0
        scores.errorbar(row["mean"], place, xerr=error, fmt="o", color=colour, capsize=4)
    seconds.barh(places, [row["seconds"] or 0.0 for row in rows], color="#bbbbbb")
    scores.set_yticks(places, names)
    scores.set_ylim(-0.6, len(rows) - 0.4)
    scores.set_xlabel(_score_name(facts))
    scores.xaxis.set_major_formatter(PercentFormatter(1.0))
    seconds.set_xlabel("seconds a fit")
    for axes in (scores, seconds):
        axes.locator_params(axis="x", nbins=4)  # per cent with decimals are wide
    return figure


def _mark(axes: Axes, facts: RunFacts, along: str) -> None:
    for row in facts.rows:
        if row["state"] and row["mean"] is not None:
            axes.plot(row["params"][along], row["mean"], "o", color=_OUT, zorder=3)
        if row["chosen"]:
            axes.plot(
                row["params"][along],
                row["mean"],
                "o",
                markersize=15,
                markerfacecolor="none",
                color="black",
                label=f"chosen: {row['name']}",
            )


def _number_axis(axes: Axes, values: Sequence[float], along: str) -> None:
    if min(values) > 0 and max(values) / min(values) >= 8:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(NullLocator())
    if len(values) <= 12:
        axes.set_xticks(values)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.set_xlabel(along.replace("_", " "))


def _score_name(facts: RunFacts) -> str:
    name = str(facts.summary["score"]).replace("_", " ").replace("f1", "F1")
    return f"{name}, ± one standard error"
