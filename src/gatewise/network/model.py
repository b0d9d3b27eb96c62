"""The network: embed -> LSTM -> pool -> dense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from gatewise.network.config import NetworkConfig
from gatewise.network.draws import draw_uniform
from gatewise.network.lstm import LSTMLayer
from gatewise.network.pooling import pool_over_time

__all__ = [
    "NGRAM_DEVIATION",
    "Dense",
    "TextNetwork",
    "TokenBatch",
    "build_network",
    "log_probabilities",
]

NGRAM_DEVIATION = 0.3  # of the numbers of all n-gram vectors at the start


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
        return self.decide(self.encode(batch))  # (B, C)

    def encode(self, batch: TokenBatch) -> Tensor:
        """Make one vector of each text, shape (B, P)."""
        vectors = self.embed(batch)  # (B, T, E)
        return self.summarise(vectors, batch.lengths)  # (B, P)

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

    def summarise(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Run the LSTM layers and pool their states, (B, T, E) -> (B, P)."""
        last = cast("LSTMLayer", self.layers[-1])
        inputs = vectors  # (B, T, E)
        for layer in self.layers[:-1]:
            inputs = layer(inputs, lengths)  # (B, T, D * H)
        if self._pools_over_time and not self.config.pool_vectors:
            # The maximum and the mean do not ask in which order a direction has read.
            parts = last.each_direction(inputs, lengths, lambda one: self._pool(one, lengths))
            apart = [part.reshape(len(part), -1, 1, self.config.units) for part in parts]
            return torch.cat(apart, dim=2).flatten(1)  # (B, P)
        states: Tensor = last(inputs, lengths)  # (B, T, D * H)
        if self.config.pool_vectors:
            states = torch.cat([states, vectors], dim=2)  # (B, T, D * H + E)
        return self._pool(states, lengths)  # (B, P)

    @property
    def _pools_over_time(self) -> bool:
        return self.config.pooling not in ("flatten", "last")

    def _pool(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Make one vector of a text's states, (B, T, D * H) -> (B, P)."""
        pooling = self.config.pooling
        if pooling == "flatten":
            return states.flatten(1)  # (B, T * D * H)
        if pooling == "last":
            return self._last(states, lengths)  # (B, D * H)
        return pool_over_time(
            states,
            lengths,
            largest=pooling.startswith("max"),
            mean=pooling.endswith("mean"),
        )  # (B, P)

    def decide(self, pooled: Tensor) -> Tensor:
        """Compute the logits of pooled vectors, (B, P) -> (B, C)."""
        dropped = self._drop(pooled, self.config.dropout, tuple(pooled.shape))  # (B, P)
        logits: Tensor = self.dense(dropped)  # (B, C)
        return logits

    @property
    def fills_two_lanes(self) -> bool:
        """Whether every layer can compute its two directions at the same time."""
        return all(layer.fills_two_lanes for layer in self.layers)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Take out all weights by their names; on the processor they are views."""
        return {
            name: weight.detach().cpu().contiguous().numpy()
            for name, weight in self.state_dict().items()
        }

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
        draws = draw_uniform(mask_shape, self.generator).to(values.device)
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
            _weight=torch.empty(size).normal_(0.0, NGRAM_DEVIATION, generator=self.generator),
        )


def build_network(
    config: NetworkConfig, arrays: Mapping[str, NDArray[np.float32]], *, seed: int
) -> TextNetwork:
    """Make a network of these weights, on the processor; see :meth:`TextNetwork.arrays`."""
    network = TextNetwork(config, seed=seed)
    # Copies in torch's own memory: it lies on the boundaries that give the same last bits.
    tensors = {name: torch.from_numpy(array).clone() for name, array in arrays.items()}
    network.load_state_dict(tensors, assign=True)
    return network.eval()


def log_probabilities(logits: Tensor, output: str) -> Tensor:
    """Turn logits into the logarithms of probabilities, (B, C) -> (B, C)."""
    if output == "sigmoid":
        scores = functional.logsigmoid(logits)  # (B, C)
        return scores - scores.logsumexp(dim=1, keepdim=True)  # (B, C)
    return functional.log_softmax(logits, dim=1)  # (B, C)
