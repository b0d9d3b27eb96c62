"""What a fit said of records that it had not learnt from: kept for thresholds and reports."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FOLDS", "SOURCES", "TRAINING", "VALIDATION", "HeldOut"]

# Where the records come from: held out of the training file, from a file of their own, or each
# from the fold that did not learn from it.
SOURCES = TRAINING, VALIDATION, FOLDS = "training", "validation", "folds"


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Scores of M records that were not learnt from, as far as they are kept.

    Attributes
    ----------
    source : str
        ``TRAINING``, ``VALIDATION`` or ``FOLDS``.
    rows : ndarray of int64, shape (M,)
        Numbers of the records, from 0: of the validation records where there were any, else of the
        training records.
    targets : ndarray of int64, shape (M,)
        Their classes.
    network : ndarray of float32, shape (M, C)
        The network's logarithms of probabilities before any temperature, in nats.
    ngrams : ndarray of float32, shape (M, C), or None
        The companion's margins.
    in_scope : ndarray of float32, shape (M,), or None
        In-scope scores.
    """

    source: str
    rows: NDArray[np.int64]
    targets: NDArray[np.int64]
    network: NDArray[np.float32]
    ngrams: NDArray[np.float32] | None
    in_scope: NDArray[np.float32] | None
