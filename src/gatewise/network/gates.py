"""One step of an LSTM as plain algebra, in numpy alone.

Nothing here is fast, and nothing is hidden: it is what the other implementations are held
against, and what a replay shows (Hochreiter & Schmidhuber 1997; forget gate: Gers 2000).

    x  input             the vector of the token that is read now
    h  hidden state      what the step shows, and what the next step's gates look at
    c  cell state        what is remembered
    i  input gate        how much of the candidate is written
    f  forget gate       how much of the old cell state is kept
    g  cell candidate    what could be written
    o  output gate       how much of the cell state is shown

    i = sigmoid(W_i x + U_i h + b_i)
    f = sigmoid(W_f x + U_f h + b_f)
    g =     act(W_g x + U_g h + b_g)
    o = sigmoid(W_o x + U_o h + b_o)
    c = f * c + i * g
    h = o * act(c)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ACTIVATIONS", "GATES", "GateWeights", "LSTMWeights", "Step", "lstm_step", "sigmoid"]

Array = NDArray[np.float64]

GATES = ("input", "forget", "candidate", "output")


def sigmoid(values: Array) -> Array:
    """Compute 1 / (1 + exp(-x)), also of large negative numbers."""
    return np.exp(-np.logaddexp(0.0, -values))


def _relu(values: Array) -> Array:
    return np.maximum(values, 0.0)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {"tanh": np.tanh, "relu": _relu}


@dataclass(frozen=True)
class GateWeights:
    """The weights of one gate.

    Attributes
    ----------
    from_input : ndarray of float64, shape (H, E)
        W, what the gate looks for in the input.
    from_hidden : ndarray of float64, shape (H, H)
        U, what it looks for in the hidden state.
    bias : ndarray of float64, shape (H,)
        b.
    """

    from_input: Array
    from_hidden: Array
    bias: Array

    def __call__(self, x: Array, h: Array) -> Array:
        """Compute the gate before its activation, W x + U h + b, shape (H,)."""
        return self.from_input @ x + self.from_hidden @ h + self.bias  # (H,)


@dataclass(frozen=True)
class LSTMWeights:
    """The weights of an LSTM that reads in one direction, gate by gate.

    Attributes
    ----------
    input, forget, candidate, output : GateWeights
        One gate each.
    activation : {"tanh", "relu"}
        Of the candidate, and of the cell state where it is shown.
    """

    input: GateWeights
    forget: GateWeights
    candidate: GateWeights
    output: GateWeights
    activation: str = "tanh"

    @classmethod
    def from_stacked(
        cls, from_input: Array, from_hidden: Array, bias: Array, *, activation: str
    ) -> LSTMWeights:
        """Cut weights that stand one gate below the other, in torch's order i, f, g, o.

        Parameters
        ----------
        from_input : ndarray, shape (4H, E)
            Of the inputs.
        from_hidden : ndarray, shape (4H, H)
            Of the hidden state.
        bias : ndarray, shape (4H,)
        activation : {"tanh", "relu"}

        Returns
        -------
        LSTMWeights
            In float64.
        """
        stacked = (np.asarray(part, np.float64) for part in (from_input, from_hidden, bias))
        split = (np.split(part, len(GATES)) for part in stacked)
        i, f, g, o = (GateWeights(*parts) for parts in zip(*split, strict=True))
        return cls(i, f, g, o, activation)

    @property
    def n_units(self) -> int:
        """Number of units, H."""
        return len(self.input.bias)


@dataclass(frozen=True)
class Step:
    """Everything that one step computed, each of shape (H,).

    Attributes
    ----------
    i, f, g, o, c, h : ndarray of float64
        As in the legend.
    before : ndarray of float64, shape (4, H)
        i, f, g and o before their activations.
    """

    i: Array
    f: Array
    g: Array
    o: Array
    c: Array
    h: Array
    before: Array


def lstm_step(x: Array, h: Array, c: Array, weights: LSTMWeights) -> Step:
    """Read one token.

    Parameters
    ----------
    x : ndarray of float64, shape (E,)
        Its vector.
    h, c : ndarray of float64, shape (H,)
        The states after the token before; zeros at the start.
    weights : LSTMWeights
        Of the layer and direction.

    Returns
    -------
    Step
    """
    act = ACTIVATIONS[weights.activation]
    before = np.stack([getattr(weights, gate)(x, h) for gate in GATES])  # (4, H)
    i = sigmoid(before[0])  # (H,)
    f = sigmoid(before[1])  # (H,)
    g = act(before[2])  # (H,)
    o = sigmoid(before[3])  # (H,)
    c = f * c + i * g  # (H,)
    h = o * act(c)  # (H,)
    return Step(i, f, g, o, c, h, before)
