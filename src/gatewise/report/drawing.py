"""How all charts look, and how a figure becomes SVG: the same figure gives the same bytes."""

from __future__ import annotations

import contextlib
import io
import re
from typing import Any

from matplotlib import style
from matplotlib.figure import Figure

__all__ = ["COLOURS", "drawing", "prefixed", "svg_of"]

# On top of matplotlib's own defaults: what a user has set for other drawings is not asked.
_STYLE: Any = {
    "svg.hashsalt": "gatewise",
    "svg.fonttype": "path",
    "text.parse_math": False,  # a name is drawn as it is, whatever stands in it
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.axisbelow": True,
    "legend.fontsize": "small",
    "legend.frameon": False,
    "legend.labelspacing": 0.8,
}
# Told apart by people who see few colours too (Okabe & Ito 2008).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# Nor is what could change with a release written into the file.
_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
# Where an element is named, or another one is referred to by its name.
_NAMES = re.compile(r'( id="|url\(#|href="#)')


def drawing() -> contextlib.AbstractContextManager[Any]:
    """Let figures that are made inside look like all others."""
    context: contextlib.AbstractContextManager[Any] = style.context(["default", _STYLE])
    return context


def svg_of(figure: Figure) -> str:
    """Write a figure as an SVG element."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata=_METADATA)
    svg = stream.getvalue()
    return svg[svg.index("<svg") :]


def prefixed(svg: str, name: str) -> str:
    """Give the names inside an SVG element a beginning of their own.

    Parameters
    ----------
    svg : str
        By :func:`svg_of`.
    name : str
        Letters, digits and hyphens; another one for each element of a page.

    Returns
    -------
    str
        It can stand on one page with others.
    """
    return _NAMES.sub(rf"\g<1>{name}-", svg)
