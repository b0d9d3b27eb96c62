"""Before a model is saved: whether its graph says what its network says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import ModelFileError
from gatewise.classify.model import FittedModel
from gatewise.classify.plain_model import PlainModel, plain_model
from gatewise.classify.reading import PartScores
from gatewise.network.model import build_network
from gatewise.network.precision import Precision
from gatewise.store.golden import golden_texts
from gatewise.store.onnx_model import reads_front_once
from gatewise.store.onnx_session import make_predictor
from gatewise.text.tokens import tokenize

__all__ = ["LARGEST_DIFFERENCE", "N_TEXTS", "check_graph", "graph_difference"]

N_TEXTS = 200
LARGEST_DIFFERENCE = 1e-5  # of a probability
# A network that has grown large scores is not exact to that in float32, in torch no more than here.
_AS_INEXACT = 4.0

Tokens = Sequence[Sequence[str]]
Probabilities = NDArray[np.float64]


def graph_difference(model: FittedModel, content: bytes | None = None) -> float:
    """Compare a graph with the network it was drawn from.

    Parameters
    ----------
    model : FittedModel
        With the network, wherever that lies.
    content : bytes, optional
        The graph. None: the one that a predictor computes with.

    Returns
    -------
    float
        The largest difference of a probability, of the network alone and of the model's answer,
        for 200 texts made of the vocabulary's words; from 0 to 1.
    """
    reference = _exact(model)
    predictor = make_predictor(plain_model(reference), content)
    tokens = _token_lists(model)
    found = _stacked(predictor.read_tokens(tokens).parts)  # (2, N, C)
    return float(np.abs(found - _stacked(reference.read_tokens(tokens).parts)).max())


def check_graph(model: FittedModel, content: bytes) -> None:
    """Check that a graph may be saved beside its network.

    Raises
    ------
    ModelFileError
        If a probability differs by more than ``LARGEST_DIFFERENCE``, and by more than torch's
        float32 can explain.
    """
    difference = graph_difference(model, content)
    if reads_front_once(model.network.config):
        difference = max(difference, graph_difference(model))
    if difference <= LARGEST_DIFFERENCE or difference <= _AS_INEXACT * _inexactness(model):
        return
    raise ModelFileError(
        f"the network gives other probabilities as an ONNX graph, by up to {difference:.2g}; "
        "please report this, with the versions of onnxruntime and torch"
    )


def _inexactness(model: FittedModel) -> float:
    """Measure how far torch's probabilities in float32 are from those in float64."""
    reference, tokens = _exact(model), _token_lists(model)
    exact = _stacked_exactly(plain_model(reference), tokens)
    return float(np.abs(_stacked(reference.read_tokens(tokens).parts) - exact).max())


def _exact(model: FittedModel) -> FittedModel:
    """Take the network to the processor, in float32."""
    network = model.network
    if network.words.weight.device.type != "cpu":
        network = build_network(network.config, network.arrays(), seed=model.seed)
    return replace(model, network=network, precision=Precision())


def _token_lists(model: FittedModel) -> Tokens:
    length = model.network.config.max_length
    texts = golden_texts(model.vocabulary, model.seed, length, N_TEXTS)
    return [tokenize(text, model.language) for text in texts]


def _stacked(parts: PartScores) -> Probabilities:
    """Stack what the network alone and what the model says, (2, N, C)."""
    return np.exp(np.stack([parts.lstm, parts.blend]))


def _stacked_exactly(plain: PlainModel, tokens: Tokens) -> Probabilities:
    """Do the same in float64, one text after the other."""
    logits = np.stack([plain.trace(one).logits for one in tokens])  # (N, C)
    margins = plain.ngrams.scores(tokens) if plain.ngrams else None
    return np.stack([plain.blended(logits, None), plain.blended(logits, margins)])
