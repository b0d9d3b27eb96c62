"""A network <-> a Keras 3 model, as a judge of ours and as a way in and out.

What a Keras model does not hold, and what stays outside: how a text is cut into tokens, vectors of
words that are not in the vocabulary (ours are made of character n-grams; the Keras model has one
vector for all of them), the n-gram companion, and the temperatures of the blend.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import MissingExtraError, ModelFileError
from gatewise.base.files import write_bytes
from gatewise.base.optional import require
from gatewise.classify.plain_model import PlainModel
from gatewise.text.vocabulary import UNKNOWN

__all__ = ["keras_ids", "open_keras", "to_keras", "write_keras"]

_BACKENDS = ("torch", "jax", "tensorflow")
_FAR_BELOW = 1e9  # no state of padding is a maximum


def open_keras() -> Any:
    """Import Keras, on a backend that is installed where none was chosen.

    Raises
    ------
    MissingExtraError
        If Keras, or every backend, is not installed.
    """
    if "keras" not in sys.modules and "KERAS_BACKEND" not in os.environ:
        installed = [name for name in _BACKENDS if importlib.util.find_spec(name)]
        if not installed:
            raise MissingExtraError(
                "Keras needs torch, jax or tensorflow to compute with, and none is installed; "
                "type: pip install 'gatewise[keras]'"
            )
        os.environ["KERAS_BACKEND"] = installed[0]
    return require("keras", extra="keras", purpose="make a Keras model")


def to_keras(model: PlainModel) -> Any:
    """Build the network as a Keras 3 model that plain Keras loads.

    Parameters
    ----------
    model : PlainModel
        A fitted model of any recipe.

    Returns
    -------
    keras.Model
        From ids, int of shape (B, T), to the network's outputs, (B, C), uncalibrated. Ids are those
        of the vocabulary with 0 for padding: in front, up to the longest text, where the recipe
        has a fixed length, and else behind; see :func:`keras_ids`.

    Raises
    ------
    MissingExtraError
        If Keras is not installed.
    """
    keras, config = open_keras(), model.network.config
    layers = keras.layers
    length = config.max_length if config.fixed_length else None
    ids = layers.Input((length,), dtype="int32", name="ids")
    vectors = _embedding(keras, model)(ids)  # (B, T, E)
    dropped = layers.SpatialDropout1D(config.spatial_dropout)(vectors)  # (B, T, E)
    states, mask = dropped, None if config.fixed_length else _mask(keras, ids)
    for number in range(config.layers):
        last = config.pooling == "last" and number + 1 == config.layers
        states = _lstm(keras, model, number, all_states=not last)(states)  # (B, T, D * H)
    if config.pool_vectors:
        states = layers.Concatenate()([states, dropped])  # (B, T, D * H + E)
    pooled = layers.Dropout(config.dropout)(_pool(keras, config.pooling, states, mask))  # (B, P)
    dense = layers.Dense(config.n_classes, activation=config.output, name="dense")
    network = keras.Model(ids, dense(pooled), name="gatewise")
    _set_weights(network, model)
    return network


def write_keras(model: PlainModel, path: Path) -> None:
    """Write a ``.keras`` file that ``keras.models.load_model`` reads without gatewise.

    Raises
    ------
    ModelFileError
        If the name does not end in ``.keras``.
    MissingExtraError
        If Keras is not installed.
    """
    if path.suffix != ".keras":
        raise ModelFileError(f"{path} must end in .keras, or Keras will not read it")
    network = to_keras(model)
    # Not beside it: a kill would leave it there.
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "model.keras"  # Keras wants the ending
        network.save(written)
        write_bytes(path, written.read_bytes())


def keras_ids(model: PlainModel, token_lists: Sequence[Sequence[str]]) -> NDArray[np.int32]:
    """Turn tokenised texts into what the Keras model reads, int32, shape (N, T)."""
    config, vocabulary = model.network.config, model.vocabulary
    rows = []
    for tokens in token_lists:
        steps = model.steps(np.arange(len(tokens)))
        rows.append([0 if step < 0 else vocabulary.word_id(tokens[step]) for step in steps])
    width = config.max_length if config.fixed_length else max(map(len, rows), default=1)
    ids = np.zeros((len(rows), width), dtype=np.int32)
    for row, found in zip(ids, rows, strict=True):
        row[: len(found)] = found
    return ids


def _embedding(keras: Any, model: PlainModel) -> Any:
    config = model.network.config
    return keras.layers.Embedding(
        config.n_words,
        config.vector_size,
        mask_zero=not config.fixed_length,
        trainable=not config.frozen_words,
        name="embedding",
    )


def _mask(keras: Any, ids: Any) -> Any:
    """Tell tokens from padding as 1.0 and 0.0, (B, T, 1)."""
    inside = keras.ops.cast(keras.ops.not_equal(ids, 0), "float32")  # (B, T)
    return keras.ops.expand_dims(inside, -1)  # (B, T, 1)


def _lstm(keras: Any, model: PlainModel, number: int, *, all_states: bool) -> Any:
    config = model.network.config
    layer = keras.layers.LSTM(
        config.units,
        activation=config.activation,
        recurrent_dropout=config.recurrent_dropout,
        return_sequences=all_states,
        name=f"lstm_{number + 1}",
    )
    if not config.bidirectional:
        return layer
    return keras.layers.Bidirectional(layer, name=f"bidirectional_{number + 1}")


def _pool(keras: Any, pooling: str, states: Any, mask: Any) -> Any:
    """Pool with operations that plain Keras knows; its own maximum reads padding."""
    ops = keras.ops
    if pooling == "flatten":
        return keras.layers.Flatten()(states)  # (B, T * D * H)
    if pooling == "last":
        return states  # (B, D * H)
    pooled = []
    if pooling.startswith("max"):
        shown = states if mask is None else states + (mask - 1.0) * _FAR_BELOW  # (B, T, D * H)
        pooled.append(ops.max(shown, axis=1))  # (B, D * H)
    if pooling.endswith("mean"):
        if mask is None:
            pooled.append(ops.mean(states, axis=1))  # (B, D * H)
        else:
            n_tokens = ops.maximum(ops.sum(mask, axis=1), 1.0)  # (B, 1)
            pooled.append(ops.sum(states * mask, axis=1) / n_tokens)  # (B, D * H)
    return pooled[0] if len(pooled) == 1 else keras.layers.Concatenate()(pooled)  # (B, P)


def _set_weights(network: Any, model: PlainModel) -> None:
    arrays, config = model.network.arrays, model.network.config
    network.get_layer("embedding").set_weights([_composed_vectors(model)])
    for number in range(config.layers):
        weights = _keras_lstm_weights(arrays, f"layers.{number}.forward_direction")
        name = f"lstm_{number + 1}"
        if config.bidirectional:
            weights += _keras_lstm_weights(arrays, f"layers.{number}.backward_direction")
            name = f"bidirectional_{number + 1}"
        network.get_layer(name).set_weights(weights)
    dense = [arrays["dense.weight"].T, arrays["dense.bias"]]
    network.get_layer("dense").set_weights(dense)


def _keras_lstm_weights(arrays: Any, name: str) -> list[NDArray[np.float32]]:
    """Kernel, recurrent kernel and bias: Keras has the gates in our order, and transposed."""
    return [
        arrays[f"{name}.input_weights"].T,
        arrays[f"{name}.recurrent_weights"].T,
        arrays[f"{name}.bias"],
    ]


def _composed_vectors(model: PlainModel) -> NDArray[np.float32]:
    """Compose the vector of every word as the LSTM reads it, (V, E)."""
    vocabulary = model.vocabulary
    spelt: list[list[int]] = [[] for _ in range(UNKNOWN + 1)]
    spelt += [vocabulary.known_ngrams(word) for word in vocabulary.words[UNKNOWN + 1 :]]
    vectors = model.network.vectors(range(len(vocabulary)), spelt)  # (V, E)
    return vectors.astype(np.float32)
