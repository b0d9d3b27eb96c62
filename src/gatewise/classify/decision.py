"""When to answer "I don't know": below which probability no label is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.base.config import check_range

__all__ = ["Decision", "keep_share"]


@dataclass(frozen=True)
class Decision:
    """How a probability becomes a decision.

    Attributes
    ----------
    abstain_below : float
        An answer with a smaller probability is not given; 0: all are.
    """

    abstain_below: float = 0.0

    def __post_init__(self) -> None:
        check_range("abstain_below", self.abstain_below, 0.0, 1.0)


def keep_share(confidences: NDArray[np.float64], coverage: float) -> Decision:
    """Choose the threshold that leaves a share of the answers standing.

    Parameters
    ----------
    confidences : ndarray of float64, shape (N,)
        Probabilities of the answers to records that the model was not trained on.
    coverage : float
        The share that is answered, 0 to 1.

    Returns
    -------
    Decision
        Its threshold is one of the confidences, so the share is met exactly up to equal ones.

    Raises
    ------
    ConfigError
        If the share is outside 0 to 1.
    """
    check_range("coverage", coverage, 0.0, 1.0)
    n_given_up = min(int((1.0 - coverage) * len(confidences) + 1e-9), len(confidences) - 1)
    if n_given_up <= 0:
        return Decision()
    return Decision(float(np.partition(confidences, n_given_up)[n_given_up]))
