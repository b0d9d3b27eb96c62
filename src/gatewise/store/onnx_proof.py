"""Before a model is saved: whether its graph says what its network says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gatewise.base.errors import ModelFileError
from gatewise.classify.model import FittedModel
from gatewise.classify.plain_model import plain_model
from gatewise.network.model import build_network
from gatewise.network.precision import Precision
from gatewise.store.golden import golden_texts
from gatewise.store.onnx_session import make_predictor

__all__ = ["LARGEST_DIFFERENCE", "N_TEXTS", "check_graph", "graph_difference"]

N_TEXTS = 200
LARGEST_DIFFERENCE = 1e-5  # of a probability


def graph_difference(model: FittedModel, content: bytes) -> float:
    """Compare a graph with the network it was drawn from.

    Parameters
    ----------
    model : FittedModel
        With the network, wherever that lies.
    content : bytes
        The graph.

    Returns
    -------
    float
        The largest difference of a probability, of the network alone and of the model's answer,
        for 200 texts made of the vocabulary's words; from 0 to 1.
    """
    network = model.network
    if network.words.weight.device.type != "cpu":
        network = build_network(network.config, network.arrays(), seed=model.seed)
    reference = replace(model, network=network, precision=Precision())
    predictor = make_predictor(plain_model(reference), content)
    texts = golden_texts(model.vocabulary, model.seed, network.config.max_length, N_TEXTS)
    tokens = [predictor.tokens(text) for text in texts]
    one, other = predictor.read_tokens(tokens).parts, reference.read_tokens(tokens).parts
    pairs = ((one.lstm, other.lstm), (one.blend, other.blend))
    return float(max(np.abs(np.exp(a) - np.exp(b)).max() for a, b in pairs))


def check_graph(model: FittedModel, content: bytes) -> None:
    """Check that a graph may be saved beside its network.

    Raises
    ------
    ModelFileError
        If a probability differs by more than ``LARGEST_DIFFERENCE``.
    """
    difference = graph_difference(model, content)
    if not difference <= LARGEST_DIFFERENCE:
        raise ModelFileError(
            f"the network gives other probabilities as an ONNX graph, by up to {difference:.2g}; "
            "please report this, with the versions of onnxruntime and torch"
        )
