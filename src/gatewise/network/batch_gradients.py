"""A batch of records -> the gradients of a network's weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.network.adversarial import moved_vectors
from gatewise.network.draws import part_of_batch
from gatewise.network.model import TextNetwork, TokenBatch, log_probabilities
from gatewise.network.precision import Precision

__all__ = ["BatchGradients"]


@dataclass(frozen=True)
class BatchGradients:
    """What a network is to learn from the records of a batch that this process has.

    Attributes
    ----------
    network : TextNetwork
        In training mode; its weights' gradients are added to.
    batch : TokenBatch
        B texts.
    targets : Tensor of int64, shape (B,)
        Their classes.
    weights : Tensor of shape (B,), or None
        What each text counts.
    n_records : int
        Of the whole batch, of which other processes may have a part; its mean loss is what counts.
    rows : slice
        Which of them these are.
    precision : Precision
        Number format.
    label_smoothing : float
        Share of the target that is spread over all classes.
    """

    network: TextNetwork
    batch: TokenBatch
    targets: Tensor
    weights: Tensor | None
    n_records: int
    rows: slice
    precision: Precision
    label_smoothing: float

    def learn(self) -> tuple[Tensor, Tensor]:
        """Learn from the texts as they are.

        Returns
        -------
        losses : Tensor of shape (B,)
            In nats, times the weights.
        predicted : Tensor of shape (B, C)
            Logarithms of probabilities.
        """
        losses, predicted = self._read(self._vectors())  # (B,), (B, C)
        self._backward(losses, 1.0)
        return losses.detach(), predicted.detach()

    def learn_adversarially(self, share: float) -> tuple[Tensor, Tensor]:
        """Learn, by halves, from the texts as they are and from what is worst around them.

        Parameters
        ----------
        share : float
            See :func:`gatewise.network.adversarial.moved_vectors`.

        Returns
        -------
        losses, predicted
            Of the texts as they are.
        """
        vectors = self._vectors()  # (B, T, E)
        here = vectors.detach().requires_grad_()  # (B, T, E)
        losses, predicted = self._read(here)  # (B,), (B, C)
        self._backward(losses, 0.5)
        assert here.grad is not None
        moved = moved_vectors(here.detach(), here.grad, self.batch.lengths, share)  # (B, T, E)
        moved.requires_grad_()
        self._backward(self._read(moved)[0], 0.5)
        assert moved.grad is not None
        if vectors.requires_grad:
            vectors.backward(here.grad + moved.grad)  # type: ignore[no-untyped-call]
        return losses.detach(), predicted.detach()

    def _vectors(self) -> Tensor:
        with self._forward():
            return self.network.embed(self.batch)  # (B, T, E)

    def _read(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Compute each text's loss and the scores of the classes, (B, T, E) -> (B,), (B, C)."""
        with self._forward():
            logits = self.network.decide(self.network.summarise(vectors, self.batch.lengths))
        wide = torch.promote_types(logits.dtype, torch.float32)
        predicted = log_probabilities(logits.to(wide), self.network.config.output)  # (B, C)
        losses = _smoothed_losses(predicted, self.targets, self.label_smoothing)  # (B,)
        return losses if self.weights is None else losses * self.weights, predicted

    def _backward(self, losses: Tensor, share: float) -> None:
        (losses.sum() * (share / self.n_records)).backward()  # type: ignore[no-untyped-call]

    @contextlib.contextmanager
    def _forward(self) -> Iterator[None]:
        with self.precision.autocast(), part_of_batch(self.n_records, self.rows):
            yield


def _smoothed_losses(predicted: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy against targets of which a share is spread evenly, (B, C), (B,) -> (B,)."""
    of_target = -predicted.gather(1, targets[:, None]).squeeze(1)  # (B,)
    if not smoothing:
        return of_target  # (B,)
    return (1.0 - smoothing) * of_target - smoothing * predicted.mean(dim=1)  # (B,)
