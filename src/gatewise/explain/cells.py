"""Words of any script -> cells of a table in a terminal, and words in a sentence."""

from __future__ import annotations

import unicodedata

__all__ = ["WIDEST", "padded", "quoted"]

WIDEST = 24  # places of a cell
_LONGEST = 60  # letters of a word in a sentence


def padded(text: str) -> str:
    """Fill up to the width of the column, or shorten to it; some characters take two places."""
    widths = [_width(letter) for letter in text]
    if sum(widths) <= WIDEST:
        return text + " " * (WIDEST - sum(widths))
    kept = total = 0
    while total + widths[kept] < WIDEST:  # one place is for the sign of the cut
        total += widths[kept]
        kept += 1
    return text[:kept] + "…" + " " * (WIDEST - total - 1)


def quoted(word: str) -> str:
    """Write a word in quotes, and of one without an end, as base64 is, the beginning."""
    return repr(word if len(word) <= _LONGEST else word[: _LONGEST - 1] + "…")


def _width(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
