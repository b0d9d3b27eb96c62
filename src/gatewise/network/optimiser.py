"""Adam for everything: dense weights every step, embedding rows only when a batch touches them.

Dense weights follow AdamW (Loshchilov & Hutter 2019), exactly. Rows of an embedding follow Adam
without decay in the steps whose batch uses them, and rest in all others, moments included; the
correction of the moments' bias counts all steps (torch's SparseAdam: "lazy" Adam). So a step costs
the same however large the vocabulary is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.adam import adam

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
        self._optimisers: list[Optimizer] = [
            AdamW(dense, weight_decay=weight_decay, fused=True, **common)
        ]
        if tables:
            self._optimisers.append(_RowAdam(tables, common))
        for group in self._groups():
            group["top_rate"] = group["lr"]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for optimiser in self._optimisers:
            optimiser.zero_grad(set_to_none=True)

    def keep_gradients(self) -> None:
        """Take the gradients of one share of the batch."""
        self._exchange.keep_gradients(self._weights)

    def step(self, factor: float) -> None:
        """Update all weights against their gradients, at ``factor`` times the learning rates."""
        self._exchange.add_gradients(self._weights)
        for weight in self._weights:
            if weight.grad is not None and weight.grad.is_sparse:
                weight.grad = weight.grad.coalesce()
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
                    whole["state"].setdefault(int(weight), {})[name] = value
            optimiser.load_state_dict(whole)

    def _groups(self) -> Iterable[dict[str, Any]]:
        for optimiser in self._optimisers:
            yield from optimiser.param_groups


class _RowAdam(Optimizer):
    """Adam for the rows that have a gradient; takes coalesced sparse gradients.

    torch's SparseAdam to the last few bits. It goes through the whole table in some of its steps
    and through the rows a dozen times; here they are taken out once, updated by one kernel, and put
    back.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            (table,) = group["params"]
            if table.grad is not None:
                self._update(table, group)

    def _update(self, table: Tensor, group: dict[str, Any]) -> None:
        state = self.state[table]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=table.device)
            state["exp_avg"] = torch.zeros_like(table)  # (V, E)
            state["exp_avg_sq"] = torch.zeros_like(table)  # (V, E)
        # After a resume it lies on the processor, and the kernel wants it where the table is.
        state["step"] = state["step"].to(table.device)
        gradient = table.grad
        assert gradient is not None
        rows = gradient.indices()[0]  # (rows,)
        tables = table, state["exp_avg"], state["exp_avg_sq"]
        values, first, second = (whole.index_select(0, rows) for whole in tables)  # (rows, E)
        beta1, beta2 = group["betas"]
        # SparseAdam adds epsilon to the root of the uncorrected second moment.
        correction = math.sqrt(1.0 - beta2 ** (float(state["step"]) + 1.0))
        adam(
            [values],
            [gradient.values()],
            [first],
            [second],
            [],
            [state["step"]],
            fused=True,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=group["lr"],
            weight_decay=0.0,
            eps=group["eps"] / correction,
            maximize=False,
        )
        for whole, part in zip(tables, (values, first, second), strict=True):
            whole.index_copy_(0, rows, part)


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

    torch's own clipping takes no sparse gradients; here they are coalesced.
    """
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    values = [gradient.values() if gradient.is_sparse else gradient for gradient in gradients]
    scale = limit / (float(nn.utils.get_total_norm(values, foreach=True)) + 1e-6)
    if scale < 1.0:
        for value in values:
            value.mul_(scale)
