"""The records the companion learns from: all, or of very many some drawn by lot; counted once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gatewise.base.seeding import derive_seed, numpy_generator
from gatewise.classify.companion import count_ngrams
from gatewise.classify.ngrams import NgramModel
from gatewise.classify.plan import choose_companion_records, companion_config
from gatewise.classify.records import draw_records
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
        outside: Sequence[Sequence[str]],
        *,
        n_classes: int,
        seed: int,
    ) -> None:
        self._data, self._n_outside = data, len(outside)
        self._n_classes, self._seed = n_classes, seed
        n_wanted = choose_companion_records(len(data.texts))
        self._rows = draw_records(
            data.targets, n_wanted, numpy_generator(seed, "companion records")
        )
        self._counted = count_ngrams(
            [*tokens.rows(self._rows), *outside], companion_config(n_classes)
        )

    @property
    def note(self) -> str | None:
        """What the user should know."""
        n_records = len(self._data.texts)
        if len(self._rows) == n_records:
            return None
        return f"the n-gram companion learns from {len(self._rows):,} of {n_records:,} texts"

    def fit(self, rows: Numbers) -> NgramModel:
        """Fit a companion to those of some records that were drawn, and to all from outside."""
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
