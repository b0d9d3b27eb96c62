"""The records the companion learns from, counted once for all that is fitted on some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gatewise.base.seeding import derive_seed
from gatewise.classify.calibration import fit_temperature
from gatewise.classify.companion import count_ngrams
from gatewise.classify.ngrams import NgramModel
from gatewise.classify.plan import companion_config
from gatewise.classify.request import LabelledTexts
from gatewise.network.plain import log_softmax
from gatewise.text.token_table import TokenTable

__all__ = ["COSTS", "CompanionRecords"]

Numbers = NDArray[np.int64]

# Where many records have disputed labels, such as 50,000 shop reviews, the usual cost of errors is
# too high. Half of it is enough.
COSTS = 1.0, 0.5


class CompanionRecords:
    """N-grams of records, counted once for all that is fitted on some of them.

    Which n-grams there are says nothing of a label.

    Parameters
    ----------
    data : LabelledTexts
        The N training records.
    tokens : TokenTable
        Their tokens, and perhaps further ones behind them.
    targets : ndarray of int64
        The classes of all records in ``tokens`` that are learnt from or judged by.
    rows : ndarray of int64
        The numbers of those that are learnt from, ascending.
    outside : sequence of sequence of str
        Tokenised texts that belong to none of the classes.
    n_classes : int
        C.
    seed : int
        The user's seed.
    """

    def __init__(
        self,
        data: LabelledTexts,
        tokens: TokenTable,
        targets: Numbers,
        rows: Numbers,
        outside: Sequence[Sequence[str]],
        *,
        n_classes: int,
        seed: int,
    ) -> None:
        self._weights, self._n_outside = data.weights, len(outside)
        self._tokens, self._targets, self._rows = tokens, targets, rows
        self._n_classes, self._seed = n_classes, seed
        self._config = companion_config(n_classes)
        self._counted = count_ngrams([*tokens.rows(rows), *outside], self._config)

    def fit_best(self, rows: Numbers, judges: Numbers) -> tuple[NgramModel, float]:
        """Fit as :meth:`fit` does, at the cost that other records speak for.

        It is the usual one, unless another's log loss is smaller there by more than a standard
        error.

        Parameters
        ----------
        rows : ndarray of int64
            The numbers of the records to learn from.
        judges : ndarray of int64
            Those of the others.

        Returns
        -------
        NgramModel, float
            The companion, and its cost.
        """
        token_lists, targets = self._tokens.rows(judges), self._targets[judges]
        cost = COSTS[0]
        best = self.fit(rows, cost)
        losses = _losses(best.scores(token_lists), targets)  # (M,)
        for other in COSTS[1:]:
            model = self.fit(rows, other)
            leads = losses - _losses(model.scores(token_lists), targets)  # (M,)
            if leads.mean() > leads.std() / np.sqrt(len(leads)):
                best, cost, losses = model, other, losses - leads
        return best, cost

    def fit(self, rows: Numbers, cost: float = COSTS[0]) -> NgramModel:
        """Fit a companion to those of some records that it learns from, and to all from outside."""
        places = np.flatnonzero(np.isin(self._rows, rows))
        rows = self._rows[places]
        weights = self._weights
        if weights is not None:
            weights = np.append(weights[rows], np.ones(self._n_outside))
        outside = len(self._rows) + np.arange(self._n_outside)
        return self._counted.rows(np.append(places, outside)).fit(
            np.append(self._targets[rows], np.full(self._n_outside, self._n_classes)),
            replace(self._config, cost=cost),
            n_classes=self._n_classes,
            seed=derive_seed(self._seed, "companion"),
            sample_weights=weights,
        )


def _losses(margins: NDArray[np.float64], targets: Numbers) -> NDArray[np.float64]:
    """Compute each record's loss in nats at the best temperature, (M, C), (M,) -> (M,)."""
    calibrated = log_softmax(margins / fit_temperature(margins, targets))  # (M, C)
    losses: NDArray[np.float64] = -calibrated[np.arange(len(targets)), targets]  # (M,)
    return losses
