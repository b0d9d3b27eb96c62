"""What processes that train one network together tell each other.

All of them go through the same batches. Each computes the gradient of its rows; the sum of these is
the gradient of the batch, so all take the same step and keep the same weights. Of an embedding only
the rows that the batch touches are sent.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn

from gatewise.base.errors import ClusterError

__all__ = [
    "ALONE",
    "Exchange",
    "ProcessGroup",
    "Share",
    "add_in_order",
    "gradient_of",
    "lay_out",
    "share_of",
    "sparse_rows",
]

Numbers = NDArray[np.int64]
Totals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a batch that one process computes.

    Attributes
    ----------
    rows : slice
        Of the batch; at least one.
    counts : bool
        False if the batch has fewer records than there are processes and none is left for this
        one: it computes the first record, for nothing, so that its draws stay in step.
    """

    rows: slice
    counts: bool = True


class Exchange(Protocol):
    """The other processes, as training sees them."""

    def shares(self, n_records: int) -> Sequence[Share]:
        """Say which rows of a batch this process computes, one share after the other."""

    def own(self, batches: Sequence[Numbers]) -> Sequence[Sequence[Numbers]]:
        """Choose the batches that this process scores, one list per share."""

    def keep_gradients(self, weights: Sequence[nn.Parameter]) -> None:
        """Take the gradients of one share, before those of the next are computed."""

    def add_gradients(self, weights: Sequence[nn.Parameter]) -> None:
        """Replace each gradient by the sum of all shares'."""

    def add(self, values: Totals) -> Totals:
        """Sum some numbers over all processes."""

    def check_equal(self, network: nn.Module) -> None:
        """Make sure that all have the same weights."""


class _Alone:
    """One process: there is nobody to tell anything."""

    def shares(self, n_records: int) -> Sequence[Share]:
        return [Share(slice(0, n_records))]

    def own(self, batches: Sequence[Numbers]) -> Sequence[Sequence[Numbers]]:
        return [batches]

    def keep_gradients(self, weights: Sequence[nn.Parameter]) -> None:
        pass

    def add_gradients(self, weights: Sequence[nn.Parameter]) -> None:
        pass

    def add(self, values: Totals) -> Totals:
        return values

    def check_equal(self, network: nn.Module) -> None:
        pass


ALONE: Exchange = _Alone()


class ProcessGroup:
    """The processes of torch's default process group, which has to be there already.

    Parameters
    ----------
    device : str
        Where the weights are; NCCL sends only from a GPU.

    Attributes
    ----------
    n_bytes : int
        Handed over by this process so far, to be summed (``n_bytes["summed"]``) or to be copied to
        all others (``n_bytes["copied"]``).
    """

    def __init__(self, device: str = "cpu") -> None:
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()
        self.n_bytes = {"summed": 0, "copied": 0}
        self._device = device

    def shares(self, n_records: int) -> Sequence[Share]:
        """Say which rows of a batch are this process's."""
        return [share_of(n_records, self.rank, self.size)]

    def own(self, batches: Sequence[Numbers]) -> Sequence[Sequence[Numbers]]:
        """Choose every n-th batch."""
        return [batches[self.rank :: self.size]]

    def keep_gradients(self, weights: Sequence[nn.Parameter]) -> None:
        """Nothing: there is one share."""

    def add_gradients(self, weights: Sequence[nn.Parameter]) -> None:
        """Replace each gradient by the sum of all processes'; the same bits in each of them.

        Parameters
        ----------
        weights : sequence of Parameter
            In the same order everywhere. A sparse gradient stays sparse: afterwards it has the
            rows that any of the processes had.
        """
        trained = [weight for weight in weights if weight.grad is not None]
        tables = [weight for weight in trained if gradient_of(weight).is_sparse]
        for table in tables:
            table.grad = gradient_of(table).coalesce()
        touched = self._gather([gradient_of(table).indices()[0] for table in tables])
        laid_out = dict(zip(map(id, tables), touched, strict=True))
        parts = [
            lay_out(gradient_of(weight), laid_out[id(weight)])
            if id(weight) in laid_out
            else gradient_of(weight)
            for weight in trained
        ]
        summed = self._sum(torch.cat([part.reshape(-1) for part in parts]))
        pieces = torch.split(summed, [part.numel() for part in parts])
        for weight, part, piece in zip(trained, parts, pieces, strict=True):
            values = piece.view_as(part)
            rows = laid_out.get(id(weight))
            weight.grad = values if rows is None else sparse_rows(rows, values, weight)

    def add(self, values: Totals) -> Totals:
        """Sum some numbers over all processes."""
        found: Totals = self._sum(torch.from_numpy(values).to(self._device)).cpu().numpy()
        return found

    def check_equal(self, network: nn.Module) -> None:
        """Make sure that all have the same weights.

        Raises
        ------
        ClusterError
            If one has others than the first.
        """
        digest = np.frombuffer(_digest(network), dtype=np.uint8).copy()
        found = self._copy(torch.from_numpy(digest).to(self._device)).cpu()  # (n, 32)
        different = (found != found[0]).any(dim=1).nonzero().flatten().tolist()
        if different:
            raise ClusterError(
                f"worker {different[0]} has computed other weights than worker 0 from the same "
                "gradients, so their processors do not calculate alike; use nodes of one kind, or "
                "set ATEN_CPU_CAPABILITY=avx2 on all of them before Ray is started"
            )

    def _gather(self, rows: Sequence[Tensor]) -> list[Tensor]:
        """Find for each table which rows any process touches, ascending."""
        if not rows:
            return []
        sizes = self._copy(torch.tensor([len(part) for part in rows], device=self._device))
        longest = int(sizes.sum(dim=1).max())
        padded = torch.zeros(longest, dtype=torch.int64, device=self._device)  # (longest,)
        own = torch.cat(list(rows))
        padded[: len(own)] = own
        lists = self._copy(padded)  # (n, longest)
        parts = [
            found[: int(counts.sum())].split(counts.tolist())
            for found, counts in zip(lists, sizes, strict=True)
        ]
        return [torch.unique(torch.cat(of_table)) for of_table in zip(*parts, strict=True)]

    def _sum(self, values: Tensor) -> Tensor:
        """Sum what each process has, (S,) -> (S,), from the first process to the last.

        Rounding depends on the order, and that of ``all_reduce`` on how the processes reach each
        other. Two numbers have one sum.
        """
        self.n_bytes["summed"] += values.nbytes
        if self.size <= 2:
            distributed.all_reduce(values)
            return values  # (S,)
        width = -(-len(values) // self.size)
        padded = values.new_zeros(width * self.size)  # (n * width,)
        padded[: len(values)] = values
        found = torch.empty_like(padded)  # (n * width,)
        distributed.all_to_all_single(found, padded)
        summed = add_in_order(found.view(self.size, width).unbind())  # (width,)
        distributed.all_gather(list(padded.view(self.size, width).unbind()), summed)
        return padded[: len(values)]  # (S,)

    def _copy(self, values: Tensor) -> Tensor:
        """Collect what each process has, (S,) -> (n, S)."""
        self.n_bytes["copied"] += values.nbytes
        found = [torch.empty_like(values) for _ in range(self.size)]
        distributed.all_gather(found, values)
        return torch.stack(found)  # (n, S)


def share_of(n_records: int, rank: int, size: int) -> Share:
    """Cut a batch for ``size`` processes: the shares differ by one record at most."""
    start, stop = (n_records * at // size for at in (rank, rank + 1))
    return Share(slice(start, stop)) if stop > start else Share(slice(0, 1), counts=False)


def add_in_order(parts: Sequence[Tensor]) -> Tensor:
    """Sum tensors of one shape, from the first to the last."""
    return functools.reduce(torch.add, parts)


def gradient_of(weight: nn.Parameter) -> Tensor:
    """Take a gradient that is known to be there."""
    assert weight.grad is not None
    return weight.grad


def lay_out(gradient: Tensor, rows: Tensor) -> Tensor:
    """Put the rows of a sparse gradient where they stand among others: (len(rows), E)."""
    values = gradient.values()  # (own rows, E)
    laid_out = values.new_zeros(len(rows), values.shape[1])  # (len(rows), E)
    laid_out[torch.searchsorted(rows, gradient.indices()[0])] = values
    return laid_out  # (len(rows), E)


def sparse_rows(rows: Tensor, values: Tensor, weight: Tensor) -> Tensor:
    """Make the sparse gradient of a table out of some rows of it."""
    return torch.sparse_coo_tensor(
        rows[None], values, weight.shape, is_coalesced=True, check_invariants=False
    )  # (V, E)


def _digest(network: nn.Module) -> bytes:
    digest = hashlib.sha256()
    for name, weight in network.state_dict().items():
        digest.update(name.encode() + weight.detach().cpu().contiguous().numpy().tobytes())
    return digest.digest()
