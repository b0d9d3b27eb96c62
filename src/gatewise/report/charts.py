"""Facts -> charts as SVG, by matplotlib: the same facts give the same bytes."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator, PercentFormatter

from gatewise.report.facts import RunFacts, part_mean

__all__ = ["curve_chart", "run_chart"]

Row = dict[str, Any]

_STYLE: Any = {
    "svg.hashsalt": "gatewise",
    "svg.fonttype": "path",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.axisbelow": True,
    "legend.frameon": False,
}
# Told apart by people who see few colours too (Okabe & Ito 2008).
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_FEWEST_FOR_A_LINE = 3
_WIDTH, _HEIGHT, _ROW_HEIGHT = 8.5, 7.0, 0.34  # inches


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
        if one was tried at three values or more, else candidate by candidate.
    """
    with rc_context(_STYLE):
        along = _numeric_setting(facts.rows)
        return _svg(_lines(facts, along) if along else _dots(facts))


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
    names = {"blend": "LSTM and n-grams", "lstm": "LSTM alone", "ngrams": "n-grams alone"}
    with rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, 4.0), layout="constrained")
        axes = figure.subplots()
        x = [point["n_records"] for point in points]
        for (part, name), colour in zip(names.items(), _COLOURS, strict=False):
            found = [point["scores"].get(part, [math.nan]) for point in points]
            errors = [np.std(one, ddof=1) / math.sqrt(len(one)) for one in found if len(one) > 1]
            if len(errors) == len(found):
                means = [float(np.mean(one)) for one in found]
                axes.errorbar(x, means, errors, fmt="o-", color=colour, capsize=4, label=name)
        _number_axis(axes, x, "records learnt from")
        axes.set_ylabel(_score_name(facts))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.legend(fontsize="small")
        return _svg(figure)


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    svg = stream.getvalue()
    return svg[svg.index("<svg") :]


def _numeric_setting(rows: Sequence[Row]) -> str | None:
    """Find the setting to draw along: units, or the first one with enough numbers."""
    for name in sorted(rows[0]["params"], key=lambda name: name != "units"):
        values = {row["params"].get(name) for row in rows}
        if len(values) >= _FEWEST_FOR_A_LINE and all(map(_is_number, values)):
            return str(name)
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _lines(facts: RunFacts, along: str) -> Figure:
    """Draw scores and seconds along one setting, a line for each combination of the others."""
    figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
    scores, alone, seconds = figure.subplots(3, 1, sharex=True, height_ratios=[3, 2, 2])
    groups: dict[str, list[Row]] = {}
    for row in facts.rows:
        others = {name: value for name, value in row["params"].items() if name != along}
        name = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in others.items())
        if row["mean"] is not None:
            groups.setdefault(name, []).append(row)
    for number, (name, rows) in enumerate(groups.items()):
        rows.sort(key=lambda row: row["params"][along])
        colour = _COLOURS[number % len(_COLOURS)]
        x = [row["params"][along] for row in rows]
        style = "-" if len(rows) > 1 else ""
        errors = [row["standard_error"] or 0.0 for row in rows]
        means = [row["mean"] for row in rows]
        scores.errorbar(x, means, errors, fmt=f"o{style}", color=colour, capsize=4, label=name)
        parts = [part_mean(row, "lstm", facts.summary["score"]) for row in rows]
        alone.plot(x, [math.nan if one is None else one for one in parts], "o:", color=colour)
        seconds.plot(x, [row["seconds"] for row in rows], f"o{style}", color=colour)
    _mark_chosen(scores, facts, along)
    values = sorted({row["params"][along] for row in facts.rows})
    _number_axis(seconds, values, along)
    scores.set_ylabel(_score_name(facts))
    alone.set_ylabel("LSTM alone")
    for axes in (scores, alone):
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    scores.legend(fontsize="small")
    seconds.set_ylabel("seconds a fit")
    seconds.set_ylim(0, 1.1 * max(row["seconds"] or 0.0 for row in facts.rows))
    return figure


def _dots(facts: RunFacts) -> Figure:
    """Draw one row per candidate, the best on top."""
    rows = sorted(
        (row for row in facts.rows if row["mean"] is not None), key=lambda row: row["mean"]
    )
    height = 1.4 + _ROW_HEIGHT * len(rows)
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    scores, seconds = figure.subplots(1, 2, sharey=True, width_ratios=[2, 1])
    places = np.arange(len(rows))
    for place, row in zip(places, rows, strict=True):
        colour = _COLOURS[1] if row["chosen"] else _COLOURS[0]
        error = row["standard_error"] or 0.0
        scores.errorbar(row["mean"], place, xerr=error, fmt="o", color=colour, capsize=4)
    seconds.barh(places, [row["seconds"] or 0.0 for row in rows], color="#bbbbbb")
    scores.set_yticks(places, [row["name"] for row in rows])
    scores.set_xlabel(_score_name(facts))
    scores.xaxis.set_major_formatter(PercentFormatter(1.0))
    seconds.set_xlabel("seconds a fit")
    return figure


def _mark_chosen(axes: Axes, facts: RunFacts, along: str) -> None:
    for row in facts.rows:
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
        axes.xaxis.set_minor_locator(NullLocator())
    if len(values) <= 12:
        axes.set_xticks(values)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.set_xlabel(along.replace("_", " "))


def _score_name(facts: RunFacts) -> str:
    name = str(facts.summary["score"]).replace("_", " ").replace("f1", "F1")
    return f"{name}, +- one standard error"
