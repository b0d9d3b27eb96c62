"""States of a text -> one vector: their maximum and their mean, with a quick way back."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["pool_over_time"]


def pool_over_time(states: Tensor, lengths: Tensor, *, largest: bool, mean: bool) -> Tensor:
    """Pool each text's states over its own positions.

    Parameters
    ----------
    states : Tensor of shape (B, T, S)
        Of any floating format; what is narrower than float32 is pooled in float32.
    lengths : Tensor of int64, shape (B,)
        Number of positions of each text, at least 1.
    largest, mean : bool
        What to pool: the maximum of each number, its mean, or one behind the other.

    Returns
    -------
    Tensor of shape (B, S) or (B, 2 * S)

    Notes
    -----
    The gradient of a maximum that stands at several positions is split evenly between them, as
    torch does it. Its own way there compares and multiplies in mixed formats, which takes several
    times as long as all of this.
    """
    inside = torch.arange(states.shape[1], device=states.device) < lengths[:, None]  # (B, T)
    pooled: Tensor = _Pooled.apply(states, inside, largest, mean)  # type: ignore[no-untyped-call]
    return pooled  # (B, S or 2 * S)


class _Pooled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, inside: Tensor, largest: bool, mean: bool) -> Tensor:
        ctx.dtype, ctx.kinds = states.dtype, (largest, mean)
        kind = torch.promote_types(states.dtype, torch.float32)
        values = states.to(kind)  # (B, T, S)
        mask = inside[:, :, None].to(kind)  # (B, T, 1)
        share = mask / mask.sum(dim=1, keepdim=True)  # (B, T, 1)
        parts, kept = [], []
        if largest:
            shown = values + mask.log()  # (B, T, S): minus infinity where there is padding
            parts.append(shown.amax(dim=1))  # (B, S)
            kept = [shown, parts[0]]
        if mean:
            parts.append((values * share).sum(dim=1))  # (B, S)
        ctx.save_for_backward(share, *kept)
        return torch.cat(parts, dim=1)  # (B, S or 2 * S)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients  # (B, S or 2 * S)
        largest, mean = ctx.kinds
        share, *kept = ctx.saved_tensors
        parts = gradient[:, None].chunk(largest + mean, dim=2)  # (B, 1, S) each
        of_largest, of_mean = parts[0], parts[-1]  # (B, 1, S) each
        if not largest:
            return (of_mean * share).to(ctx.dtype), None, None, None  # (B, T, S)
        shown, top = kept
        here = shown.sub(top[:, None]).eq_(0.0)  # (B, T, S): 1 at a maximum, else 0
        here.mul_(of_largest / here.sum(dim=1, keepdim=True))  # (B, T, S)
        if mean:
            here.addcmul_(of_mean, share)  # (B, T, S)
        return here.to(ctx.dtype), None, None, None
