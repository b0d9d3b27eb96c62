"""Adam for everything: dense weights every step, embedding rows only when a batch touches them.

Rows of an embedding that a batch does not use have no gradient. Their moments and their values
stay as they are (torch's SparseAdam: "lazy" Adam), so a step costs the same however large the
vocabulary is. Dense weights follow AdamW (Loshchilov & Hutter 2019).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, SparseAdam

from gatewise.network.exchange import ALONE, Exchange
from gatewise.network.model import TextNetwork

__all__ = ["NetworkOptimiser", "learning_rate_factor"]

_BETA1 = 0.9


class NetworkOptimiser:
    """One optimiser over the network's three kinds of weights.

    Parameters
    ----------
    network : TextNetwork
        Its weights are updated.
    learning_rate : float
        Of the dense weights and the character n-gram vectors, at the top of the schedule.
    word_rate : float
        The word vectors' rate as a share of it.
    weight_decay : float
        Of the dense weights.
    gradient_clip : float
        Largest norm of all gradients together; 0 for no limit.
    beta2, epsilon : float
        Of Adam (Kingma & Ba 2015).
    exchange : Exchange
        With the processes that train the same network.
    """

    def __init__(
        self,
        network: TextNetwork,
        *,
        learning_rate: float,
        word_rate: float,
        weight_decay: float,
        gradient_clip: float,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        exchange: Exchange = ALONE,
    ) -> None:
        tables = _trained_tables(network, learning_rate, word_rate)
        in_tables = {id(group["params"][0]) for group in tables}
        dense = [
            weight
            for weight in network.parameters()
            if weight.requires_grad and id(weight) not in in_tables
        ]
        common: dict[str, Any] = {"lr": learning_rate, "betas": (_BETA1, beta2), "eps": epsilon}
        self._gradient_clip, self._exchange = gradient_clip, exchange
        self._weights: list[nn.Parameter] = [*dense, *(group["params"][0] for group in tables)]
        self._optimisers: list[torch.optim.Optimizer] = [
            AdamW(dense, weight_decay=weight_decay, foreach=True, **common)
        ]
        if tables:
            self._optimisers.append(SparseAdam(tables, **common))
        for group in self._groups():
            group["top_rate"] = group["lr"]

    def step(self, loss: Tensor, factor: float) -> None:
        """Update all weights against a loss, at ``factor`` times the learning rates."""
        for optimiser in self._optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._exchange.add_gradients(self._weights)
        if self._gradient_clip:
            _clip(self._weights, self._gradient_clip)
        for group in self._groups():
            group["lr"] = group["top_rate"] * factor
        for optimiser in self._optimisers:
            optimiser.step()

    def state(self) -> dict[str, Tensor]:
        """Collect all moments under flat names, for a checkpoint."""
        return {
            f"{number}.{weight}.{name}": torch.as_tensor(value)
            for number, optimiser in enumerate(self._optimisers)
            for weight, values in optimiser.state_dict()["state"].items()
            for name, value in values.items()
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take back what :meth:`state` gave."""
        for number, optimiser in enumerate(self._optimisers):
            whole = optimiser.state_dict()
            whole["state"] = {}
            for key, value in state.items():
                of_optimiser, weight, name = key.split(".")
                if int(of_optimiser) == number:
                    # SparseAdam counts its steps in a plain number.
                    kept = int(value) if number and name == "step" else value
                    whole["state"].setdefault(int(weight), {})[name] = kept
            optimiser.load_state_dict(whole)

    def _groups(self) -> Iterable[dict[str, Any]]:
        for optimiser in self._optimisers:
            yield from optimiser.param_groups


def learning_rate_factor(step: int, n_steps: int, warmup: float) -> float:
    """Schedule of the learning rate: a straight rise, then half a cosine down to zero.

    Parameters
    ----------
    step, n_steps : int
        The step about to be taken, from 0, and how many there are.
    warmup : float
        Share of the steps in which the rate rises. With 0 the rate is constant, as Keras has it.

    Returns
    -------
    float
        From 0 to 1.
    """
    if not warmup:
        return 1.0
    n_rising = max(1, round(n_steps * warmup))
    if step < n_rising:
        return (step + 1) / n_rising
    return 0.5 * (1.0 + math.cos(math.pi * (step - n_rising) / max(1, n_steps - n_rising)))


def _trained_tables(
    network: TextNetwork, learning_rate: float, word_rate: float
) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = []
    if network.words.weight.requires_grad:
        groups.append({"params": [network.words.weight], "lr": learning_rate * word_rate})
    if network.ngrams is not None:
        groups.append({"params": [network.ngrams.weight], "lr": learning_rate})
    return groups


def _clip(weights: Iterable[Tensor], limit: float) -> None:
    """Scale all gradients down together where their common norm exceeds the limit.

    torch's own clipping takes no sparse gradients.
    """
    values = []
    for weight in weights:
        if weight.grad is None:
            continue
        if weight.grad.is_sparse:
            weight.grad = weight.grad.coalesce()
            values.append(weight.grad._values())
        else:
            values.append(weight.grad)
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(v) for v in values]))
    scale = (limit / (norm + 1e-6)).clamp(max=1.0)
    for value in values:
        value.mul_(scale)
