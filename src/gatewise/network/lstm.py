"""The LSTM layer in torch (Hochreiter & Schmidhuber 1997, with the forget gate of Gers 2000).

Two ways to the same numbers: torch's fused kernel for tanh, and our own loop over the steps
where the kernel has no answer (another activation, recurrent dropout). Gate order is torch's:

    i  input gate        how much of the candidate is written
    f  forget gate       how much of the old cell state is kept
    g  cell candidate    what could be written
    o  output gate       how much of the cell state is shown
    c  cell state        c = f * c + i * g
    h  hidden state      h = o * activation(c)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.network.draws import draw_uniform
from gatewise.network.side_by_side import run_side_by_side, threads_are_shared_out

__all__ = ["LSTMDirection", "LSTMLayer", "reverse_texts"]


class LSTMDirection(nn.Module):
    """One LSTM that reads from the first position to the last.

    Parameters
    ----------
    n_inputs : int
        Size of an input vector, E.
    n_units : int
        Size of the hidden state, H.
    activation : {"tanh", "relu"}
        Of the cell candidate and of the shown cell state.
    recurrent_dropout : float
        Share of the hidden state's units hidden from the gates while training, one draw per
        text, the same at all steps (Gal & Ghahramani 2016).
    generator : torch.Generator
        Draws the initial weights.

    Notes
    -----
    Initial weights are those of Keras: Glorot uniform inputs, orthogonal recurrent weights,
    and a forget bias of 1 (Jozefowicz et al. 2015).
    """

    def __init__(
        self,
        n_inputs: int,
        n_units: int,
        *,
        activation: str,
        recurrent_dropout: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.n_units = n_units
        self.activation = activation
        self.recurrent_dropout = recurrent_dropout
        self.generator = generator
        self.input_weights = nn.Parameter(torch.empty(4 * n_units, n_inputs))  # (4H, E)
        self.recurrent_weights = nn.Parameter(torch.empty(4 * n_units, n_units))  # (4H, H)
        self.bias = nn.Parameter(torch.zeros(4 * n_units))  # (4H,)
        nn.init.xavier_uniform_(self.input_weights, generator=generator)
        nn.init.orthogonal_(self.recurrent_weights, generator=generator)
        with torch.no_grad():
            self.bias[n_units : 2 * n_units] = 1.0

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute the hidden state after every position: (B, T, E) -> (B, T, H)."""
        if self.is_fused:
            return _read_fused(inputs, *self.weights, training=self.training)  # (B, T, H)
        recurrent_dropout = self.recurrent_dropout if self.training else 0.0
        return self._loop(inputs, recurrent_dropout)  # (B, T, H)

    @property
    def is_fused(self) -> bool:
        """Whether torch's kernel computes what is asked for."""
        return self.activation == "tanh" and not (self.training and self.recurrent_dropout)

    @property
    def weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """Input weights, recurrent weights, bias."""
        return self.input_weights, self.recurrent_weights, self.bias

    def _loop(self, inputs: Tensor, recurrent_dropout: float) -> Tensor:
        activate = torch.tanh if self.activation == "tanh" else torch.relu
        from_inputs = nn.functional.linear(inputs, self.input_weights, self.bias)  # (B, T, 4H)
        h = inputs.new_zeros(inputs.shape[0], self.n_units)  # (B, H)
        c = torch.zeros_like(h)  # (B, H)
        mask = self._dropout_mask(h, recurrent_dropout)  # (B, H)
        states = []
        for z in from_inputs.unbind(1):
            z = torch.addmm(z, h * mask, self.recurrent_weights.T)  # (B, 4H)
            i, f, g, o = z.chunk(4, dim=1)  # (B, H) each
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * activate(g)  # (B, H)
            h = torch.sigmoid(o) * activate(c)  # (B, H)
            states.append(h)
        return torch.stack(states, dim=1)  # (B, T, H)

    def _dropout_mask(self, h: Tensor, share: float) -> Tensor:
        if not share:
            return torch.ones_like(h)  # (B, H)
        draws = draw_uniform(tuple(h.shape), self.generator)  # (B, H)
        return ((draws >= share) / (1.0 - share)).to(h)  # (B, H)


def _as_it_is(states: Tensor) -> Tensor:
    return states


def _read_fused(
    inputs: Tensor,
    input_weights: Tensor,
    recurrent_weights: Tensor,
    bias: Tensor,
    *,
    training: bool,
) -> Tensor:
    start = inputs.new_zeros(1, inputs.shape[0], recurrent_weights.shape[1])  # (1, B, H)
    # The kernel has a second bias; ours is the sum.
    weights = [input_weights, recurrent_weights, bias, torch.zeros_like(bias)]
    if inputs.is_cuda:
        weights = _in_one_piece(weights)
    states, _, _ = torch.lstm(inputs, (start, start), weights, True, 1, 0.0, training, False, True)
    return states  # (B, T, H)


def _in_one_piece(weights: list[Tensor]) -> list[Tensor]:
    """Lay weights one behind the other in memory, as cuDNN wants them."""
    flat = torch.cat([weight.reshape(-1) for weight in weights])
    pieces = torch.split(flat, [weight.numel() for weight in weights])
    return [piece.view_as(weight) for piece, weight in zip(pieces, weights, strict=True)]


class LSTMLayer(nn.Module):
    """One layer of one or two directions; the backward one reads each text from its own end.

    Parameters
    ----------
    n_inputs, n_units, activation, recurrent_dropout, generator
        As for :class:`LSTMDirection`; ``n_units`` is per direction.
    bidirectional : bool
        Add an LSTM that reads from the last token to the first.
    """

    def __init__(
        self,
        n_inputs: int,
        n_units: int,
        *,
        bidirectional: bool,
        activation: str,
        recurrent_dropout: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()

        def direction() -> LSTMDirection:
            return LSTMDirection(
                n_inputs,
                n_units,
                activation=activation,
                recurrent_dropout=recurrent_dropout,
                generator=generator,
            )

        self.forward_direction = direction()
        self.backward_direction = direction() if bidirectional else None

    @property
    def fills_two_lanes(self) -> bool:
        """Whether there are two directions that torch's kernel computes."""
        return self.backward_direction is not None and self.forward_direction.is_fused

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Compute both directions' states: (B, T, E), (B,) -> (B, T, D * H)."""
        forward_states, *back = self.each_direction(inputs, lengths, _as_it_is)  # (B, T, H) each
        if not back:
            return forward_states
        return torch.cat([forward_states, reverse_texts(back[0], lengths)], dim=2)

    def each_direction(
        self, inputs: Tensor, lengths: Tensor, then: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, ...]:
        """Do something with each direction's states, in the lane where they are computed.

        Parameters
        ----------
        inputs : Tensor of shape (B, T, E)
            What is read.
        lengths : Tensor of int64, shape (B,)
            Number of positions of each text.
        then : callable
            States (B, T, H), in the order in which the direction reads them, -> any tensor.

        Returns
        -------
        tuple of D Tensors
            What it made of the states, forward and backward.
        """
        ahead, back = self.forward_direction, self.backward_direction
        if back is None:
            return (then(ahead(inputs)),)
        turned = reverse_texts(inputs, lengths)  # (B, T, E)
        if not (self.fills_two_lanes and threads_are_shared_out()):
            return then(ahead(inputs)), then(back(turned))

        def work(*tensors: Tensor) -> Tensor:
            return then(_read_fused(*tensors, training=self.training))

        return run_side_by_side(work, (inputs, *ahead.weights), (turned, *back.weights))


def reverse_texts(values: Tensor, lengths: Tensor) -> Tensor:
    """Turn each text of a padded batch round, leaving its padding behind it.

    Parameters
    ----------
    values : Tensor of shape (B, T, E)
        Anything per position.
    lengths : Tensor of int64, shape (B,)
        Number of positions of each text.

    Returns
    -------
    Tensor of shape (B, T, E)
    """
    if bool((lengths == values.shape[1]).all()):
        return values.flip(1)  # (B, T, E)
    n_texts, n_positions = values.shape[:2]
    position = torch.arange(n_positions, device=values.device)  # (T,)
    last = (lengths - 1)[:, None]  # (B, 1)
    source = torch.where(position <= last, last - position, position)  # (B, T)
    first = n_positions * torch.arange(n_texts, device=values.device)[:, None]  # (B, 1)
    turned: Tensor = _Turned.apply(values, (first + source).flatten())  # type: ignore[no-untyped-call]
    return turned  # (B, T, E)


class _Turned(torch.autograd.Function):
    """Rows in another order that is its own inverse, so the way back is the way there."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, order: Tensor) -> Tensor:
        ctx.order = order  # (B * T,)
        return _take_rows(values, order)  # (B, T, E)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _take_rows(gradients[0], ctx.order), None  # (B, T, E)


def _take_rows(values: Tensor, order: Tensor) -> Tensor:
    return values.flatten(0, 1).index_select(0, order).view_as(values)  # (B, T, E)
