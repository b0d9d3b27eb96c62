"""Encoded texts with their targets, in the form the training asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray

from gatewise.network.model import TokenBatch
from gatewise.text.batches import Batch, collate, ordered_batches, shuffled_batches
from gatewise.text.vocabulary import EncodedTexts

__all__ = ["EncodedRecords", "draw_records", "split_records"]

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class EncodedRecords:
    """Some of the encoded texts, with targets; see :class:`gatewise.network.training.Records`.

    Attributes
    ----------
    encoded : EncodedTexts
        All texts.
    rows : ndarray of int64, shape (N,)
        Which of the texts are meant.
    targets : ndarray of int64, shape (N,)
        Class number of each of them.
    weights : ndarray of float32, shape (N,), or None
        Weight of each of them.
    max_length : int
        Longer texts are cut.
    fixed_length : bool
        Fill every text with zeros in front.
    device : str
        Where the batches go.
    """

    encoded: EncodedTexts
    rows: Numbers
    targets: Numbers
    weights: NDArray[np.float32] | None
    max_length: int
    fixed_length: bool
    device: str = "cpu"

    def shuffled(self, batch_size: int, generator: np.random.Generator) -> Sequence[Numbers]:
        """Group all records into batches of about one length, in a new random order."""
        return shuffled_batches(self._lengths, batch_size, generator)

    def ordered(self, batch_size: int) -> Sequence[Numbers]:
        """Group all records into batches from the shortest to the longest."""
        return list(ordered_batches(self._lengths, batch_size))

    def batch(self, numbers: Numbers) -> TokenBatch:
        """Put some records into one batch on the device."""
        batch = collate(
            self.encoded,
            self.rows[numbers],
            max_length=self.max_length,
            fixed_length=self.fixed_length,
        )
        arrays = {field.name: getattr(batch, field.name) for field in fields(Batch)}
        return TokenBatch(
            **{name: torch.from_numpy(array).to(self.device) for name, array in arrays.items()}
        )

    @property
    def _lengths(self) -> Numbers:
        return np.minimum(self.encoded.lengths[self.rows], self.max_length)


def draw_records(
    targets: Numbers, n_wanted: int, generator: np.random.Generator, *, at_least: int = 20
) -> Numbers:
    """Draw some records by lot, of every class its share.

    Parameters
    ----------
    targets : ndarray of int64, shape (N,)
        Class number of each record.
    n_wanted : int
        How many, about; all if there are no more.
    generator : numpy.random.Generator
        Draws them.
    at_least : int
        Of each class so many, as far as it has them, though its share be smaller.

    Returns
    -------
    ndarray of int64
        The numbers of the records, ascending.
    """
    if n_wanted >= len(targets):
        return np.arange(len(targets))
    order = generator.permutation(len(targets))
    order = order[np.argsort(targets[order], kind="stable")]
    counts = np.bincount(targets)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    shares = np.maximum(np.ceil(counts * (n_wanted / len(targets))), at_least)
    return np.sort(order[np.arange(len(order)) - starts < np.repeat(shares, counts)])


def split_records(
    targets: Numbers, fraction: float, generator: np.random.Generator
) -> tuple[Numbers, Numbers]:
    """Hold some records of each class out.

    Parameters
    ----------
    targets : ndarray of int64, shape (N,)
        Class number of each record.
    fraction : float
        Share to hold out, of every class; fractions of a record are settled by lot.
    generator : numpy.random.Generator
        Draws them.

    Returns
    -------
    tuple of two ndarrays of int64
        The numbers of the records kept and of those held out, ascending. At least one record
        of each class is kept, so a class of one record is never held out.
    """
    held_out: list[Numbers] = []
    for target in np.unique(targets):
        members = generator.permutation(np.flatnonzero(targets == target))
        n_wanted = int(np.floor(fraction * len(members) + generator.random()))
        held_out.append(members[: min(n_wanted, len(members) - 1)])
    out = np.sort(np.concatenate(held_out))
    return np.setdiff1d(np.arange(len(targets)), out), out
