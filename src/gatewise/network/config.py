"""Sizes and parts of the network, checked; no torch."""

from __future__ import annotations

from dataclasses import dataclass

from gatewise.base.config import check_choice, check_range, check_whole_number
from gatewise.base.errors import ConfigError

__all__ = ["POOLINGS", "NetworkConfig"]

POOLINGS = ("max", "mean", "max-mean", "last", "flatten")


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes and parts of the network.

    Attributes
    ----------
    n_words, n_ngrams, n_classes : int
        Rows of the two embedding tables, and C.
    word_dimension, ngram_dimension : int
        Length of a word vector and of a character n-gram vector (0: none).
    projection : int
        Size to which each token's vector is brought before the LSTM reads it (0: as it is).
    units, layers : int
        H per direction, and how many LSTM layers are stacked.
    bidirectional : bool
        Read backwards as well.
    activation : {"tanh", "relu"}
        Inside the LSTM.
    pooling : {"max", "mean", "max-mean", "last", "flatten"}
        How the states become one vector.
    pool_vectors : bool
        Pool the token vectors beside the states, so that the dense layer sees single words as
        well as words in their context (Lai et al. 2015); for max and mean only.
    max_length : int
        Texts are cut to so many tokens, half from either end (:mod:`gatewise.text.batches`).
    fixed_length : bool
        Zeros in front of each text up to ``max_length``, read like words.
    frozen_words : bool
        Keep the word vectors as they came.
    spatial_dropout, dropout, recurrent_dropout : float
        Shares: of a text's vector channels, of the pooled vector, of the recurrent input.
    output : {"softmax", "sigmoid"}
        The question's sigmoid outputs are divided by their sum, as Keras does in
        categorical_crossentropy.
    """

    n_words: int
    n_ngrams: int
    n_classes: int
    word_dimension: int = 300
    ngram_dimension: int = 100
    projection: int = 0
    units: int = 128
    layers: int = 1
    bidirectional: bool = True
    activation: str = "tanh"
    pooling: str = "max"
    pool_vectors: bool = False
    max_length: int = 400
    fixed_length: bool = False
    frozen_words: bool = False
    spatial_dropout: float = 0.3
    dropout: float = 0.5
    recurrent_dropout: float = 0.0
    output: str = "softmax"

    def __post_init__(self) -> None:
        check_whole_number("n_words", self.n_words, 2, 100_000_000)
        check_whole_number("n_ngrams", self.n_ngrams, 0, 100_000_000)
        check_whole_number("n_classes", self.n_classes, 2, 1_000_000)
        check_whole_number("word_dimension", self.word_dimension, 1, 4096)
        check_whole_number("ngram_dimension", self.ngram_dimension, 0, 4096)
        check_whole_number("projection", self.projection, 0, 4096)
        check_whole_number("units", self.units, 1, 8192)
        check_whole_number("layers", self.layers, 1, 16)
        check_whole_number("max_length", self.max_length, 1, 1_000_000)
        for name in ("spatial_dropout", "dropout", "recurrent_dropout"):
            check_range(name, getattr(self, name), 0.0, 0.95)
        check_choice("activation", self.activation, ("tanh", "relu"))
        check_choice("pooling", self.pooling, POOLINGS)
        check_choice("output", self.output, ("softmax", "sigmoid"))
        if self.pool_vectors and self.pooling in ("last", "flatten"):
            raise ConfigError(
                f"pool_vectors goes with the poolings 'max', 'mean' and 'max-mean', not with "
                f"{self.pooling!r}"
            )

    @property
    def state_size(self) -> int:
        """Size of the states of one position, D * H."""
        return self.units * (2 if self.bidirectional else 1)

    @property
    def pooled_size(self) -> int:
        """Size of the pooled vector, P."""
        factors = {"flatten": self.max_length, "max-mean": 2}
        n_vector = self.vector_size if self.pool_vectors else 0
        return (self.state_size + n_vector) * factors.get(self.pooling, 1)

    @property
    def composed_size(self) -> int:
        """Size of a token's vector before any projection."""
        return self.word_dimension + (self.ngram_dimension if self.n_ngrams else 0)

    @property
    def vector_size(self) -> int:
        """Size of the vectors that the LSTM reads, E."""
        return self.projection or self.composed_size
