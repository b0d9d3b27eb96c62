"""Who is taken for whom: classes in an order that puts confused ones side by side, and pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

from gatewise.evaluate.metrics import Metrics

__all__ = ["MOST_SHOWN", "Cell", "Grid", "MutualPair", "confused_order", "grid", "mutual_pairs"]

MOST_SHOWN = 40  # classes that one can still read side by side
_MOST_ORDERED = 400  # beyond, finding the very best order takes seconds

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cell:
    """Records of one class that were called one class.

    Attributes
    ----------
    row, column : int
        Place of the true class and of the answer in the grid.
    count : int
        Records, at least 1.
    share : float
        Of all records of the true class.
    """

    row: int
    column: int
    count: int
    share: float


@dataclass(frozen=True)
class Grid:
    """A part of the confusion matrix, as it is drawn.

    Attributes
    ----------
    labels : tuple of str
        The classes in order.
    cells : list of Cell
        Those that are not empty.
    n_classes : int
        How many classes there are in all.
    """

    labels: tuple[str, ...]
    cells: list[Cell]
    n_classes: int


@dataclass(frozen=True, slots=True)
class MutualPair:
    """Two classes that are taken for each other.

    Attributes
    ----------
    first, second : str
        The classes; of the first, more records were called the second than the other way.
    there, back : int
        Records of the first that were called the second, and the other way.
    """

    first: str
    second: str
    there: int
    back: int


def mutual_pairs(metrics: Metrics) -> list[MutualPair]:
    """Join the confused pairs of both directions, the most frequent first."""
    counts = {(pair.true, pair.predicted): pair.count for pair in metrics.confused}
    found = []
    for (first, second), there in counts.items():
        back = counts.get((second, first), 0)
        if (there, second) > (back, first):
            found.append(MutualPair(first, second, there, back))
    return sorted(found, key=lambda pair: (-pair.there - pair.back, pair.first, pair.second))


def grid(metrics: Metrics, most: int = MOST_SHOWN) -> Grid:
    """Choose the classes to draw, and put them in order.

    Parameters
    ----------
    metrics : Metrics
        Of the model's answers.
    most : int
        Classes that are drawn at most: those of the most frequent confusions.

    Returns
    -------
    Grid
    """
    confusion, numbers = metrics.confusion, np.arange(len(metrics.classes))
    if len(numbers) > most:
        numbers = _most_confused(metrics, most)
    part = confusion[np.ix_(numbers, numbers)]
    supports = confusion.sum(axis=1)  # (K,)
    order = confused_order(part, supports[numbers]) if len(numbers) else numbers
    numbers = numbers[order]
    part = confusion[np.ix_(numbers, numbers)]
    cells = [
        Cell(int(row), int(column), int(part[row, column]), _share(part[row, column], support))
        for row, column in np.argwhere(part)
        for support in [supports[numbers[row]]]
    ]
    return Grid(tuple(metrics.classes[number] for number in numbers), cells, len(metrics.classes))


def _share(count: int, support: int) -> float:
    return float(count / support)


def _most_confused(metrics: Metrics, most: int) -> Numbers:
    number_of = {label: number for number, label in enumerate(metrics.classes)}
    chosen: dict[int, None] = {}
    for pair in mutual_pairs(metrics):
        both = {number_of[pair.first]: None, number_of[pair.second]: None}
        if len(chosen | both) > most:
            break
        chosen |= both
    return np.array(sorted(chosen), dtype=np.int64)


def confused_order(confusion: Numbers, supports: Numbers) -> Numbers:
    """Order classes so that those taken for each other become neighbours.

    Parameters
    ----------
    confusion : ndarray of int64, shape (K, K)
        Records by true class and answer.
    supports : ndarray of int64, shape (K,)
        Records of each class.

    Returns
    -------
    ndarray of int64, shape (K,)
        Numbers of the classes.

    References
    ----------
    Hierarchical clustering with the order of leaves that brings neighbours closest: Bar-Joseph,
    Gifford & Jaakkola 2001.
    """
    n_classes = len(confusion)
    if n_classes < 3:
        return np.arange(n_classes)
    both = (confusion + confusion.T).astype(np.float64)  # (K, K)
    sizes = np.maximum(supports[:, None] + supports[None, :], 1)  # (K, K)
    distances = 1.0 - np.minimum(both / sizes, 1.0)  # (K, K)
    np.fill_diagonal(distances, 0.0)
    condensed = squareform(distances, checks=False)
    tree = linkage(condensed, method="average")
    if n_classes <= _MOST_ORDERED:
        tree = optimal_leaf_ordering(tree, condensed)
    return np.asarray(leaves_list(tree), dtype=np.int64)
