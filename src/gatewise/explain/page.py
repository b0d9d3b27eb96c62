"""A replay -> one self-contained HTML page."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gatewise import __version__
from gatewise.explain.page_data import page_data
from gatewise.explain.record import KINDS, NGRAM_KINDS, Replay

__all__ = ["replay_page"]

_LONGEST_TEXT = 4000  # characters
_N_NGRAMS = 25
_GATES = {"i": "input", "f": "forget", "o": "output", "c": "|cell|", "h": "|hidden|"}


def replay_page(replay: Replay) -> str:
    """Draw a replay as a page that needs nothing from elsewhere.

    Parameters
    ----------
    replay : Replay
        What was found.

    Returns
    -------
    str
        HTML; Plotly's script is inside, and every text is escaped.
    """
    decision = replay.decision
    data = page_data(replay)
    return (
        _environment()
        .get_template("replay.html")
        .render(
            replay=replay,
            classes=replay.most_likely(len(data["labels"])),
            shown_text=replay.text[:_LONGEST_TEXT],
            cut_text=max(0, len(replay.text) - _LONGEST_TEXT),
            sentence=replay.sentence(),
            remarks=replay.remarks(),
            tokens=_tokens(replay),
            gate_names=list(_GATES.values()),
            sums=[_sum(replay, number) for number in replay.most_likely()],
            ngrams=_ngrams(replay, decision),
            percent=_percent,
            version=__version__,
            data=data,
            style=_part("replay.css"),
            script=_part("replay.js"),
            plotly=_plotly(),
        )
    )


def _tokens(replay: Replay) -> list[dict[str, Any]]:
    shares = replay.credits.steps[:, replay.decision]
    largest = float(np.abs(shares).max(initial=0.0))
    means = {name: replay.mean_sizes(name) for name in _GATES}
    contradicted = set(replay.contradicted)
    found = []
    for step, token in enumerate(replay.tokens):
        without = replay.without.get(step)
        found.append(
            {
                "surface": token.surface or "0",
                "kind": token.kind,
                "title": KINDS[token.kind],
                "credit": f"{shares[step]:+.2f}",
                "style": f"background: {_shade(float(shares[step]), largest)}",
                "without": "" if without is None else _percent(without[replay.decision]),
                "contradicted": step in contradicted,
                "gates": [f"{values[step]:.3f}" for values in means.values()],
            }
        )
    return found


def _sum(replay: Replay, number: int) -> dict[str, str]:
    parts = replay.credits
    return {
        "label": replay.labels[number],
        "tokens": f"{parts.steps[:, number].sum():+.3f}",
        "ngrams": f"{parts.ngrams[:, number].sum():+.3f}",
        "bias": f"{parts.bias[number]:+.3f}",
        "score": f"{parts.scores[number]:+.3f}",
        "probability": _percent(replay.probabilities[number]),
    }


def _ngrams(replay: Replay, number: int) -> list[dict[str, str]]:
    shares = replay.credits.ngrams[:, number]
    order = np.argsort(-np.abs(shares), kind="stable")
    rows = []
    for place in order[:_N_NGRAMS]:
        kind, _, term = replay.credits.terms[place].partition(":")
        shown = term.replace(" ", "␣") if kind == "c" else term
        rows.append({"term": shown, "kind": NGRAM_KINDS[kind], "credit": f"{shares[place]:+.3f}"})
    if len(order) > _N_NGRAMS:
        rest = f"{shares[order[_N_NGRAMS:]].sum():+.3f}"
        rows.append({"term": f"{len(order) - _N_NGRAMS:,} more", "kind": "", "credit": rest})
    return rows


def _shade(credit: float, largest: float) -> str:
    """Mix from near white to blue for a gain and to red for a loss, as the script does."""
    strength = min(1.0, abs(credit) / largest) if largest else 0.0
    goal = (67, 147, 195) if credit >= 0 else (214, 96, 77)
    mixed = (round(245 + (value - 245) * strength * 0.8) for value in goal)
    return f"rgb({', '.join(map(str, mixed))})"


def _percent(value: float) -> str:
    return f"{value:.1%}"


@functools.cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("gatewise.explain"), autoescape=True, undefined=StrictUndefined
    )


@functools.cache
def _part(name: str) -> Markup:
    file = resources.files("gatewise.explain") / "templates" / name
    return Markup(file.read_text("utf-8"))


@functools.cache
def _plotly() -> Markup:
    file = resources.files("plotly") / "package_data" / "plotly.min.js"
    return Markup(file.read_text("utf-8"))
