"""What is saved was compared with the network before."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gatewise.base.errors import ModelFileError
from gatewise.classify.plain_model import plain_model
from gatewise.store import onnx_proof
from gatewise.store.archive import save
from gatewise.store.onnx_model import ONNX, onnx_bytes
from gatewise.store.onnx_proof import LARGEST_DIFFERENCE, check_graph, graph_difference


@pytest.mark.parametrize("case", ["modern", "held out", "classic", "minimal", "alone"])
def test_graphs_say_what_their_networks_say(case, fitted):
    model = fitted(case).model_
    content = onnx_bytes(model.network.config, model.network.arrays())
    assert graph_difference(model, content) <= LARGEST_DIFFERENCE
    assert graph_difference(model) <= LARGEST_DIFFERENCE
    check_graph(model, content)


@pytest.fixture
def other_graph(fitted):
    """Of the same network, but for one weight."""
    network = fitted("modern").model_.network
    arrays = {name: array.copy() for name, array in network.arrays().items()}
    arrays["dense.bias"][1] += 0.01
    return onnx_bytes(network.config, arrays)


def test_another_graph_is_refused(fitted, other_graph):
    model = fitted("modern").model_
    assert 1e-4 < graph_difference(model, other_graph) < 0.1
    with pytest.raises(ModelFileError, match="other probabilities as an ONNX graph"):
        check_graph(model, other_graph)


def test_what_float32_cannot_tell_apart_is_let_through(fitted, other_graph, monkeypatch):
    """Large scores make float32 inexact, in torch as in ONNX Runtime."""
    model = fitted("modern").model_
    assert 0 < onnx_proof._inexactness(model) < 1e-6
    monkeypatch.setattr(onnx_proof, "_inexactness", lambda _: 0.1)
    check_graph(model, other_graph)


@pytest.mark.parametrize("case", ["modern", "alone", "classic"])
def test_float64_is_the_measure_of_float32(case, fitted):
    model = fitted(case).model_
    tokens = onnx_proof._token_lists(model)[:20]
    exact = onnx_proof._stacked_exactly(plain_model(model), tokens)
    parts = onnx_proof._exact(model).read_tokens(tokens).parts
    assert exact.shape == (2, 20, 3)
    np.testing.assert_allclose(exact, np.exp([parts.lstm, parts.blend]), atol=1e-5)


def test_a_model_with_another_graph_is_not_saved(fitted, other_graph, tmp_path, monkeypatch):
    monkeypatch.setattr("gatewise.store.contents.onnx_bytes", lambda *_: other_graph)
    with pytest.raises(ModelFileError, match="the model cannot be saved: the network gives other"):
        save(fitted("modern"), tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_the_texts_are_many_and_of_all_kinds(fitted, monkeypatch):
    seen = []
    make = onnx_proof.make_predictor

    def spy(*arguments):
        predictor = make(*arguments)
        seen.append(predictor)
        return replace(predictor)

    monkeypatch.setattr(onnx_proof, "make_predictor", spy)
    model = fitted("modern").model_
    graph_difference(model, onnx_bytes(model.network.config, model.network.arrays()))
    texts = onnx_proof.golden_texts(model.vocabulary, model.seed, 400, onnx_proof.N_TEXTS)
    assert len(seen) == 1
    assert len(texts) == 200
    assert "" in texts
    assert max(len(text.split()) for text in texts) == 400


def test_the_file_is_part_of_the_model(model):
    entry = json.loads((model / "manifest.json").read_text())["files"][ONNX]
    assert entry["size"] == (model / ONNX).stat().st_size
