from __future__ import annotations

from dataclasses import replace

import pytest

from gatewise.base.errors import ConfigError
from gatewise.network.config import NetworkConfig


def make_config(**changes):
    return NetworkConfig(**{"n_words": 50, "n_ngrams": 40, "n_classes": 3} | changes)


@pytest.mark.parametrize(
    ("setting", "state_size", "pooled_size"),
    [
        ({}, 256, 256),
        ({"bidirectional": False}, 128, 128),
        ({"pooling": "last"}, 256, 256),
        ({"pooling": "max-mean", "units": 5}, 10, 20),
        ({"pooling": "flatten", "units": 5, "max_length": 7}, 10, 70),
        ({"pool_vectors": True, "word_dimension": 9, "ngram_dimension": 4}, 256, 269),
        ({"pool_vectors": True, "pooling": "max-mean", "projection": 7}, 256, 526),
        ({"pool_vectors": True, "n_ngrams": 0, "word_dimension": 9}, 256, 265),
    ],
)
def test_sizes(setting, state_size, pooled_size):
    config = make_config(units=128, pooling="max", bidirectional=True)
    config = replace(config, **setting)
    assert (config.state_size, config.pooled_size) == (state_size, pooled_size)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_words", 1),
        ("n_ngrams", -1),
        ("n_classes", 1),
        ("word_dimension", 0),
        ("word_dimension", 30.0),
        ("ngram_dimension", -1),
        ("projection", -1),
        ("units", 0),
        ("units", 2.5),
        ("layers", 0),
        ("layers", 17),
        ("max_length", 0),
        ("spatial_dropout", 1.0),
        ("dropout", -0.1),
        ("recurrent_dropout", "0.2"),
        ("activation", "gelu"),
        ("pooling", "attention"),
        ("output", "linear"),
    ],
)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=f"^{name} is {value!r}"):
        make_config(**{name: value})


@pytest.mark.parametrize("pooling", ["last", "flatten"])
def test_pooled_token_vectors_need_a_maximum_or_a_mean(pooling):
    with pytest.raises(ConfigError, match=f"not with {pooling!r}"):
        make_config(pooling=pooling, pool_vectors=True)
