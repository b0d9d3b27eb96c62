"""The network once more, in numpy: one text step by step, or many texts at once.

The first way keeps everything that was computed, in float64, and is what a replay shows. The
second keeps the logits alone, in float32, and is there to try many variants of one text.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.network.config import NetworkConfig
from gatewise.network.gates import LSTMWeights, lstm_step

__all__ = [
    "DirectionTrace",
    "LayerTrace",
    "PlainNetwork",
    "Trace",
    "log_softmax",
    "plain_log_probabilities",
]

Array = NDArray[np.float64]
Places = NDArray[np.int64]

_TEXTS_AT_A_TIME = 64


@dataclass(frozen=True)
class DirectionTrace:
    """What one direction of one layer computed at every position of a text.

    Attributes
    ----------
    i, f, g, o, c, h : ndarray of float64, shape (T, H)
        As in the legend of :mod:`gatewise.network.gates`.
    before : ndarray of float64, shape (T, 4, H)
        i, f, g and o before their activations.
    backward : bool
        Whether it read from the last position to the first.
    """

    i: Array
    f: Array
    g: Array
    o: Array
    c: Array
    h: Array
    before: Array
    backward: bool


@dataclass(frozen=True)
class LayerTrace:
    """One layer: the direction that reads forward, and the other one if there is one.

    Attributes
    ----------
    forward, backward : DirectionTrace
        ``backward`` may be None.
    """

    forward: DirectionTrace
    backward: DirectionTrace | None

    @property
    def directions(self) -> list[DirectionTrace]:
        """Those that there are."""
        return [self.forward, *([self.backward] if self.backward else [])]

    @property
    def states(self) -> Array:
        """The hidden states of all directions side by side, shape (T, D * H)."""
        return np.concatenate([direction.h for direction in self.directions], axis=1)


@dataclass(frozen=True)
class Trace:
    """Everything that the network computed of one text, in float64.

    Attributes
    ----------
    vectors : ndarray, shape (T, E)
        What the first layer read.
    layers : list of LayerTrace
        From the first to the last.
    pooled : ndarray, shape (P,)
        The one vector of the text.
    taken_from : ndarray of int64, shape (P,)
        The position that supplied each of its numbers; -1 where all of them did.
    logits : ndarray, shape (C,)
        The network's scores.
    """

    vectors: Array
    layers: list[LayerTrace]
    pooled: Array
    taken_from: Places
    logits: Array


class PlainNetwork:
    """A trained network as its settings and arrays.

    Parameters
    ----------
    config : NetworkConfig
        Sizes and parts.
    arrays : mapping of str to ndarray of float32
        All weights by their names in :class:`gatewise.network.model.TextNetwork`.
    """

    def __init__(self, config: NetworkConfig, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        self.config = config
        self.arrays = arrays

    def vectors(self, word_ids: Sequence[int], ngram_ids: Sequence[Sequence[int]]) -> Array:
        """Compose the vector of each token.

        Parameters
        ----------
        word_ids : sequence of int
            T ids of words.
        ngram_ids : sequence of sequence of int
            The ids of the character n-grams of each.

        Returns
        -------
        ndarray of float64, shape (T, E)
        """
        vectors = self.arrays["words.weight"][list(word_ids)].astype(np.float64)  # (T, W)
        if "ngrams.weight" in self.arrays:
            table = self.arrays["ngrams.weight"]
            spelt = np.zeros((len(vectors), table.shape[1]))  # (T, G)
            for row, ids in enumerate(ngram_ids):
                if len(ids):
                    spelt[row] = table[list(ids)].mean(axis=0, dtype=np.float64)
            vectors = np.concatenate([vectors, spelt], axis=1)  # (T, W + G)
        if self.config.projection:
            vectors = vectors @ self._wide("project.weight").T + self._wide("project.bias")
        return vectors  # (T, E)

    def trace(self, vectors: Array) -> Trace:
        """Read one text step by step.

        Parameters
        ----------
        vectors : ndarray of float64, shape (T, E)
            Of its tokens, at least one.

        Returns
        -------
        Trace
        """
        layers: list[LayerTrace] = []
        states = vectors  # (T, E)
        for forward, backward in self._lstm:
            layers.append(
                LayerTrace(
                    _read(forward, states, backward=False),
                    _read(backward, states, backward=True) if backward else None,
                )
            )
            states = layers[-1].states  # (T, D * H)
        pooled, taken_from = self._pool(states, vectors)  # (P,), (P,)
        logits = self._wide("dense.weight") @ pooled + self._wide("dense.bias")  # (C,)
        return Trace(vectors, layers, pooled, taken_from, logits)

    def logits(self, vectors: Array, texts: Sequence[Places]) -> Array:
        """Compute the logits of many texts that are made of the same tokens.

        Parameters
        ----------
        vectors : ndarray of float64, shape (n_tokens, E)
            Of the tokens.
        texts : sequence of ndarray of int64
            Each text as positions into the tokens, at least one.

        Returns
        -------
        ndarray of float64, shape (N, C)
            Computed in float32.
        """
        narrow = vectors.astype(np.float32)
        order = np.argsort([len(text) for text in texts], kind="stable")
        logits = np.zeros((len(texts), self.config.n_classes))  # (N, C)
        for start in range(0, len(order), _TEXTS_AT_A_TIME):
            rows = order[start : start + _TEXTS_AT_A_TIME]
            logits[rows] = self._logits_of(narrow, [texts[row] for row in rows])
        return logits

    def _logits_of(
        self, vectors: NDArray[np.float32], texts: Sequence[Places]
    ) -> NDArray[np.float32]:
        lengths = np.array([len(text) for text in texts])  # ascending
        places = np.zeros((len(texts), lengths.max()), dtype=np.int64)  # (B, T)
        for row, text in enumerate(texts):
            places[row, : len(text)] = text
        # As if all variants stood below each other: each layer reads rows of the one before.
        rows, states = places, vectors  # (B, T), (n_rows, E)
        turn = _turned_round(lengths)  # (B, T)
        for number in range(self.config.layers):
            states = self._layer(number, states, rows, lengths, turn)  # (B, T, D * H)
            if number + 1 < self.config.layers:
                rows = np.arange(rows.size).reshape(rows.shape)  # (B, T)
                states = states.reshape(rows.size, -1)  # (B * T, D * H)
        if self.config.pool_vectors:
            states = np.concatenate([states, vectors[places]], axis=2)  # (B, T, D * H + E)
        pooled = self._pool_many(states, lengths)  # (B, P)
        return pooled @ self.arrays["dense.weight"].T + self.arrays["dense.bias"]  # (B, C)

    def _layer(
        self,
        number: int,
        inputs: NDArray[np.float32],
        rows: Places,
        lengths: Places,
        turn: Places,
    ) -> NDArray[np.float32]:
        name = f"layers.{number}"
        forward = self._direction(f"{name}.forward_direction", inputs, rows, lengths)
        if not self.config.bidirectional:
            return forward  # (B, T, H)
        turned = np.take_along_axis(rows, turn, axis=1)  # (B, T)
        backward = self._direction(f"{name}.backward_direction", inputs, turned, lengths)
        backward = np.take_along_axis(backward, turn[:, :, None], axis=1)  # (B, T, H)
        return np.concatenate([forward, backward], axis=2)  # (B, T, 2H)

    def _direction(
        self, name: str, inputs: NDArray[np.float32], rows: Places, lengths: Places
    ) -> NDArray[np.float32]:
        """Read texts whose vectors are rows of the inputs, (n_rows, E) -> (B, T, H)."""
        tanh, n_units = self.config.activation == "tanh", self.config.units
        # sigmoid(x) = 1 / (1 + exp(-x)) and tanh(x) = 2 sigmoid(2x) - 1: one exp for all gates.
        factors = np.repeat([-1.0, -1.0, -2.0 if tanh else -1.0, -1.0], n_units).astype(np.float32)
        recurrent = self.arrays[f"{name}.recurrent_weights"].T * factors  # (H, 4H)
        from_inputs = inputs @ (self.arrays[f"{name}.input_weights"].T * factors)  # (n_rows, 4H)
        from_inputs += self.arrays[f"{name}.bias"] * factors
        states = np.zeros((*rows.shape, n_units), dtype=np.float32)  # (B, T, H)
        h = c = np.zeros_like(states[:, 0])  # (B, H)
        for position in range(rows.shape[1]):
            n_ended = int(np.searchsorted(lengths, position, side="right"))
            ended_now = n_ended - (len(rows) - len(h))  # they stand before the others
            z = h[ended_now:] @ recurrent  # (B, 4H)
            z += from_inputs[rows[n_ended:, position]]
            g = None if tanh else np.maximum(-z[:, 2 * n_units : 3 * n_units], 0)  # (B, H)
            i, f, doubled, o = np.split(_one_over_one_plus_exp(z), 4, axis=1)  # (B, H) each
            c = f * c[ended_now:] + i * (2 * doubled - 1 if g is None else g)  # (B, H)
            h = o * (2 * _one_over_one_plus_exp(-2 * c) - 1 if tanh else np.maximum(c, 0))
            states[n_ended:, position] = h
        return states

    def _pool(self, states: Array, vectors: Array) -> tuple[Array, Places]:
        pooling, n_units = self.config.pooling, self.config.units
        if pooling == "flatten":
            return states.ravel(), np.repeat(np.arange(len(states)), states.shape[1])
        if pooling == "last":
            ends = np.full(states.shape[1], len(states) - 1)  # (D * H,)
            ends[n_units:] = 0
            return states[ends, np.arange(len(ends))], ends
        values = np.concatenate([states, vectors], axis=1) if self.config.pool_vectors else states
        pooled, taken_from = [], []
        if pooling.startswith("max"):
            highest = values.argmax(axis=0)  # (P,)
            pooled.append(values[highest, np.arange(values.shape[1])])
            taken_from.append(highest)
        if pooling.endswith("mean"):
            pooled.append(values.mean(axis=0))
            taken_from.append(np.full(values.shape[1], -1))
        return np.concatenate(pooled), np.concatenate(taken_from)

    def _pool_many(self, states: NDArray[np.float32], lengths: Places) -> NDArray[np.float32]:
        pooling, n_units = self.config.pooling, self.config.units
        rows = np.arange(len(states))
        if pooling == "flatten":
            return states.reshape(len(states), -1)  # (B, T * D * H)
        if pooling == "last":
            return np.concatenate([states[rows, lengths - 1, :n_units], states[:, 0, n_units:]], 1)
        inside = (np.arange(states.shape[1]) < lengths[:, None])[:, :, None]  # (B, T, 1)
        pooled = []
        if pooling.startswith("max"):
            pooled.append(np.where(inside, states, np.float32(-np.inf)).max(axis=1))
        if pooling.endswith("mean"):
            total = np.where(inside, states, np.float32(0)).sum(axis=1)  # (B, P)
            pooled.append(total / lengths[:, None].astype(np.float32))
        return np.concatenate(pooled, axis=1)  # (B, P)

    def _wide(self, name: str) -> Array:
        return self.arrays[name].astype(np.float64)

    @functools.cached_property
    def _lstm(self) -> list[tuple[LSTMWeights, LSTMWeights | None]]:
        return [
            (
                self._weights(f"layers.{number}.forward_direction"),
                self._weights(f"layers.{number}.backward_direction")
                if self.config.bidirectional
                else None,
            )
            for number in range(self.config.layers)
        ]

    def _weights(self, name: str) -> LSTMWeights:
        parts = ("input_weights", "recurrent_weights", "bias")
        return LSTMWeights.from_stacked(
            *(self._wide(f"{name}.{part}") for part in parts), activation=self.config.activation
        )


def plain_log_probabilities(logits: Array, output: str) -> Array:
    """Turn the network's logits into logarithms of probabilities, float64, (N, C) -> (N, C).

    As :func:`gatewise.network.model.log_probabilities` does it.
    """
    scores = -np.logaddexp(0.0, -logits) if output == "sigmoid" else logits  # (N, C)
    return log_softmax(scores)  # (N, C)


def log_softmax(scores: Array) -> Array:
    """Turn scores into logarithms of probabilities, float64, (N, C) -> (N, C)."""
    shifted = scores - scores.max(axis=1, keepdims=True)  # (N, C)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))  # (N, C)


def _read(weights: LSTMWeights, inputs: Array, *, backward: bool) -> DirectionTrace:
    h = c = np.zeros(weights.n_units)  # (H,)
    steps = []
    for x in inputs[::-1] if backward else inputs:
        step = lstm_step(x, h, c, weights)
        h, c = step.h, step.c
        steps.append(step)
    if backward:
        steps.reverse()
    names = ("i", "f", "g", "o", "c", "h", "before")
    values = {name: np.stack([getattr(step, name) for step in steps]) for name in names}
    return DirectionTrace(**values, backward=backward)


def _turned_round(lengths: Places) -> Places:
    """Where each position's value comes from when texts are turned round, padding left behind."""
    position = np.arange(lengths.max())  # (T,)
    last = lengths[:, None] - 1  # (B, 1)
    return np.where(position <= last, last - position, position)  # (B, T)


def _one_over_one_plus_exp(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute 1 / (1 + exp(x)) in place."""
    with np.errstate(over="ignore"):  # one over infinity is the right answer
        np.exp(values, out=values)
    values += 1
    return np.divide(1, values, out=values)
