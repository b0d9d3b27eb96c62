"""A user's Keras 3 model -> a model as arrays, so that it can be replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import ConfigError
from gatewise.classify.blend import Blend
from gatewise.classify.plain_model import PlainModel
from gatewise.network.config import NetworkConfig
from gatewise.network.plain import PlainNetwork, plain_log_probabilities
from gatewise.text.tokens import AUTO
from gatewise.text.vocabulary import Vocabulary

__all__ = ["from_keras"]

Array = NDArray[np.float32]

_IDLE = ("InputLayer", "Dropout", "SpatialDropout1D", "GaussianNoise", "ActivityRegularization")
_POOLINGS = {
    "Flatten": "flatten",
    "GlobalMaxPooling1D": "max",
    "GlobalAveragePooling1D": "mean",
}
_ORDER = (
    "Embedding, then one or more LSTM or Bidirectional(LSTM), then nothing, Flatten, "
    "GlobalMaxPooling1D or GlobalAveragePooling1D, then Dense; dropout anywhere"
)
_N_TRIED = 12  # tokens that both are asked about
_LARGEST_DIFFERENCE, _OF_HALF_PRECISION = 1e-4, 2e-2  # of a probability


def from_keras(
    keras_model: Any,
    tokens: Sequence[str] | Mapping[str, int],
    labels: Sequence[str],
    *,
    language: str = AUTO,
    unknown: int | None = None,
) -> PlainModel:
    """Take a Keras model over, so that :func:`gatewise.replay` works on it.

    Parameters
    ----------
    keras_model : keras.Model
        Embedding -> (dropout) -> LSTM or Bidirectional, one or more -> (pooling) -> (dropout) ->
        Dense with softmax or sigmoid. Either its input has a fixed length, and padding stands in
        front and is read like words (``pad_sequences`` with its defaults, no ``mask_zero``), or
        padding is masked or there is none.
    tokens : sequence of str or mapping of str to int
        The token of each row of the embedding from row 1 on, or each token's row, as in
        ``word_index`` of Keras' Tokenizer. Row 0 is padding.
    labels : sequence of str
        The C classes in the order of the outputs.
    language : str
        How texts are cut into tokens; see :func:`gatewise.text.tokens.tokenize`.
    unknown : int, optional
        The row of words that are not among the tokens; without it such words are left out of a
        text, as Keras' Tokenizer does.

    Returns
    -------
    PlainModel

    Raises
    ------
    ConfigError
        If the model has another form, or tokens or labels do not fit it. Both are asked about a
        few tokens, so what the list of layers does not show, such as a sum of two of them, is
        refused as well.
    """
    stages = _Stages(keras_model)
    vocabulary, table = _vocabulary(tokens, stages.embedding, unknown)
    weights, bias = _dense(stages.dense)
    if len(labels) != len(bias):
        raise ConfigError(f"the model has {len(bias)} outputs, and {len(labels)} labels were given")
    if len(set(labels)) < len(labels):
        raise ConfigError("one of the labels stands twice; name each output in its own way")
    config = stages.config(len(vocabulary), table.shape[1], len(bias))
    arrays = {"words.weight": table, "dense.weight": weights, "dense.bias": bias}
    for number, layer in enumerate(stages.lstms):
        arrays |= _lstm_arrays(layer, number, stages.bidirectional)
    network = PlainNetwork(config, arrays)
    _check_answers(keras_model, network, stages)
    return PlainModel(
        language=language,
        classes=np.array([str(label) for label in labels]),
        vocabulary=vocabulary,
        network=network,
        ngrams=None,
        blend=Blend(),
        drops_unknown=unknown is None,
    )


class _Stages:
    """The layers of a Keras model by what they do; refuses what a replay cannot show."""

    def __init__(self, keras_model: Any) -> None:
        if not isinstance(getattr(keras_model, "layers", None), list):
            raise ConfigError(
                f"a Keras model is needed, and this is {type(keras_model).__name__} "
                f"{keras_model!r:.80}; open a file with keras.models.load_model first"
            )
        layers = [one for one in keras_model.layers if type(one).__name__ not in _IDLE]
        kinds = [type(one).__name__ for one in layers]
        is_lstm = [kind in ("LSTM", "Bidirectional") for kind in kinds]
        n_lstms = sum(is_lstm)
        rest = kinds[1 + n_lstms :]
        pooled = rest[:-1]
        in_order = kinds[:1] == ["Embedding"] and all(is_lstm[1 : 1 + n_lstms]) and n_lstms
        if (
            not in_order
            or rest[-1:] != ["Dense"]
            or len(pooled) > 1
            or set(pooled) - set(_POOLINGS)
        ):
            raise ConfigError(
                f"the Keras model has the layers {', '.join(kinds) or 'none'}, and a replay can "
                f"show: {_ORDER}"
            )
        self.embedding, self.dense = layers[0], layers[-1]
        self.lstms = layers[1 : 1 + n_lstms]
        self.pooling = _POOLINGS[pooled[0]] if pooled else "last"
        self._check_lstms()
        self._check_padding(keras_model)
        if self.dense.activation.__name__ not in ("softmax", "sigmoid"):
            raise ConfigError(
                f"the last layer has the activation {self.dense.activation.__name__!r}; a replay "
                "can show 'softmax' and 'sigmoid'"
            )

    def config(self, n_words: int, dimension: int, n_classes: int) -> NetworkConfig:
        """Describe the network as ours."""
        return NetworkConfig(
            n_words=n_words,
            n_ngrams=0,
            n_classes=n_classes,
            word_dimension=dimension,
            ngram_dimension=0,
            units=self.units,
            layers=len(self.lstms),
            bidirectional=self.bidirectional,
            activation=self.activation,
            pooling=self.pooling,
            max_length=self.max_length,
            fixed_length=self.fixed_length,
            frozen_words=not self.embedding.trainable,
            output=self.dense.activation.__name__,
        )

    def _check_lstms(self) -> None:
        cells = [_forward_of(layer) for layer in self.lstms]
        if foreign := [one for one in cells if type(one).__name__ != "LSTM"]:
            raise ConfigError(
                f"the Keras model has the layer Bidirectional({type(foreign[0]).__name__}), and a "
                f"replay can show: {_ORDER}"
            )
        kinds = {type(layer).__name__ for layer in self.lstms}
        self.bidirectional = kinds == {"Bidirectional"}
        self.units, self.activation = cells[0].units, cells[0].activation.__name__
        for number, (layer, cell) in enumerate(zip(self.lstms, cells, strict=True), 1):
            plain = _is_plain(cell, self.units, self.activation) and not cell.go_backwards
            if back := getattr(layer, "backward_layer", None):
                plain = plain and _is_plain(back, self.units, self.activation) and back.go_backwards
            joined = getattr(layer, "merge_mode", "concat") == "concat"
            all_states = cell.return_sequences == (number < len(cells) or self.pooling != "last")
            if len(kinds) > 1 or not (plain and joined and all_states):
                raise ConfigError(
                    f"LSTM layer {number} of the Keras model cannot be shown: all layers must be "
                    "of one kind, size and activation ('tanh' or 'relu'), with a sigmoid as "
                    "recurrent_activation, not go_backwards, merged by 'concat', and with "
                    "return_sequences in all but a last one that is not pooled"
                )

    def _check_padding(self, keras_model: Any) -> None:
        if not getattr(keras_model, "input_shape", None):
            raise ConfigError(
                "the Keras model does not know the shape of its input yet; begin it with "
                "Input((length,)), or Input((None,)) for texts of any length"
            )
        length = keras_model.input_shape[1]
        masked = bool(self.embedding.mask_zero)
        if masked and self.pooling in ("flatten", "max"):
            raise ConfigError(
                f"mask_zero is lost before {self.pooling!r} pooling in Keras, so the answer "
                "depends on how long the padding is; set mask_zero=False and keep one length"
            )
        self.length, self.masked = length, masked
        self.fixed_length = length is not None and not masked
        self.max_length = int(length) if length is not None else 1_000_000
        if self.pooling == "flatten" and length is None:
            raise ConfigError("a model with Flatten must have an input of a fixed length")


def _vocabulary(
    tokens: Sequence[str] | Mapping[str, int], embedding: Any, unknown: int | None
) -> tuple[Vocabulary, Array]:
    """Order the rows of an embedding as ours are: padding, unknown, words."""
    table = np.asarray(_numpy(embedding.embeddings), dtype=np.float32)  # (rows, E)
    rows = dict(tokens) if isinstance(tokens, Mapping) else {t: n for n, t in enumerate(tokens, 1)}
    for token, row in rows.items():
        if not (isinstance(token, str) and isinstance(row, int | np.integer)):
            raise ConfigError(
                f"the token {token!r:.60} is given the row {row!r:.60}; a token is a string, and "
                "its row a whole number"
            )
    far = [token for token, row in rows.items() if not 0 < row < len(table)]
    if far and isinstance(tokens, Mapping):  # num_words of the Tokenizer cuts its word_index
        rows = {token: row for token, row in rows.items() if 0 < row < len(table)}
    elif far or len(rows) != len(tokens):
        raise ConfigError(
            f"{len(tokens)} tokens were given for an embedding of {len(table)} rows, of which the "
            "first is padding; give each token once, in the order of the rows"
        )
    if unknown is not None and not 0 <= unknown < len(table):
        raise ConfigError(f"unknown is row {unknown}; the embedding has rows 0 to {len(table) - 1}")
    kept = {token: row for token, row in rows.items() if row != unknown}
    order = [0, 0 if unknown is None else unknown, *kept.values()]
    return Vocabulary(list(kept), [1] * len(kept)), table[order]


def _dense(layer: Any) -> tuple[Array, Array]:
    weights = np.asarray(_numpy(layer.kernel), dtype=np.float32).T  # (C, P)
    if len(weights) < 2:
        raise ConfigError(
            "the last layer has one output; a replay needs one for each class, so train with "
            "Dense(2, activation='softmax')"
        )
    bias = _numpy(layer.bias) if layer.use_bias else np.zeros(len(weights))
    return np.ascontiguousarray(weights), np.asarray(bias, dtype=np.float32)


def _lstm_arrays(layer: Any, number: int, bidirectional: bool) -> dict[str, Array]:
    directions = {"forward": _forward_of(layer)}
    if bidirectional:
        directions["backward"] = layer.backward_layer
    arrays = {}
    for way, one in directions.items():
        name, cell = f"layers.{number}.{way}_direction", one.cell
        bias = _numpy(cell.bias) if one.use_bias else np.zeros(4 * one.units)
        parts = {
            "input_weights": _numpy(cell.kernel).T,
            "recurrent_weights": _numpy(cell.recurrent_kernel).T,
            "bias": bias,
        }
        for part, values in parts.items():
            arrays[f"{name}.{part}"] = np.ascontiguousarray(values, dtype=np.float32)
    return arrays


def _check_answers(keras_model: Any, network: PlainNetwork, stages: _Stages) -> None:
    """Ask both about the same tokens; layers do not tell how a model puts them together."""
    table = np.asarray(_numpy(stages.embedding.embeddings), dtype=np.float64)  # (rows, E)
    n_tokens = min(stages.length or _N_TRIED, _N_TRIED)
    tokens = 1 + np.arange(n_tokens) % max(1, len(table) - 1)
    if len(table) < 2:  # nothing but padding
        return
    ids = np.zeros((1, stages.length or n_tokens), dtype=np.int32)
    ids[0, -n_tokens:] = tokens
    told = np.asarray(keras_model.predict_on_batch(ids), dtype=np.float64)  # (1, C)
    logits = network.trace(table[tokens if stages.masked else ids[0]]).logits  # (C,)
    found = np.exp(plain_log_probabilities(logits[None], network.config.output))  # (1, C)
    difference = float(np.abs(found - told / told.sum()).max())
    is_single = all(layer.compute_dtype == "float32" for layer in keras_model.layers)
    if not difference <= (_LARGEST_DIFFERENCE if is_single else _OF_HALF_PRECISION):
        raise ConfigError(
            f"the Keras model answers otherwise than its layers do one after the other, by "
            f"{difference:.2g} of a probability; a replay can show: {_ORDER}, with nothing that is "
            "no layer between them, such as a sum, a product or a layer that is used twice"
        )


def _is_plain(cell: Any, units: int, activation: str) -> bool:
    """Say whether a layer is an LSTM of that size and activation, with sigmoid gates."""
    return type(cell).__name__ == "LSTM" and (
        cell.units,
        cell.activation.__name__,
        cell.recurrent_activation.__name__,
    ) == (units, activation, "sigmoid")


def _forward_of(layer: Any) -> Any:
    return getattr(layer, "forward_layer", layer)


def _numpy(variable: Any) -> NDArray[Any]:
    if hasattr(variable, "detach"):  # a tensor of torch, as low-rank changes to a layer make one
        variable = variable.detach().cpu()
    return np.asarray(variable.numpy() if hasattr(variable, "numpy") else variable)
