"""A replay -> what its page draws: plain values, and large arrays as base64 of float32."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.explain.record import Replay
from gatewise.network.plain import DirectionTrace

__all__ = ["page_data", "unit_contributions"]

Array = NDArray[np.float64]

_N_CLASSES = 5
_N_UNITS = 24
_NAMES = ("i", "f", "g", "o", "c", "h")


def page_data(replay: Replay) -> dict[str, Any]:
    """Collect what the page's pictures are drawn of.

    Parameters
    ----------
    replay : Replay
        What was found.

    Returns
    -------
    dict
        JSON can hold it; classes are the most likely ones, in that order.
    """
    classes = replay.most_likely(_N_CLASSES)
    return {
        "labels": [replay.labels[number] for number in classes],
        "tokens": [token.surface for token in replay.tokens],
        "kinds": [token.kind for token in replay.tokens],
        "credits": replay.credits.steps[:, classes].T.round(6).tolist(),
        "without": [
            [
                _rounded(replay.without[step][number]) if step in replay.without else None
                for step in range(len(replay.tokens))
            ]
            for number in classes
        ],
        "probabilities": [_rounded(replay.probabilities[number]) for number in classes],
        "reading": {
            "tokens": replay.reading.lengths,
            "words": [replay.token_at(length) for length in replay.reading.lengths],
            "probabilities": replay.reading.probabilities[:, classes].T.round(5).tolist(),
        },
        "layers": [
            {
                "name": _name(replay, number, one),
                "backward": one.backward,
                "contributions": unit_contributions(replay, number, one).round(6).tolist(),
                "arrays": {name: _packed(getattr(one, name)) for name in _NAMES},
            }
            for number, layer in enumerate(replay.layers)
            for one in layer.directions
        ],
        "units": _units(replay),
        "activation": replay.config.activation,
    }


def unit_contributions(replay: Replay, number: int, one: DirectionTrace) -> Array:
    """How much each unit of a direction adds to the score decided for, in nats, (H,).

    Units of the last layer, through the pooled vector; those of the layers before it are read by
    others only, and are given their mean size instead.
    """
    if number + 1 < len(replay.layers):
        return np.asarray(np.abs(one.h).mean(axis=0))
    shares = replay.credits.pooled[:, replay.decision]  # (P,)
    n_states = replay.layers[-1].states.shape[1]
    n_units = one.h.shape[1]
    width = n_states + (replay.config.vector_size if replay.config.pool_vectors else 0)
    total = np.zeros(n_states)
    for start in range(0, len(shares), width):
        total += shares[start : start + n_states]
    return total[n_units:] if one.backward else total[:n_units]


def _units(replay: Replay) -> list[dict[str, Any]]:
    """Pick the units of the last layer that count most, with what its gates were made of."""
    found: list[dict[str, Any]] = []
    number = len(replay.layers) - 1
    for one in replay.layers[-1].directions:
        contributions = unit_contributions(replay, number, one)
        for unit in np.argsort(-np.abs(contributions), kind="stable")[:_N_UNITS]:
            found.append(
                {
                    "direction": _name(replay, number, one),
                    "backward": one.backward,
                    "unit": int(unit),
                    "contribution": _rounded(contributions[unit]),
                    "before": one.before[:, :, unit].round(6).tolist(),
                    **{name: getattr(one, name)[:, unit].round(6).tolist() for name in _NAMES},
                }
            )
    found.sort(key=lambda unit: -abs(unit["contribution"]))
    return found[:_N_UNITS]


def _name(replay: Replay, number: int, one: DirectionTrace) -> str:
    layer = f"layer {number + 1}, " if len(replay.layers) > 1 else ""
    return f"{layer}reading {'backward' if one.backward else 'forward'}"


def _packed(values: Array) -> dict[str, Any]:
    content = np.ascontiguousarray(values, dtype="<f4").tobytes()
    return {"shape": list(values.shape), "base64": base64.b64encode(content).decode("ascii")}


def _rounded(value: float) -> float:
    return round(float(value), 6)
