"""Facts of a model -> charts of numbers as SVG, by matplotlib.

What has words of the data in it is drawn by the templates instead: a browser has letters for all
scripts, and matplotlib has those of the fonts that are installed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from gatewise.evaluate.trust import ReliabilityBin, RiskCoverage
from gatewise.report.charts import curve_chart, run_chart
from gatewise.report.drawing import COLOURS, drawing, prefixed, svg_of
from gatewise.report.facts import RunFacts
from gatewise.report.model_facts import ModelFacts

__all__ = ["model_charts"]

_WIDTH, _HEIGHT = 7.2, 2.9  # inches
_GREY = "#888888"
_MOST_POINTS = 600  # of a curve: more cannot be seen
_N_LENGTH_BINS = 30


def model_charts(facts: ModelFacts) -> dict[str, str]:
    """Draw everything that there are numbers for.

    Parameters
    ----------
    facts : ModelFacts
        Of a model.

    Returns
    -------
    dict of str to str
        Name -> SVG element; what there are no numbers for is left out.
    """
    drawn: dict[str, str] = {}

    def draw(name: str, chart: Callable[..., Figure], *arguments: Any) -> None:
        with drawing():
            drawn[name] = prefixed(svg_of(chart(*arguments)), name)

    if facts.quality is not None:
        draw("accuracy", _accuracies, facts.quality.headline["rows"])
        draw("calibration", _reliability, facts.quality.calibration)
        draw("risk", _risk, facts.quality.risk)
    if facts.history:
        draw("learning", _learning, facts.history)
    if len(facts.words["losses"]) > 1:
        draw("word2vec", _losses, facts.words["losses"])
    if facts.data["lengths"]:
        draw("lengths", _lengths, facts.data["lengths"], facts.data["max_length"])
    if facts.costs["seconds"]:
        draw("seconds", _seconds, facts.costs["seconds"])
    for number, (_, run) in enumerate(facts.runs):
        drawn |= _run_charts(number, run)
    return drawn


def _run_charts(number: int, run: RunFacts) -> dict[str, str]:
    charts = {f"run-{number}": prefixed(run_chart(run), f"run-{number}")}
    if run.summary.get("curve"):
        charts[f"curve-{number}"] = prefixed(curve_chart(run), f"curve-{number}")
    return charts


def _figure(height: float = _HEIGHT) -> Figure:
    return Figure(figsize=(_WIDTH, height), layout="constrained")


def _accuracies(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw each accuracy with its interval, the model on top."""
    figure = _figure(0.8 + 0.36 * len(rows))
    axes = figure.subplots()
    for place, row in enumerate(reversed(rows)):
        colour = COLOURS[0] if place == len(rows) - 1 else _GREY
        reach = [[row["accuracy"] - row["low"]], [row["high"] - row["accuracy"]]]
        axes.errorbar(row["accuracy"], place, xerr=reach, fmt="o", color=colour, capsize=4)
    axes.set_yticks(range(len(rows)), [row["name"] for row in reversed(rows)])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlim(0.0, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("right answers, with 95 % interval")
    return figure


def _learning(history: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw loss and accuracy epoch by epoch, of the records learnt from and of those held out."""
    figure = _figure()
    losses, accuracies = figure.subplots(1, 2)
    epochs = [one["epoch"] for one in history]
    for axes, name in ((losses, "loss"), (accuracies, "accuracy")):
        axes.plot(epochs, [one[name] for one in history], "o-", color=COLOURS[0], label="learnt")
        held_out = [one[f"validation_{name}"] for one in history]
        found = [math.nan if value is None else value for value in held_out]
        if not all(map(math.isnan, found)):
            axes.plot(epochs, found, "s--", color=COLOURS[1], label="held out")
        last = next((one["epoch"] for one in history if one["is_last"]), None)
        if last is not None:
            axes.axvline(last - 0.5, color=_GREY, linestyle=":", label="from here on: all records")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
        axes.set_xlim(0.5, epochs[-1] + 0.5)  # one epoch alone would get ticks between epochs
        axes.set_xlabel("epoch")
        axes.set_ylabel(f"{name}, nats" if name == "loss" else name)
    accuracies.yaxis.set_major_formatter(PercentFormatter(1.0))
    # Matplotlib's own margin is a share of the losses' range, which is nothing if they are flat.
    top = losses.dataLim.y1
    losses.set_ylim(0.0, 1.06 * top if math.isfinite(top) and top > 0 else None)
    losses.legend()
    return figure


def _losses(losses: Sequence[float]) -> Figure:
    figure = _figure(2.2)
    axes = figure.subplots()
    axes.plot(range(1, len(losses) + 1), losses, "o-", color=COLOURS[0])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("pass of word2vec over the texts")
    axes.set_ylabel("loss")
    return figure


def _reliability(calibration: Mapping[str, Any]) -> Figure:
    """Draw how often answers of a probability are right, and how many of them there are."""
    figure = _figure(4.0)
    axes = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=[3, 1])
    titles = {"before": "before calibration", "after": "after calibration"}
    for column, (name, title) in enumerate(titles.items()):
        bins: list[ReliabilityBin] = calibration[name]["bins"]
        shares, counts = axes[0, column], axes[1, column]
        shares.plot([0, 1], [0, 1], color=_GREY, linestyle=":")
        x, y = [one.confidence for one in bins], [one.accuracy for one in bins]
        # Rounding may put an interval's end a hair inside its share.
        reach = [
            [max(0.0, one.accuracy - one.accuracy_low) for one in bins],
            [max(0.0, one.accuracy_high - one.accuracy) for one in bins],
        ]
        shares.errorbar(x, y, reach, fmt="o-", color=COLOURS[column], capsize=3)
        shares.set_title(f"{title}: off by {100 * calibration[name]['error']:.1f} points")
        shares.set_xlim(0.0, 1.0)
        shares.set_ylim(0.0, 1.0)
        middles = [(one.low + one.high) / 2 for one in bins]
        widths = [one.high - one.low for one in bins]
        counts.bar(middles, [one.count for one in bins], widths, color="#bbbbbb", edgecolor="white")
        counts.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=3))
        counts.set_xlabel("probability of the answer")
        for one in (shares, counts):
            one.xaxis.set_major_formatter(PercentFormatter(1.0))
        shares.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes[0, 0].set_ylabel("right")
    axes[1, 0].set_ylabel("records")
    return figure


def _risk(risk: Mapping[str, Any]) -> Figure:
    """Draw the errors that are left when the least sure answers are held back."""
    figure = _figure(3.2)
    axes = figure.subplots()
    curves: Mapping[str, RiskCoverage] = risk["curves"]
    for (name, curve), colour in zip(curves.items(), COLOURS, strict=False):
        places = _thinned(len(curve.coverage))
        label = f"held back by {name}"
        axes.plot(curve.coverage[places], curve.risk[places], color=colour, label=label)
    axes.axhline(risk["error"], color=_GREY, linestyle=":", label="held back by lot")
    if risk["wrong"] is not None and (risk["abstain_below"] or risk["outside_below"]):
        axes.plot(
            risk["given"], risk["wrong"], "D", color="black", label="the model's own threshold"
        )
    _percent_axes(axes, "share of the records that is answered", "wrong among these")
    axes.set_xlim(0.0, 1.02)
    axes.set_ylim(bottom=0.0)
    axes.legend()
    return figure


def _percent_axes(axes: Axes, x: str, y: str) -> None:
    for axis, name in ((axes.xaxis, x), (axes.yaxis, y)):
        axis.set_major_formatter(PercentFormatter(1.0))
        axis.set_label_text(name)


def _thinned(n_points: int) -> Any:
    if n_points <= _MOST_POINTS:
        return np.arange(n_points)
    return np.linspace(0, n_points - 1, _MOST_POINTS).round().astype(np.int64)


def _lengths(lengths: Sequence[int], longest: int) -> Figure:
    figure = _figure(2.4)
    axes = figure.subplots()
    most = int(np.quantile(lengths, 0.99))  # the longest hundredth would press all others flat
    width = math.ceil((most + 1) / _N_LENGTH_BINS)
    top = width * math.ceil((most + 1) / width)
    edges = np.arange(0, top + width + 1, width) - 0.5  # all of one width, whole numbers inside
    axes.hist(np.minimum(lengths, top), bins=edges.tolist(), color=COLOURS[0], edgecolor="white")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if longest <= top:
        axes.axvline(longest, color=COLOURS[1], linestyle="--", label="read whole up to here")
        axes.legend()
    axes.set_xlabel("words and signs of a text")
    axes.set_ylabel("texts")
    return figure


def _seconds(seconds: Mapping[str, float]) -> Figure:
    figure = _figure(0.8 + 0.3 * len(seconds))
    axes = figure.subplots()
    names = list(seconds)[::-1]
    axes.barh(range(len(names)), [seconds[name] for name in names], color=COLOURS[0])
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("seconds")
    return figure
