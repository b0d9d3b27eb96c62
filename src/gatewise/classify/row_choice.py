"""Which records a fit holds out, and which of very many it compares and counts as words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatewise.base.seeding import numpy_generator
from gatewise.classify.plan import choose_companion_records, choose_held_out
from gatewise.classify.records import draw_records, split_records
from gatewise.classify.request import FitRequest, LabelledTexts

__all__ = ["UNMEASURED", "draw_rows", "hold_out_rows"]

UNMEASURED = "so nothing was measured while training"  # in the note on a fit that held out none

Numbers = NDArray[np.int64]

# Fewer held-out records say nothing about temperatures, weights or when to stop.
_MIN_HELD_OUT = 30


def hold_out_rows(data: LabelledTexts, request: FitRequest) -> tuple[Numbers, Numbers, str | None]:
    """Choose the rows to train on and those to hold out, none of them of weight zero.

    Parameters
    ----------
    data : LabelledTexts
        The N training records.
    request : FitRequest
        Says how many, or has records for it, which stand behind the training records.

    Returns
    -------
    kept, held_out : ndarray of int64
        The rows.
    note : str or None
        What the user should know.
    """
    rows = data.rows
    n_records = len(rows)
    if request.validation is not None:
        held_out = len(data.texts) + np.arange(len(request.validation.texts))
        return rows, held_out, None
    fraction = request.validation_fraction
    if fraction is None:
        fraction = choose_held_out(n_records)
    kept, held_out = split_records(
        data.targets[rows], fraction, numpy_generator(request.seed, "held out")
    )
    if len(held_out) >= _MIN_HELD_OUT:
        return rows[kept], rows[held_out], None
    why = "too few records to hold some out" if fraction else "no records are held out"
    half = " and the blend is half and half" if request.recipe.companion else ""
    note = f"{why} ({len(held_out)} of {n_records}), {UNMEASURED}, every text is answered{half}"
    return rows, held_out[:0], note


def draw_rows(
    data: LabelledTexts, n_tokens: int, request: FitRequest
) -> tuple[Numbers, str | None]:
    """Draw the training records that are learnt from by n-grams and compared word by word.

    Parameters
    ----------
    data, request
        As for :func:`hold_out_rows`.
    n_tokens : int
        Of all these records together.

    Returns
    -------
    rows : ndarray of int64
        Ascending; all of them, if they are not very many.
    note : str or None
        What the user should know.
    """
    rows = data.rows
    n_wanted = choose_companion_records(len(rows), n_tokens)
    drawn = draw_records(
        data.targets[rows], n_wanted, numpy_generator(request.seed, "companion records")
    )
    if len(drawn) == len(rows) or not request.recipe.companion:
        return rows[drawn], None
    return rows[drawn], f"the n-gram companion learns from {len(drawn):,} of {len(rows):,} texts"
