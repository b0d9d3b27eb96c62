"""The training records nearest to a text, as evidence for an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatewise.base.config import check_whole_number
from gatewise.base.errors import ConfigError
from gatewise.classify.nearest import RecordIndex

if TYPE_CHECKING:
    from gatewise.classify.classifier import TextClassifier

__all__ = ["NearRecord", "check_nearest", "near_records", "nearest_records"]


@dataclass(frozen=True, slots=True)
class NearRecord:
    """A training record that lies near a text.

    Attributes
    ----------
    row : int
        Its number among the training records, from 0.
    label : str
        Its class.
    similarity : float
        Cosine of the two texts' pooled states, reduced; -1 to 1.
    text : str or None
        Its text, if the model keeps it.
    """

    row: int
    label: str
    similarity: float
    text: str | None

    @property
    def told(self) -> str:
        """Its text, or else which record it is."""
        return f"record {self.row + 1}" if self.text is None else self.text


def nearest_records(
    classifier: TextClassifier, texts: Sequence[str], k: int = 5
) -> list[tuple[NearRecord, ...]]:
    """Find the training records nearest to each text, by what the network makes of them.

    Parameters
    ----------
    classifier : TextClassifier
        A fitted one.
    texts : sequence of str
        N texts.
    k : int
        How many records for each.

    Returns
    -------
    list of tuple of NearRecord
        One tuple for each text, the nearest record first.

    Raises
    ------
    ConfigError
        If the model has no index of so many records.
    """
    model = classifier.model_
    check_nearest(model.index, k)
    points = classifier.read(texts).points
    return near_records(model.index, points, model.labels, k)


def check_nearest(index: RecordIndex | None, k: int) -> None:
    """Check that there are as many records as are asked for.

    Raises
    ------
    ConfigError
        If not.
    """
    check_whole_number("nearest", k, 0, 1_000_000)
    if k and index is None:
        raise ConfigError(
            "the model has no index of its training records, because its pooled states are too "
            "long for one; leave out nearest, or train with pooling max, mean or last"
        )
    if index is not None:
        check_whole_number("nearest", k, 0, len(index.points))


def near_records(
    index: RecordIndex | None, points: NDArray[np.float32] | None, labels: Sequence[str], k: int
) -> list[tuple[NearRecord, ...]]:
    """Find the records nearest to N points; an empty list if there is nothing to look for."""
    if index is None or points is None or not k:
        return []
    similarities, places = index.nearest(points, k)
    return [
        tuple(
            NearRecord(
                row=int(index.rows[place]),
                label=labels[index.targets[place]],
                similarity=float(similarity),
                text=None if index.texts is None else index.texts[place],
            )
            for similarity, place in zip(*one, strict=True)
        )
        for one in zip(similarities, places, strict=True)
    ]
