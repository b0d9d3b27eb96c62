"""The network once more, in numpy and with plain loops; and records for its training."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from gatewise.network.config import NetworkConfig
from gatewise.network.model import TextNetwork, TokenBatch


def sigmoid(values):
    return 1.0 / (1.0 + np.exp(-values))


ACTIVATIONS = {"tanh": np.tanh, "relu": lambda values: np.maximum(values, 0.0)}


def numpy_direction(inputs, weights, activation, mask=1.0):
    """Read (T, E) from the first position on: the states, (T, H). Gates one by one."""
    activate = ACTIVATIONS[activation]
    n_units = weights["recurrent_weights"].shape[1]
    parts = {}
    for number, gate in enumerate("ifgo"):
        rows = slice(number * n_units, (number + 1) * n_units)
        parts[gate] = [weights[name][rows] for name in ("input_weights", "recurrent_weights")]
        parts[gate].append(weights["bias"][rows])
    h, c, states = np.zeros(n_units), np.zeros(n_units), []
    for x in inputs:
        z = {gate: w @ x + u @ (h * mask) + b for gate, (w, u, b) in parts.items()}
        c = sigmoid(z["f"]) * c + sigmoid(z["i"]) * activate(z["g"])
        h = sigmoid(z["o"]) * activate(c)
        states.append(h)
    return np.array(states)


def as_numpy(module):
    return {name: value.detach().numpy() for name, value in module.state_dict().items()}


def part(weights, prefix):
    """Take the weights whose names begin with a prefix."""
    return {key[len(prefix) :]: value for key, value in weights.items() if key.startswith(prefix)}


def numpy_states(weights, inputs, config):
    """Run all layers over one text, (T, E) -> (T, D * H)."""
    states = inputs
    for number in range(config.layers):
        layer = part(weights, f"layers.{number}.")
        ahead = numpy_direction(states, part(layer, "forward_direction."), config.activation)
        if config.bidirectional:
            back = numpy_direction(
                states[::-1], part(layer, "backward_direction."), config.activation
            )
            ahead = np.concatenate([ahead, back[::-1]], axis=1)
        states = ahead
    return states


def numpy_vectors(weights, text, config):
    """Compose each token's vector: word, mean of its n-grams, projection."""
    rows = []
    for word_id, ngram_ids in text:
        parts = [weights["words.weight"][word_id]]
        if "ngrams.weight" in weights:
            found = weights["ngrams.weight"][list(ngram_ids)]
            parts.append(found.mean(axis=0) if len(ngram_ids) else np.zeros(found.shape[1]))
        row = np.concatenate(parts)
        if config.projection:
            row = weights["project.weight"] @ row + weights["project.bias"]
        rows.append(row)
    return np.array(rows)


def numpy_pooled(states, config):
    n_units = config.units
    if config.pooling == "last":
        return np.concatenate([states[-1, :n_units], states[0, n_units:]])
    kinds = {
        "max": [states.max(axis=0)],
        "mean": [states.mean(axis=0)],
        "max-mean": [states.max(axis=0), states.mean(axis=0)],
        "flatten": [states.reshape(-1)],
    }
    return np.concatenate(kinds[config.pooling])


def numpy_logits(network, texts):
    config, weights = network.config, as_numpy(network)
    logits = []
    for text in texts:
        text = list(text) or [(0, ())]
        if config.fixed_length:
            text = [(0, ())] * (config.max_length - len(text)) + text
        vectors = numpy_vectors(weights, text, config)
        pooled = numpy_pooled(numpy_states(weights, vectors, config), config)
        if config.pool_vectors:
            beside = numpy_pooled(vectors, config)
            # maximum of the states, maximum of the vectors, mean of the states, ...
            halves = len(pooled) // config.state_size
            pairs = zip(np.split(pooled, halves), np.split(beside, halves), strict=True)
            pooled = np.concatenate([part for pair in pairs for part in pair])
        logits.append(weights["dense.weight"] @ pooled + weights["dense.bias"])
    return np.array(logits)


def make_batch(texts, *, width=None, front=False):
    """Put texts, lists of (word id, n-gram ids), into a batch."""
    distinct = [(0, ()), *dict.fromkeys(token for text in texts for token in text)]
    width = width or max([1, *map(len, texts)])
    rows = []
    for text in texts:
        places, padding = [distinct.index(token) for token in text], [0] * (width - len(text))
        rows.append(padding + places if front else places + padding)
    sizes = [len(ngram_ids) for _, ngram_ids in distinct]
    return TokenBatch(
        word_ids=torch.tensor([word_id for word_id, _ in distinct]),
        ngram_ids=torch.tensor([n for _, ids in distinct for n in ids], dtype=torch.int64),
        ngram_offsets=torch.tensor([0, *np.cumsum(sizes)]),
        positions=torch.tensor(rows),
        lengths=torch.tensor([width if front else max(1, len(text)) for text in texts]),
    )


def make_network(seed=1, **changes):
    """Make a tiny float64 network without dropout."""
    settings = {
        "n_words": 9,
        "n_ngrams": 7,
        "n_classes": 3,
        "word_dimension": 4,
        "ngram_dimension": 3,
        "projection": 0,
        "units": 3,
        "max_length": 6,
        "spatial_dropout": 0.0,
        "dropout": 0.0,
    }
    config = NetworkConfig(**settings | changes)
    network = TextNetwork(config, seed=seed).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():  # random and unequal, biases too
            weight += 0.3 * torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
    return network


# Tokens are (word id, n-gram ids). Lengths differ, one text is empty, words repeat.
SAMPLE = [
    [(2, (0, 3)), (5, ()), (2, (0, 3)), (8, (6,)), (1, (1, 1, 2))],
    [(3, (4,))],
    [],
    [(1, (5, 2)), (4, (0, 1, 2)), (7, ())],
    [(6, (2,)), (2, (0, 3)), (6, (2,)), (6, (2,))],
]


@pytest.fixture(scope="session")
def plain():
    """Everything of this file, for the tests: they cannot import it."""

    class Plain:
        batch = staticmethod(make_batch)
        direction = staticmethod(numpy_direction)
        logits = staticmethod(numpy_logits)
        network = staticmethod(make_network)
        texts = SAMPLE
        weights = staticmethod(as_numpy)

    return Plain


# Training


@dataclass
class ToyRecords:
    """Texts of (word id, n-gram ids) with targets, after the protocol ``Records``."""

    texts: list
    targets: np.ndarray
    weights: np.ndarray | None = None
    batches_made: list = field(default_factory=list)

    def shuffled(self, batch_size, generator):
        order = generator.permutation(len(self.texts))
        return np.split(order, range(batch_size, len(order), batch_size))

    def ordered(self, batch_size):
        return np.split(np.arange(len(self.texts)), range(batch_size, len(self.texts), batch_size))

    def batch(self, numbers):
        self.batches_made.append(numbers.tolist())
        return make_batch([self.texts[number] for number in numbers])


@pytest.fixture(scope="session")
def toy_records():
    return ToyRecords


@pytest.fixture(scope="session")
def make_records():
    """Make n texts of three classes: one of the words 2, 3 and 4 stands somewhere in each."""

    def make(n_records=60, seed=0, weights=None):
        generator = np.random.default_rng(seed)
        targets = np.arange(n_records) % 3
        texts = []
        for target in targets:
            words = generator.integers(5, 9, generator.integers(1, 5)).tolist()
            words.insert(generator.integers(0, len(words) + 1), 2 + int(target))
            texts.append([(word, (word % 7,)) for word in words])
        return ToyRecords(texts, targets, weights)

    return make


@pytest.fixture
def contrary(make_records):
    """Held-out records with wrong labels: the better the network, the lower the accuracy."""
    records = make_records(seed=5)
    records.targets = (records.targets + 1) % 3
    return records


@pytest.fixture(scope="session")
def dropping():
    """Make a float32 network with dropout."""

    def make(**changes):
        return make_network(**{"spatial_dropout": 0.1, "dropout": 0.2} | changes).float()

    return make
