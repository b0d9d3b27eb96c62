"""What a fit is given: records, and what to do with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gatewise.base.progress import Progress, SilentProgress
from gatewise.network.checkpoint import Checkpoint
from gatewise.network.precision import Precision
from gatewise.network.recipes import Recipe
from gatewise.network.training import TrainNetwork, train_network
from gatewise.vectors.word_vectors import WordVectors

__all__ = ["FitRequest", "LabelledTexts"]


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with class numbers.

    Attributes
    ----------
    texts : sequence of str
        N texts.
    targets : ndarray of int64, shape (N,)
        Their classes.
    weights : ndarray of float64, shape (N,), or None
        Their weights; those above zero have the mean 1.
    """

    texts: Sequence[str]
    targets: NDArray[np.int64]
    weights: NDArray[np.float64] | None = None

    @property
    def rows(self) -> NDArray[np.int64]:
        """The records that count: all but those of weight zero, whose words alone are read."""
        everything = np.arange(len(self.texts))
        return everything if self.weights is None else everything[self.weights > 0]


@dataclass(frozen=True)
class FitRequest:
    """What a fit is asked to do besides the data.

    Attributes
    ----------
    recipe : Recipe
        All settings of network and training.
    labels : tuple of str
        The C classes.
    seed : int
        Of everything random.
    language : str
        For the tokens.
    vectors : WordVectors or None
        Word vectors from elsewhere, instead of own ones.
    unlabelled : sequence of str
        Further texts for the word vectors.
    validation : LabelledTexts or None
        Records to hold out instead of a share of the training records.
    validation_fraction : float or None
        That share; None: chosen from the number of records; 0: none.
    max_words : int
        Size limit of the vocabulary.
    word2vec_workers : int
        Threads of word2vec; only one gives the same vectors every time.
    precision : Precision
        Device and number format.
    checkpoint : Checkpoint or None
        Where to keep what a killed fit goes on from.
    progress : Progress
        Told of everything.
    train : callable
        Trains the network: :func:`gatewise.network.training.train_network`, or what does the same
        by several machines.
    abstain_coverage : float
        Share of in-scope texts that are answered.
    abstain_precision : float or None
        Share of the answers that should be right; None: no matter.
    out_of_scope : sequence of str
        Texts that belong to none of the classes.
    keep_texts : bool
        Keep the training texts in the model, so that it can show those nearest to a text.
    """

    recipe: Recipe
    labels: tuple[str, ...]
    seed: int
    language: str = "auto"
    vectors: WordVectors | None = None
    unlabelled: Sequence[str] = ()
    validation: LabelledTexts | None = None
    validation_fraction: float | None = None
    max_words: int = 100_000
    word2vec_workers: int = 1
    precision: Precision = field(default_factory=Precision)
    checkpoint: Checkpoint | None = None
    progress: Progress = field(default_factory=SilentProgress)
    train: TrainNetwork = train_network
    abstain_coverage: float = 0.95
    abstain_precision: float | None = None
    out_of_scope: Sequence[str] = ()
    keep_texts: bool = False
