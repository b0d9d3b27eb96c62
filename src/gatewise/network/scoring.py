"""Records -> logarithms of class probabilities, and what is kept of the pooled states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from gatewise.network.model import TextNetwork, TokenBatch, log_probabilities
from gatewise.network.precision import Precision

__all__ = ["BATCH_SIZE", "Records", "read_records", "score_records"]

Numbers = NDArray[np.int64]
Scores = NDArray[np.float64]
Pooled = NDArray[np.float32]

BATCH_SIZE = 128


class Records(Protocol):
    """What training and scoring need to know of their records."""

    @property
    def targets(self) -> Numbers:
        """Class number of each record, shape (N,)."""

    @property
    def weights(self) -> NDArray[np.float32] | None:
        """Weight of each record, shape (N,), or None where all count the same."""

    def shuffled(self, batch_size: int, generator: np.random.Generator) -> Sequence[Numbers]:
        """Group all records into the batches of one epoch."""

    def ordered(self, batch_size: int) -> Sequence[Numbers]:
        """Group all records into batches, always the same ones."""

    def batch(self, numbers: Numbers) -> TokenBatch:
        """Make one batch."""


def score_records(
    network: TextNetwork,
    records: Records,
    *,
    precision: Precision | None = None,
    batches: Sequence[Numbers] | None = None,
) -> Scores:
    """Compute the logarithms of the class probabilities of all records.

    Parameters
    ----------
    network : TextNetwork
        A trained network; dropout is off.
    records : Records
        N records.
    precision : Precision, optional
        As for :func:`train_network`.
    batches : sequence of ndarray of int64, optional
        The records to score, by batches; default: all. The scores of the others are zeros.

    Returns
    -------
    ndarray of float64, shape (N, C)
        In nats, in the order of the records.
    """
    return read_records(
        network, records, lambda pooled: pooled[:, :0], precision=precision, batches=batches
    )[0]


@torch.no_grad()
def read_records(
    network: TextNetwork,
    records: Records,
    reduce: Callable[[Pooled], Pooled],
    *,
    precision: Precision | None = None,
    batch_size: int = BATCH_SIZE,
    batches: Sequence[Numbers] | None = None,
) -> tuple[Scores, Pooled]:
    """Score all records, and keep something of their pooled states.

    Parameters
    ----------
    network : TextNetwork
        A trained network; dropout is off.
    records : Records
        N records.
    reduce : callable
        Pooled states of a batch, (B, P), -> what is to be kept of them, (B, K).
    precision : Precision, optional
        As for :func:`train_network`.
    batch_size : int
        Records at a time.
    batches : sequence of ndarray of int64, optional
        As for :func:`score_records`.

    Returns
    -------
    scores : ndarray of float64, shape (N, C)
        As of :func:`score_records`.
    kept : ndarray of float32, shape (N, K)
        In the order of the records.
    """
    precision = precision or Precision()
    network.eval()
    n_records = len(records.targets)
    scores = np.zeros((n_records, network.config.n_classes))
    kept = np.zeros((n_records, 0), dtype=np.float32)
    for numbers in records.ordered(batch_size) if batches is None else batches:
        with precision.autocast():
            pooled = network.encode(records.batch(numbers))  # (B, P)
            logits = network.decide(pooled)  # (B, C)
        found = log_probabilities(logits.float(), network.config.output)  # (B, C)
        scores[numbers] = found.cpu().numpy()
        part = reduce(pooled.float().cpu().numpy())  # (B, K)
        if not kept.size:
            kept = np.zeros((n_records, part.shape[1]), dtype=np.float32)
        kept[numbers] = part
    return scores, kept
