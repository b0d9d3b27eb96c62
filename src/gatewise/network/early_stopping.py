"""Losses of held-out records -> when they last became better."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["last_fall"]

_FALL = 1e-3  # share of the loss; what is less is no gain worth an epoch


def last_fall(losses: Sequence[float]) -> int:
    """Find the last epoch whose loss was clearly below that of all before it.

    The accuracy of a few hundred records may stand still by chance while the loss still falls. To
    stop there would be to go back to weights of a higher learning rate.

    Parameters
    ----------
    losses : sequence of float
        Of the held-out records after each epoch, in nats.

    Returns
    -------
    int
        From 1; 0 without losses.
    """
    lowest, last = math.inf, 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < lowest * (1.0 - _FALL):
            lowest, last = loss, epoch
    return last
