"""Facts with words of the data in them -> where each part of a picture stands; templates draw it.

Letters are left to the browser, which has them for all scripts. Lengths are in pixels.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from gatewise.report.confusion import Grid
from gatewise.report.words import MapWord

__all__ = ["grid_picture", "heat_picture", "map_picture", "shortened", "text_width"]

_LETTER, _WIDE_LETTER, _FONT = 6.4, 12.0, 11  # of a text of this size
_LONGEST = 26  # letters of a label beside a picture
_CELL, _LARGE_CELL, _FEW = 16, 34, 12
_MAP_WIDTH, _MAP_HEIGHT, _MARGIN = 760, 480, 8
_STEP_WIDTH, _STEP_HEIGHT, _GAP = 22, 15, 10


def text_width(text: str) -> float:
    """Estimate how wide a text of the pictures' size is."""
    return sum(
        _WIDE_LETTER if unicodedata.east_asian_width(letter) in "WF" else _LETTER
        for letter in text
        if not unicodedata.combining(letter)
    )


def shortened(text: str, most: float = _LONGEST * _LETTER) -> str:
    """Cut a text to a width."""
    if text_width(text) <= most:
        return text
    kept = ""
    for letter in text:
        if text_width(kept + letter) > most - _LETTER:
            break
        kept += letter
    return kept.rstrip() + "…"


def grid_picture(grid: Grid) -> dict[str, Any]:
    """Lay out a confusion matrix, true classes down and answers across.

    Parameters
    ----------
    grid : Grid
        With at least one class.

    Returns
    -------
    dict
        ``width``, ``height``, ``left``, ``top``, ``side`` of a cell; ``labels`` and ``cells``.
    """
    n_classes = len(grid.labels)
    side = _LARGE_CELL if n_classes <= _FEW else _CELL
    names = [shortened(label) for label in grid.labels]
    left = top = round(max(map(text_width, names)) + 14)
    cells = [
        {
            "x": left + cell.column * side,
            "y": top + cell.row * side,
            "strength": f"{0.15 + 0.85 * cell.share:.3f}",
            "is_right": cell.row == cell.column,
            "is_strong": cell.share > 0.5,
            "count": cell.count,
            "told": f"{grid.labels[cell.row]} → {grid.labels[cell.column]}: {cell.count:,} "
            f"({cell.share:.1%})",
        }
        for cell in grid.cells
    ]
    return {
        "width": left + n_classes * side + 2,
        "height": top + n_classes * side + 2,
        "left": left,
        "top": top,
        "side": side,
        "size": n_classes * side,
        "labels": [
            {"name": name, "label": label, "place": place * side + side / 2}
            for place, (name, label) in enumerate(zip(names, grid.labels, strict=True))
        ],
        "cells": cells,
    }


def map_picture(words: Sequence[MapWord]) -> dict[str, Any]:
    """Lay out the words of a map; where they would cover others, the rarer ones are dots.

    Parameters
    ----------
    words : sequence of MapWord
        The commonest first.

    Returns
    -------
    dict
        ``width``, ``height``; ``words``: with place, colour, and whether the word is written.
    """
    taken: list[tuple[float, float, float]] = []
    found = []
    for one in words:
        name = shortened(one.word)
        half = text_width(name) / 2
        x = _MARGIN + half + one.x * (_MAP_WIDTH - 2 * (_MARGIN + half))
        y = _MARGIN + _FONT + (1.0 - one.y) * (_MAP_HEIGHT - 2 * _MARGIN - _FONT)
        is_written = all(
            abs(x - other_x) > half + other_half + 3 or abs(y - other_y) > _FONT + 1
            for other_x, other_y, other_half in taken
        )
        if is_written:
            taken.append((x, y, half))
        found.append(
            {
                "x": f"{x:.1f}",
                "y": f"{y:.1f}",
                "name": name,
                "colour": one.colour,
                "is_written": is_written,
                "told": f"{one.word}: {one.label} ({one.probability:.0%})",
            }
        )
    return {"width": _MAP_WIDTH, "height": _MAP_HEIGHT, "words": found}


def heat_picture(replayed: dict[str, Any]) -> dict[str, Any]:
    """Lay out a replayed record: steps across; credit, gates and units down.

    Parameters
    ----------
    replayed : dict
        As :func:`gatewise.report.replayed.replay_facts` gives it.

    Returns
    -------
    dict
        ``width``, ``height``, ``left``, ``top``, ``tokens``, and ``rows`` of cells.
    """
    rows = list(_heat_rows(replayed))
    left = round(max(text_width(row["name"]) for row in rows) + 14)
    tokens = [shortened(token, 110) for token in replayed["tokens"]]
    top = round(max(map(text_width, tokens)) + 12)
    y = float(top)
    for row in rows:
        y += row.pop("gap")
        row["y"] = y
        y += _STEP_HEIGHT
        row["cells"] = [
            {
                "x": left + step * _STEP_WIDTH,
                "strength": f"{abs(strength):.3f}",
                "is_less": strength < 0,
                "told": f"{row['name']}, {replayed['tokens'][step]}: {value:+.3f}",
            }
            for step, (strength, value) in enumerate(
                zip(row.pop("strengths"), row.pop("values"), strict=True)
            )
        ]
    return {
        "width": left + len(tokens) * _STEP_WIDTH + 2,
        "height": round(y + 2),
        "left": left,
        "top": top,
        "step_width": _STEP_WIDTH,
        "step_height": _STEP_HEIGHT,
        "tokens": [
            {"name": name, "x": left + step * _STEP_WIDTH + _STEP_WIDTH / 2}
            for step, name in enumerate(tokens)
        ],
        "rows": rows,
    }


def _heat_rows(replayed: dict[str, Any]) -> Iterator[dict[str, Any]]:
    groups = (replayed["credits"], replayed["gates"], replayed["states"])
    for group in groups:
        for place, row in enumerate(group):
            strengths = row.get("strengths", row["values"])
            yield {
                "name": row["name"],
                "values": row["values"],
                "strengths": strengths,
                "gap": _GAP if place == 0 else 0,
            }
