"""Keras as judge: the recipes as a user would write them, with the same weights."""

import importlib.util
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from gatewise.base.errors import MissingExtraError, ModelFileError
from gatewise.classify.blend import Blend
from gatewise.classify.model import FittedModel
from gatewise.classify.plain_model import plain_model
from gatewise.classify.plan import network_config, settle_recipe
from gatewise.network.model import TextNetwork, TokenBatch, log_probabilities
from gatewise.network.optimiser import NetworkOptimiser
from gatewise.network.recipes import choose_recipe
from gatewise.store import keras_model
from gatewise.store.keras_model import keras_ids, open_keras, to_keras, write_keras
from gatewise.store.plain_archive import load_plain
from gatewise.text.vocabulary import Vocabulary, spell

# Keras on torch with numpy 2: in Keras itself.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

N_CLASSES, LENGTH, N_WORDS = 4, 7, 12
WORDS = ["my", "card", "is", "lost", "again", "what", "the", "balance", "send", "money"]
OFF = {"spatial_dropout": 0.0, "dropout": 0.0, "recurrent_dropout": 0.0}
RECIPES = {
    "classic": {},
    "classic, tanh": {"activation": "tanh"},
    "classic, sigmoid": {"output": "sigmoid"},
    "minimal": {},
    "minimal, relu": {"activation": "relu"},
    "minimal, sigmoid": {"output": "sigmoid"},
}
MODERN = {
    "modern": {},
    "max": {"pooling": "max", "layers": 2},
    "mean": {"pooling": "mean", "pool_vectors": True, "bidirectional": False},
    "last": {"pooling": "last", "layers": 2, "activation": "relu"},
    "fixed": {"fixed_length": True, "pooling": "max-mean"},
    "sigmoid": {"output": "sigmoid", "projection": 0},
}


@pytest.fixture(scope="module")
def keras():
    module = open_keras()
    assert module.backend.backend() == "torch"
    return module


def make_network(name, changes, *, ngrams=0, seed=3):
    """A network of a recipe with random, unequal weights."""
    sizes = {"word_dimension": 6, "units": 5, "max_length": LENGTH, "batch_size": 1, "epochs": 1}
    recipe, _ = settle_recipe(choose_recipe(name, **sizes | OFF | changes), np.full(9, LENGTH))
    known = sorted({ngram for word in WORDS for ngram in spell(word)})[::2] if ngrams else []
    vocabulary = Vocabulary(WORDS, [1] * len(WORDS), known)
    network = TextNetwork(network_config(recipe, vocabulary, "abcd"), seed=seed).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.4 * torch.randn(weight.shape, generator=generator)
        network.words.weight[0] = 0.0
    return FittedModel(
        recipe=recipe,
        language="auto",
        labels=tuple("abcd"),
        vocabulary=vocabulary,
        network=network,
        ngrams=None,
        blend=Blend(),
        history=[],
        facts={},
        seed=seed,
    )


def as_users_write_it(keras, config):
    """The question's and the answer's network in Keras 3, line by line."""
    layers = keras.layers
    classic = config.pooling == "flatten"
    network = keras.Sequential(
        [
            layers.Input((LENGTH if classic else None,)),
            layers.Embedding(N_WORDS, 6, trainable=not config.frozen_words, mask_zero=not classic),
            layers.SpatialDropout1D(0.0),
            layers.LSTM(5, return_sequences=classic, activation=config.activation),
            layers.Dropout(0.0),
            *([layers.Flatten()] if classic else []),
            layers.Dense(N_CLASSES, activation=config.output),
        ]
    )
    embedding, lstm, dense = (
        layer for layer in network.layers if type(layer).__name__ in ("Embedding", "LSTM", "Dense")
    )
    return network, embedding, lstm, dense


def with_weights_of(keras, network):
    """That network, with our weights put in gate by gate."""
    model, embedding, lstm, dense = as_users_write_it(keras, network.config)
    weights = {name: value.detach().numpy() for name, value in network.named_parameters()}
    ahead = "layers.0.forward_direction."
    gates = {
        part: np.split(weights[ahead + part], 4)
        for part in ("input_weights", "recurrent_weights", "bias")
    }
    order = [0, 1, 2, 3]  # Keras: input, forget, candidate, output
    embedding.set_weights([weights["words.weight"]])
    lstm.set_weights(
        [
            np.concatenate([gates["input_weights"][gate].T for gate in order], axis=1),
            np.concatenate([gates["recurrent_weights"][gate].T for gate in order], axis=1),
            np.concatenate([gates["bias"][gate] for gate in order]),
        ]
    )
    dense.set_weights([weights["dense.weight"].T, weights["dense.bias"]])
    return model


def draw_ids(network, n_texts=6, seed=0, words=range(2, N_WORDS)):
    """Texts of different lengths as Keras reads them: padding in front, or behind."""
    generator = np.random.default_rng(seed)
    ids = np.zeros((n_texts, LENGTH), dtype=np.int64)
    for row in ids:
        length = int(generator.integers(1, LENGTH + 1))
        text = generator.choice(list(words), length)
        if network.config.fixed_length:
            row[LENGTH - length :] = text
        else:
            row[:length] = text
    return ids


def as_batch(network, ids):
    distinct, positions = np.unique(ids, return_inverse=True)
    if distinct[0] != 0:
        distinct, positions = np.concatenate([[0], distinct]), positions + 1
    lengths = np.full(len(ids), ids.shape[1])
    if not network.config.fixed_length:
        lengths = (ids > 0).sum(axis=1)
    return TokenBatch(
        torch.from_numpy(distinct),
        torch.zeros(0, dtype=torch.int64),
        torch.zeros(len(distinct) + 1, dtype=torch.int64),
        torch.from_numpy(positions.reshape(ids.shape)),
        torch.from_numpy(lengths),
    )


def outputs_of(network, ids):
    logits = network(as_batch(network, ids))
    return torch.sigmoid(logits) if network.config.output == "sigmoid" else logits.softmax(1)


def our_loss(network, ids, targets):
    logits = network(as_batch(network, ids))
    found = log_probabilities(logits, network.config.output)
    return -found[torch.arange(len(ids)), torch.from_numpy(targets)].mean()


# The judge


@pytest.mark.parametrize("case", RECIPES)
def test_outputs_are_those_of_keras(keras, case):
    network = make_network(case.partition(",")[0], RECIPES[case]).network
    ids = draw_ids(network, 20)
    found = with_weights_of(keras, network).predict(ids, verbose=0)
    np.testing.assert_allclose(found, outputs_of(network, ids).detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("case", RECIPES)
def test_gradients_are_those_of_keras(keras, case):
    network = make_network(case.partition(",")[0], RECIPES[case]).network
    ids, targets = draw_ids(network), np.array([0, 1, 2, 3, 1, 1])
    network.zero_grad()
    our_loss(network, ids, targets).backward()
    model = with_weights_of(keras, network)
    for variable in model.variables:
        variable.value.grad = None
    loss = keras.losses.categorical_crossentropy(
        torch.eye(N_CLASSES)[targets], model(torch.from_numpy(ids), training=False)
    ).mean()
    loss.backward()
    assert float(loss.detach()) == pytest.approx(
        float(our_loss(network, ids, targets).detach()), abs=1e-5
    )
    ours = {name: weight.grad for name, weight in network.named_parameters()}
    direction = "layers.0.forward_direction."
    pairs = {
        "kernel": ours[direction + "input_weights"].T,
        "recurrent_kernel": ours[direction + "recurrent_weights"].T,
        "bias": ours[direction + "bias"],
    }
    lstm, dense = (
        next(layer for layer in model.layers if type(layer).__name__ == name)
        for name in ("LSTM", "Dense")
    )
    for name, expected in pairs.items():
        torch.testing.assert_close(getattr(lstm.cell, name).value.grad, expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(dense.kernel.value.grad, ours["dense.weight"].T, rtol=0, atol=1e-5)
    if not network.config.frozen_words:
        embedding = next(one for one in model.layers if type(one).__name__ == "Embedding")
        expected = ours["words.weight"].to_dense()
        torch.testing.assert_close(
            embedding.embeddings.value.grad[1:], expected[1:], rtol=0, atol=1e-5
        )


@pytest.mark.parametrize("case", ["classic", "classic, sigmoid", "minimal"])
def test_a_training_of_three_epochs_stays_with_keras(keras, case):
    """Every step uses every word: rows that a step does not use rest here and drift in Keras."""
    network = make_network(case.partition(",")[0], RECIPES[case]).network
    ids = draw_ids(network, 30, words=range(2, 6))
    ids[:, -1] = np.arange(30) % 4 + 2 if network.config.fixed_length else ids[:, -1]
    targets = np.arange(30) % N_CLASSES
    model = with_weights_of(keras, network)
    model.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy")
    optimiser = NetworkOptimiser(
        network,
        learning_rate=1e-3,
        word_rate=1.0,
        weight_decay=0.0,
        gradient_clip=0.0,
        beta2=0.999,
        epsilon=1e-7,
    )
    network.train()
    for _ in range(3):
        for rows in (slice(0, 15), slice(15, 30)):
            assert {2, 3, 4, 5} <= set(ids[rows].ravel())
            model.train_on_batch(ids[rows], np.eye(N_CLASSES)[targets[rows]])
            optimiser.zero_grad()
            our_loss(network, ids[rows], targets[rows]).backward()
            optimiser.step(1.0)
    network.eval()
    np.testing.assert_allclose(
        model.predict(ids, verbose=0), outputs_of(network, ids).detach().numpy(), atol=1e-4
    )


# Out


def known_texts():
    generator = np.random.default_rng(2)
    return [list(generator.choice(WORDS, n)) for n in (1, 3, 7, 7, 5)]


@pytest.mark.parametrize("case", [*RECIPES, *MODERN])
def test_a_model_goes_to_keras(keras, case):
    name = "modern" if case in MODERN else case.partition(",")[0]
    changes = {**MODERN, **RECIPES}[case] | ({"ngram_dimension": 3} if name == "modern" else {})
    fitted = make_network(
        name, {"projection": 4} | changes if name == "modern" else changes, ngrams=1
    )
    model, texts = plain_model(fitted), known_texts()
    found = to_keras(model).predict(keras_ids(model, texts), verbose=0)
    logits = torch.from_numpy(fitted.logits(texts))
    expected = logits.sigmoid() if fitted.network.config.output == "sigmoid" else logits.softmax(1)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_plain_keras_reads_the_file(keras, tmp_path):
    """In a process of its own, where there is no gatewise."""
    model = plain_model(make_network("modern", {"ngram_dimension": 3}, ngrams=1))
    write_keras(model, tmp_path / "m.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["m.keras"]
    ids = keras_ids(model, known_texts())
    np.save(tmp_path / "ids.npy", ids)
    program = """
        import sys
        sys.modules["gatewise"] = None
        import keras, numpy
        network = keras.models.load_model(sys.argv[1])
        numpy.save(sys.argv[3], network.predict(numpy.load(sys.argv[2]), verbose=0))
    """
    paths = [tmp_path / name for name in ("m.keras", "ids.npy", "out.npy")]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *paths],
        env={**os.environ, "KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    expected = to_keras(model).predict(ids, verbose=0)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), expected, atol=1e-6)


def test_the_file_must_end_as_keras_wants_it(tmp_path):
    model = plain_model(make_network("minimal", {}))
    with pytest.raises(ModelFileError, match=r"must end in \.keras"):
        write_keras(model, tmp_path / "m.h5")


def test_a_chosen_backend_is_kept(monkeypatch):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(keras_model, "require", lambda *_, **__: "keras")
    assert open_keras() == "keras"
    assert os.environ["KERAS_BACKEND"] == "jax"


@pytest.mark.parametrize(("installed", "chosen"), [(["jax", "torch"], "torch"), (["jax"], "jax")])
def test_a_backend_that_is_installed_is_taken(monkeypatch, installed, chosen):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "x")
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setattr(keras_model, "require", lambda *_, **__: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name in installed)
    open_keras()
    assert os.environ["KERAS_BACKEND"] == chosen


def test_without_keras_or_a_backend_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gatewise\[keras\]'"):
        open_keras()
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="torch, jax or tensorflow"):
        open_keras()


def test_a_place_that_cannot_be_written_is_named_as_others_are(saved_models, tmp_path):
    """The command line takes off what stands around the name of a file; see cli/failures."""
    path = tmp_path / "none" / "m.keras"
    with pytest.raises(FileNotFoundError) as error:
        write_keras(load_plain(saved_models("classic")), path)
    assert re.fullmatch(r"\.m\.keras\.[0-9a-f]{12}\.tmp", Path(error.value.filename).name)
