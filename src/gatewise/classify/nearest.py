"""The training records that a text lies nearest to, in the space of the network's pooled states."""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["N_NEAREST", "RecordIndex"]

N_NEAREST = 5  # records whose similarity counts

_AT_A_TIME = 256  # texts, so that similarities to all records take little memory
_DIGITS = 6  # of a similarity; what follows is rounding noise and must not decide an order
_SMALLEST = 1e-9  # length of a vector that is divided by

Vectors = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class RecordIndex:
    """Training records as points, reduced to the directions in which they differ most.

    Attributes
    ----------
    center : ndarray of float32, shape (P,)
        Mean of the records' pooled states.
    axes : ndarray of float32, shape (P, K)
        The K directions: principal components.
    points : ndarray of float32, shape (R, K)
        The records, each of length 1.
    rows : ndarray of int64, shape (R,)
        Their numbers among the training records, from 0.
    targets : ndarray of int64, shape (R,)
        Their classes.
    texts : tuple of str or None
        Their texts, where these were to be kept.
    """

    center: Vectors
    axes: Vectors
    points: Vectors
    rows: NDArray[np.int64]
    targets: NDArray[np.int64]
    texts: tuple[str, ...] | None = None

    def locate(self, pooled: Vectors) -> Vectors:
        """Reduce pooled states to points of length 1, (N, P) -> (N, K)."""
        points = (pooled - self.center) @ self.axes  # (N, K)
        lengths = np.sqrt((points * points).sum(axis=1, keepdims=True))  # (N, 1)
        located: Vectors = points / np.maximum(lengths, _SMALLEST)
        return located

    def nearest(self, points: Vectors, k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Find the records that lie nearest.

        Parameters
        ----------
        points : ndarray of float32, shape (N, K)
            From :meth:`locate`.
        k : int
            How many, as far as there are so many.

        Returns
        -------
        similarities : ndarray of float64, shape (N, k)
            Cosines to six digits, the largest first, from -1 to 1.
        places : ndarray of int64, shape (N, k)
            Where the records stand in ``points``; of equally near ones, the first.
        """
        k = min(k, len(self.points))
        similarities = np.empty((len(points), k))
        places = np.empty((len(points), k), dtype=np.int64)
        for start in range(0, len(points), _AT_A_TIME):
            part = slice(start, start + _AT_A_TIME)
            cosines = np.round(points[part] @ self._columns, _DIGITS)  # (n, R)
            places[part] = best = _places_of_largest(cosines, k)  # (n, k)
            similarities[part] = np.take_along_axis(cosines, best, axis=1)
        return similarities, places

    def nearness(self, points: Vectors) -> NDArray[np.float64]:
        """Compute the mean similarity to the nearest records, float64, shape (N,)."""
        k = min(N_NEAREST, len(self.points))
        nearness = np.empty(len(points))
        for start in range(0, len(points), _AT_A_TIME):
            part = slice(start, start + _AT_A_TIME)
            cosines = points[part] @ self._columns  # (n, R)
            nearness[part] = _take_largest(cosines, k).mean(axis=1)
        return nearness

    @functools.cached_property
    def _columns(self) -> Vectors:
        """The points side by side, (K, R): products with a few texts take a tenth of the time."""
        return np.ascontiguousarray(self.points.T)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what follows from the rest."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _places_of_largest(values: Vectors, k: int) -> NDArray[np.int64]:
    """Find the k largest values of each row, of equal ones the first, (n, R) -> (n, k).

    Which of equal ones are parted off is up to the processor, and records often stand twice.
    """
    if not k:
        return np.empty((len(values), 0), dtype=np.int64)
    smallest = np.partition(values, -k, axis=1)[:, -k]  # (n,)
    found = np.empty((len(values), k), dtype=np.int64)
    for row, (mine, least) in enumerate(zip(values, smallest, strict=True)):
        places = np.flatnonzero(mine >= least)  # k, or more
        found[row] = places[np.argsort(-mine[places], kind="stable")[:k]]
    return found


def _take_largest(values: Vectors, k: int) -> Vectors:
    """Take the k largest values out of each row, (n, R) -> (n, k); lower ones stand there after.

    A few times the maximum takes a fraction of the time of sorting, or of parting, a row.
    """
    rows = np.arange(len(values))
    largest = np.empty((len(values), k), dtype=values.dtype)
    for rank in range(k):
        places = values.argmax(axis=1)  # (n,)
        largest[:, rank] = values[rows, places]
        values[rows, places] = -np.inf
    return largest
