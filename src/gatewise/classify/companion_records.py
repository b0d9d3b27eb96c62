"""The records the companion learns from, counted once for all that is fitted on some of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gatewise.base.seeding import derive_seed
from gatewise.classify.companion import count_ngrams
from gatewise.classify.ngrams import NgramModel
from gatewise.classify.plan import companion_config
from gatewise.classify.request import LabelledTexts
from gatewise.text.token_table import TokenTable

__all__ = ["CompanionRecords"]

Numbers = NDArray[np.int64]


class CompanionRecords:
    """N-grams of records, counted once for all that is fitted on some of them.

    Which n-grams there are says nothing of a label.

    Parameters
    ----------
    data : LabelledTexts
        The N training records.
    tokens : TokenTable
        Their tokens, and perhaps further ones behind them.
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
        rows: Numbers,
        outside: Sequence[Sequence[str]],
        *,
        n_classes: int,
        seed: int,
    ) -> None:
        self._data, self._n_outside = data, len(outside)
        self._n_classes, self._seed = n_classes, seed
        self._rows = rows
        self._counted = count_ngrams([*tokens.rows(rows), *outside], companion_config(n_classes))

    def fit(self, rows: Numbers) -> NgramModel:
        """Fit a companion to those of some records that it learns from, and to all from outside."""
        places = np.flatnonzero(np.isin(self._rows, rows))
        rows = self._rows[places]
        weights = self._data.weights
        if weights is not None:
            weights = np.append(weights[rows], np.ones(self._n_outside))
        outside = len(self._rows) + np.arange(self._n_outside)
        return self._counted.rows(np.append(places, outside)).fit(
            np.append(self._data.targets[rows], np.full(self._n_outside, self._n_classes)),
            companion_config(self._n_classes),
            n_classes=self._n_classes,
            seed=derive_seed(self._seed, "companion"),
            sample_weights=weights,
        )
