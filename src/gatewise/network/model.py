"""The network: embed -> LSTM -> pool -> dense, one stage per line of ``forward``."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.base.config import check_choice, check_range, check_whole_number
from gatewise.base.errors import ConfigError
from gatewise.network.lstm import LSTMLayer

__all__ = ["Dense", "NetworkConfig", "TextNetwork", "TokenBatch", "log_probabilities"]

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
        Texts are cut to so many tokens.
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


@dataclass(frozen=True)
class TokenBatch:
    """A batch on the network's device: the arrays of ``text.batches.Batch`` as tensors."""

    word_ids: Tensor  # (U,)
    ngram_ids: Tensor  # (n_ngrams,)
    ngram_offsets: Tensor  # (U + 1,)
    positions: Tensor  # (B, T)
    lengths: Tensor  # (B,)


class Dense(nn.Module):
    """A dense layer whose initial weights come from a generator of ours.

    torch's own draws them from the global one first, whatever they are replaced with.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Sizes of the vectors that go in and come out.
    generator : torch.Generator
        Draws the initial weights (Glorot & Bengio 2010).
    """

    def __init__(self, n_inputs: int, n_outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_outputs, n_inputs))  # (n_outputs, n_inputs)
        self.bias = nn.Parameter(torch.zeros(n_outputs))  # (n_outputs,)
        nn.init.xavier_uniform_(self.weight, generator=generator)

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute (B, n_inputs) -> (B, n_outputs)."""
        return functional.linear(inputs, self.weight, self.bias)  # (B, n_outputs)


class TextNetwork(nn.Module):
    """Token ids -> logits.

    Parameters
    ----------
    config : NetworkConfig
        Sizes and parts.
    seed : int
        Of the initial weights and of every dropout draw.
    """

    def __init__(self, config: NetworkConfig, *, seed: int) -> None:
        super().__init__()
        self.config = config
        self.generator = torch.Generator().manual_seed(seed)
        self.words = nn.Embedding(
            config.n_words, config.word_dimension, sparse=True, _weight=self._word_table()
        )
        self.words.weight.requires_grad_(not config.frozen_words)
        self.ngrams = self._ngram_table() if self._has_ngrams else None
        self.project: Dense | None = None
        if config.projection:
            self.project = Dense(config.composed_size, config.projection, self.generator)
        self.layers = nn.ModuleList(
            LSTMLayer(
                config.vector_size if number == 0 else config.state_size,
                config.units,
                bidirectional=config.bidirectional,
                activation=config.activation,
                recurrent_dropout=config.recurrent_dropout,
                generator=self.generator,
            )
            for number in range(config.layers)
        )
        self.dense = Dense(config.pooled_size, config.n_classes, self.generator)

    def forward(self, batch: TokenBatch) -> Tensor:
        """Compute the logits of a batch, shape (B, C)."""
        vectors = self.embed(batch)  # (B, T, E)

        states = self.read(vectors, batch.lengths)  # (B, T, D * H)

        if self.config.pool_vectors:
            states = torch.cat([states, vectors], dim=2)  # (B, T, D * H + E)

        pooled = self.pool(states, batch.lengths)  # (B, P)

        return self.decide(pooled)  # (B, C)

    def embed(self, batch: TokenBatch) -> Tensor:
        """Look up each token's vector, (B, T, E); each distinct token is composed once."""
        distinct = self.words(batch.word_ids)  # (U, word_dimension)
        if self.ngrams is not None:
            spelt = self.ngrams(batch.ngram_ids, batch.ngram_offsets)  # (U, ngram_dimension)
            distinct = torch.cat([distinct, spelt], dim=1)  # (U, E)
        if self.project is not None:
            distinct = self.project(distinct)  # (U, E)
        vectors = functional.embedding(batch.positions, distinct)  # (B, T, E)
        n_texts, _, size = vectors.shape
        return self._drop(vectors, self.config.spatial_dropout, (n_texts, 1, size))  # (B, T, E)

    def read(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Run the LSTM layers, (B, T, E) -> (B, T, D * H)."""
        states = vectors  # (B, T, E)
        for layer in self.layers:
            states = layer(states, lengths)  # (B, T, D * H)
        return states  # (B, T, D * H)

    def pool(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Make one vector of a text's states, (B, T, D * H) -> (B, P)."""
        pooling = self.config.pooling
        if pooling == "flatten":
            return states.flatten(1)  # (B, T * D * H)
        if pooling == "last":
            return self._last(states, lengths)  # (B, D * H)
        inside = torch.arange(states.shape[1], device=states.device) < lengths[:, None]  # (B, T)
        parts = []
        if pooling.startswith("max"):
            parts.append(states.masked_fill(~inside[:, :, None], -torch.inf).amax(dim=1))  # (B, P)
        if pooling.endswith("mean"):
            total = (states * inside[:, :, None]).sum(dim=1)  # (B, D * H)
            parts.append(total / lengths[:, None])  # (B, D * H)
        return torch.cat(parts, dim=1)  # (B, P)

    def decide(self, pooled: Tensor) -> Tensor:
        """Compute the logits of pooled vectors, (B, P) -> (B, C)."""
        dropped = self._drop(pooled, self.config.dropout, tuple(pooled.shape))  # (B, P)
        logits: Tensor = self.dense(dropped)  # (B, C)
        return logits

    @property
    def _has_ngrams(self) -> bool:
        return self.config.ngram_dimension > 0 and self.config.n_ngrams > 0

    def _last(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Each direction's state after its whole text: the last one, and backwards the first."""
        n_units = self.config.units
        rows = torch.arange(len(lengths), device=lengths.device)  # (B,)
        ends = [states[rows, lengths - 1, :n_units]]  # (B, H)
        if self.config.bidirectional:
            ends.append(states[:, 0, n_units:])  # (B, H)
        return torch.cat(ends, dim=1)  # (B, D * H)

    def _drop(self, values: Tensor, share: float, mask_shape: tuple[int, ...]) -> Tensor:
        if not (self.training and share):
            return values
        draws = torch.rand(mask_shape, generator=self.generator).to(values.device)
        return values * ((draws >= share).to(values.dtype) / (1.0 - share))

    def _word_table(self) -> Tensor:
        size = self.config.n_words, self.config.word_dimension
        table = torch.empty(size).uniform_(-0.05, 0.05, generator=self.generator)  # (V, E)
        table[0] = 0.0  # padding
        return table

    def _ngram_table(self) -> nn.EmbeddingBag:
        size = self.config.n_ngrams, self.config.ngram_dimension
        return nn.EmbeddingBag(
            *size,
            mode="mean",
            sparse=True,
            include_last_offset=True,
            _weight=torch.empty(size).normal_(0.0, 0.3, generator=self.generator),
        )


def log_probabilities(logits: Tensor, output: str) -> Tensor:
    """Turn logits into the logarithms of probabilities, (B, C) -> (B, C)."""
    if output == "sigmoid":
        scores = functional.logsigmoid(logits)  # (B, C)
        return scores - scores.logsumexp(dim=1, keepdim=True)  # (B, C)
    return functional.log_softmax(logits, dim=1)  # (B, C)
