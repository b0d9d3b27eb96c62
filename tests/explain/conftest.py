"""Models of every recipe with random, unequal weights, as arrays and in torch."""

import functools

import numpy as np
import pytest
import torch

from gatewise.classify.blend import Blend
from gatewise.classify.model import FittedModel
from gatewise.classify.ngram_terms import ngram_terms
from gatewise.classify.ngrams import NgramModel
from gatewise.classify.plain_model import plain_model
from gatewise.classify.plan import network_config, settle_recipe
from gatewise.network.model import TextNetwork
from gatewise.network.recipes import choose_recipe
from gatewise.text.tokens import tokenize
from gatewise.text.vocabulary import build_vocabulary

LABELS = ("balance", "card", "transfer")
SENTENCES = [
    "my card was swallowed by the machine",
    "what is the balance of my account, please?",
    "send money to another account abroad",
    "the machine kept my card and my money",
    "我的卡丢了 please help",
]
SMALL = {"word_dimension": 6, "units": 5, "max_length": 9, "batch_size": 4, "epochs": 1}
CASES = {
    "modern": ("modern", {"projection": 4, "ngram_dimension": 3}),
    "modern, two layers": ("modern", {"layers": 2, "projection": 0, "pooling": "max"}),
    "modern, mean": ("modern", {"pooling": "mean", "projection": 0, "pool_vectors": True}),
    "modern, last": ("modern", {"pooling": "last", "projection": 3, "activation": "relu"}),
    "modern, everything": ("modern", {"pool_vectors": True, "layers": 3, "projection": 0}),
    "alone": ("modern", {"companion": False, "projection": 0, "ngram_dimension": 0}),
    "classic": ("classic", {}),
    "classic, sigmoid": ("classic", {"output": "sigmoid"}),
    "minimal": ("minimal", {}),
    "minimal, sigmoid": ("minimal", {"output": "sigmoid", "companion": True}),
}


def make_model(case, seed=1):
    name, changes = CASES[case]
    generator = np.random.default_rng(seed)
    tokens = [tokenize(text) for text in SENTENCES]
    recipe = choose_recipe(name, **SMALL | {"min_count": 1} | changes)
    recipe, _ = settle_recipe(recipe, np.array([9] * len(tokens)))
    vocabulary = build_vocabulary(tokens, max_ngrams=300 if recipe.ngram_dimension else 0)
    network = TextNetwork(network_config(recipe, vocabulary, LABELS), seed=seed)
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.3 * torch.from_numpy(generator.normal(size=weight.shape)).float()
        network.words.weight[0] = 0.0
    return FittedModel(
        recipe=recipe,
        language="auto",
        labels=LABELS,
        vocabulary=vocabulary,
        network=network.eval(),
        ngrams=make_companion(tokens, generator) if recipe.companion else None,
        blend=Blend(0.7, 0.3, 1.2, 0.4) if recipe.companion else Blend(0.8),
        history=[],
        facts={},
        seed=seed,
    )


def make_companion(tokens, generator):
    terms = {t for text in tokens for t in ngram_terms(text, characters=True, apart=True)}
    draw = generator.normal(size=(len(terms), 4)).astype(np.float32)
    return NgramModel(
        tuple(sorted(terms)), 1 + abs(draw[:, 3]), draw[:, :3], np.float32([0.5, -1.0, 2.0])
    )


@pytest.fixture(scope="session")
def cases():
    return list(CASES)


@pytest.fixture(scope="session")
def sentences():
    return SENTENCES


@pytest.fixture(scope="session")
def fitted():
    """The model of a case, with its network in torch. Do not change it."""
    return functools.cache(make_model)


@pytest.fixture(scope="session")
def plain(fitted):
    """The same as arrays."""
    return functools.cache(lambda case: plain_model(fitted(case)))


@pytest.fixture(scope="session")
def classifier(fitted):
    """Something with a fitted model, as an estimator has it."""

    class Classifier:
        def __init__(self, case):
            self.model_ = fitted(case)

    return functools.cache(Classifier)


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames and "case" not in _given(metafunc):
        metafunc.parametrize("case", list(CASES))


def _given(metafunc):
    marks = metafunc.definition.iter_markers("parametrize")
    return {name.strip() for mark in marks for name in str(mark.args[0]).split(",")}
