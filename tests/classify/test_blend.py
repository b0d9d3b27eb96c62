from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special

from gatewise.base.errors import ConfigError
from gatewise.classify.blend import Blend, blend_log_probabilities


def draw(seed=0):
    return np.random.default_rng(seed).normal(0, 1.5, (400, 4))


def test_weight_zero_is_the_network_and_weight_one_the_companion():
    network = draw(1)
    ngrams = draw(2)
    alone = blend_log_probabilities(network, ngrams, Blend(2.0, 3.0, 1.0, 0.0))
    np.testing.assert_allclose(alone, special.log_softmax(network / 2.0, axis=1), atol=1e-12)
    other = blend_log_probabilities(network, ngrams, Blend(2.0, 3.0, 1.0, 1.0))
    np.testing.assert_allclose(other, special.log_softmax(ngrams / 3.0, axis=1), atol=1e-12)


def test_the_blend_is_a_weighted_product():
    network = draw(1)
    ngrams = draw(2)
    blend = Blend(1.5, 0.7, 0.8, 0.3)
    first, second = special.softmax(network / 1.5, axis=1), special.softmax(ngrams / 0.7, axis=1)
    product = (first**0.7 * second**0.3) ** (1 / 0.8)
    expected = product / product.sum(axis=1, keepdims=True)
    got = np.exp(blend_log_probabilities(network, ngrams, blend))
    np.testing.assert_allclose(got, expected, rtol=1e-10)


def test_without_a_companion_only_the_network_counts():
    network = draw()
    got = blend_log_probabilities(network, None, Blend(2.0, 9.0, 9.0, 0.9))
    np.testing.assert_allclose(got, special.log_softmax(network / 2.0, axis=1), atol=1e-12)


@settings(max_examples=50)
@given(
    arrays(np.float64, (3, 4), elements=st.floats(-1e4, 1e4)),
    arrays(np.float64, (3, 4), elements=st.floats(-1e4, 1e4)),
    st.floats(0.02, 50),
    st.floats(0.02, 50),
    st.floats(0, 1),
)
def test_probabilities_are_finite_and_sum_to_one(network, ngrams, first, second, weight):
    blend = Blend(first, second, first, weight)
    for other in (ngrams, None):
        logarithms = blend_log_probabilities(network, other, blend)
        assert np.isfinite(logarithms).all()
        np.testing.assert_allclose(np.exp(logarithms).sum(axis=1), 1.0, atol=1e-9)


def test_a_temperature_leaves_the_answers_as_they_are():
    scores = draw()
    for temperature in (0.02, 50.0):
        got = blend_log_probabilities(scores, None, Blend(network_temperature=temperature))
        assert (got.argmax(axis=1) == scores.argmax(axis=1)).all()


@pytest.mark.parametrize(
    "values", [{"ngram_weight": 1.1}, {"ngram_weight": -0.1}, {"blend_temperature": 0.0}]
)
def test_what_is_no_blend(values):
    with pytest.raises(ConfigError, match=next(iter(values))):
        Blend(**values)
