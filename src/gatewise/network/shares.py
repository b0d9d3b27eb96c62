"""One process that trains as several would, each with a share of every batch.

It computes the shares one after the other and adds them up in the order in which the processes do,
so it ends with their weights to the last bit: what a cluster has trained can be made again, or
finished, on one machine. A share also takes less memory than its batch.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.base.config import check_whole_number
from gatewise.network.exchange import (
    Numbers,
    Share,
    Totals,
    add_in_order,
    lay_out,
    share_of,
    sparse_rows,
)
from gatewise.network.training import EpochResult, TrainNetwork, train_network

__all__ = ["InShares", "training_in_shares"]


class InShares:
    """The shares of several processes, all computed by this one.

    Parameters
    ----------
    size : int
        How many processes it stands for.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: list[list[Tensor | None]] = []

    def shares(self, n_records: int) -> Sequence[Share]:
        """Say which rows each process would compute."""
        return [share_of(n_records, rank, self.size) for rank in range(self.size)]

    def own(self, batches: Sequence[Numbers]) -> Sequence[Sequence[Numbers]]:
        """Deal the batches out, as the processes would."""
        return [batches[rank :: self.size] for rank in range(self.size)]

    def keep_gradients(self, weights: Sequence[nn.Parameter]) -> None:
        """Take the gradients of one share."""
        self._kept.append([weight.grad for weight in weights])

    def add_gradients(self, weights: Sequence[nn.Parameter]) -> None:
        """Give each weight the sum of what was kept."""
        for weight, parts in zip(weights, zip(*self._kept, strict=True), strict=True):
            found = [part for part in parts if part is not None]
            if found:
                add = (
                    add_in_order if not found[0].is_sparse else functools.partial(_add_rows, weight)
                )
                weight.grad = add(found)
        self._kept = []

    def add(self, values: Totals) -> Totals:
        """Nothing to add: this process has computed it all."""
        return values

    def check_equal(self, network: nn.Module) -> None:
        """Nothing to check: there is one network."""


def training_in_shares(size: int) -> TrainNetwork:
    """Make the training of one process that ends where ``size`` processes would.

    Parameters
    ----------
    size : int
        How many.

    Returns
    -------
    callable
        Takes what :func:`gatewise.network.training.train_network` takes. With as many threads as
        each of the processes has, the weights are theirs to the last bit.

    Raises
    ------
    ConfigError
        If ``size`` is not a whole number from 1 on.
    """
    check_whole_number("workers", size, 1, 10_000)

    def train(*arguments: Any, **settings: Any) -> list[EpochResult]:
        # Anew each time: a run that is stopped in the midst of a batch leaves gradients behind.
        return train_network(*arguments, **settings, exchange=InShares(size))

    return train


def _add_rows(weight: nn.Parameter, parts: Sequence[Tensor]) -> Tensor:
    """Sum sparse gradients of one table: the rows that any of them has."""
    whole = [part.coalesce() for part in parts]
    rows = torch.unique(torch.cat([part.indices()[0] for part in whole]))  # (rows,)
    values = add_in_order([lay_out(part, rows) for part in whole])  # (rows, E)
    return sparse_rows(rows, values, weight)  # (V, E)
