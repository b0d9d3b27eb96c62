"""Losses of held-out records -> whether a network only learns its records by heart."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["has_risen"]

_RISE = 1.05  # times the lowest; flat losses waver by one or two hundredths


def has_risen(losses: Sequence[float]) -> bool:
    """Say whether the last loss is clearly above the lowest one.

    The accuracy of a few hundred records may stand still by chance. As long as the loss does not
    rise, a falling learning rate still makes the network better, and to stop would be to go back to
    weights of a higher rate.

    Parameters
    ----------
    losses : sequence of float
        Of the held-out records after each epoch, in nats.

    Returns
    -------
    bool
    """
    return bool(losses) and losses[-1] > _RISE * min(losses)
