from __future__ import annotations

import numpy as np
import pytest

from gatewise.classify.model import score_tokens
from gatewise.explain.variants import Variants, choose_lengths, choose_places
from gatewise.text.tokens import tokenize

TEXT = "my card was swallowed by the zzqq machine, 我的卡 and my money abroad now please!"


def make(model, tokens):
    return Variants(model, tokens, np.linspace(-1, 1, len(model.steps(np.arange(len(tokens))))))


def test_each_beginning_is_a_text_of_its_own(plain, fitted, case):
    tokens = tokenize(TEXT)
    reading = make(plain(case), tokens).reading
    assert reading.lengths == list(range(1, len(tokens) + 1))
    beginnings = [tokens[:length] for length in reading.lengths]
    expected = np.exp(score_tokens(fitted(case), beginnings).blend)
    np.testing.assert_allclose(reading.probabilities, expected, atol=2e-5)


def test_each_token_is_left_out_in_turn(plain, fitted, case):
    model, tokens = plain(case), tokenize(TEXT)
    without = make(model, tokens).without
    read = model.steps(np.arange(len(tokens)))
    assert sorted(without) == np.flatnonzero(read >= 0).tolist()
    rest = [[*tokens[: read[step]], *tokens[read[step] + 1 :]] for step in without]
    expected = np.exp(score_tokens(fitted(case), rest).blend)
    np.testing.assert_allclose(np.array(list(without.values())), expected, atol=2e-5)


def test_a_text_without_tokens_has_no_variants(plain, case):
    variants = make(plain(case), [])
    assert variants.reading.lengths == []
    assert variants.reading.probabilities.shape == (0, 3)
    assert variants.without == {}


@pytest.mark.parametrize(
    ("n_tokens", "number", "last"), [(0, 0, None), (7, 7, 7), (200, 200, 200), (201, 100, 201)]
)
def test_which_beginnings(n_tokens, number, last):
    lengths = choose_lengths(n_tokens)
    assert len(lengths) == number
    assert lengths == sorted(set(lengths))
    assert not lengths or (lengths[0], lengths[-1]) == (1, last)


def test_no_line_is_endless():
    assert choose_lengths(20_000)[-1] == 1000


def test_which_tokens_are_left_out():
    shares = np.array([0.1, -3.0, 0.0, 2.0])
    assert choose_places(shares, 4) == [0, 1, 2, 3]
    assert choose_places(shares, 20_000) == [1, 3]
    assert choose_places(shares, 10**9) == [1]
    assert len(choose_places(np.ones(500), 500)) == 64
