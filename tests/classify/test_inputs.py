from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gatewise.base.errors import ConfigError, DataError
from gatewise.base.seeding import MAX_SEED
from gatewise.classify.inputs import (
    check_labels,
    check_texts,
    check_weights,
    record_weights,
    seed_from,
    with_dimension,
)

# Texts


@pytest.mark.parametrize(
    "texts",
    [
        ["a", "b"],
        ("a", "b"),
        np.array(["a", "b"]),
        np.array(["a", "b"], dtype=object),
        np.array([["a"], ["b"]], dtype=object),
        pd.Series(["a", "b"], index=[5, 3]),
        pd.DataFrame({"text": ["a", "b"]}),
        [np.str_("a"), "b"],
    ],
)
def test_texts_of_many_kinds_become_a_list(texts):
    checked = check_texts(texts)
    assert checked == ["a", "b"]
    assert {type(text) for text in checked} == {str}


def test_no_texts_are_no_trouble():
    assert check_texts([]) == []


@pytest.mark.parametrize("texts", ["a single text", b"bytes", None, 3, iter(["a"])])
def test_what_is_no_sequence_of_texts(texts):
    with pytest.raises(DataError, match=r"^texts must be a list of strings; got "):
        check_texts(texts)


@pytest.mark.parametrize("texts", [[["a", "b"], ["c", "d"]], np.full((2, 2, 2), "x")])
def test_texts_of_more_dimensions(texts):
    with pytest.raises(DataError, match=r"^texts must have one dimension; got an array of shape"):
        check_texts(texts)


@pytest.mark.parametrize("wrong", [None, 3, 1.5, float("nan"), b"b", ["b"]])
def test_the_text_that_is_none_is_named(wrong):
    with pytest.raises(DataError) as caught:
        check_texts(["a", wrong, "c"])
    assert str(caught.value) == (
        f"text number 1 is {wrong!r} of type {type(wrong).__name__}; every text must be a string"
    )


# Labels


@pytest.mark.parametrize(
    "labels",
    [
        ["x", "y"],
        [1, 2],
        [True, False],
        np.array([[1], [2]]),
        [1.0, 2.0],
        np.array(["x", "y"], dtype=np.dtypes.StringDType()),
    ],
)
def test_labels_become_an_array(labels):
    checked = check_labels(labels, 2)
    assert checked.shape == (2,)
    assert checked.tolist() == np.ravel(labels).tolist()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "y should be a 1d array, one label per text; got None"),
        ("abc", "y should be a 1d array, one label per text; got 'abc'"),
        ([[1, 0], [0, 1]], r"got an array of shape \(2, 2\)"),
        (["x"], "2 texts came with 1 labels; give one label per text"),
        (["x", None], r"the label of text number 1 is missing \(None\)"),
        (["x", float("nan")], r"the label of text number 1 is missing \(nan\)"),
        ([1, "1"], "the label of text number 0 is 1, no string as others are; give labels of one"),
        (["x", True], "the label of text number 1 is True, no string as others are"),
        ((np.nan, "x"), r"the label of text number 0 is missing \(nan\)"),
        ([float("nan"), 1.0], r"the label of text number 0 is missing \(nan\)"),
        ([0.5, 0.25], "the labels cannot be classes: Unknown label type: continuous"),
        ([b"x", b"y"], "the labels cannot be classes: Support for labels represented as bytes"),
        (pd.Series(["x", pd.NA]), "the label of text number 1 is missing"),
    ],
)
def test_what_are_no_labels(labels, message):
    with pytest.raises(DataError, match=message):
        check_labels(labels, 2)


def test_no_records_are_refused():
    with pytest.raises(DataError, match="there are no records"):
        check_labels([], 0)


# Weights


def test_weights_become_numbers():
    checked = check_weights([1, 0, np.float32(2.5)], 3)
    assert checked.dtype == np.float64
    assert checked.tolist() == [1.0, 0.0, 2.5]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 2], r"got an array of shape \(2,\)"),
        (3.0, r"got an array of shape \(\)"),
        ([1, float("nan"), 1], "that of text number 1 is nan"),
        ([1, 1, float("inf")], "that of text number 2 is inf"),
        ([-1, 1, 1], r"that of text number 0 is -1\.0"),
        (["x", "y", "z"], "could not convert string to float"),
        ([None, {}, 1], "float"),
    ],
)
def test_what_are_no_weights(weights, message):
    with pytest.raises(DataError, match=f"^sample_weight must be 3 finite numbers.*{message}"):
        check_weights(weights, 3)


def test_balanced_classes_count_alike_whatever_their_records_weigh():
    """By number, class y would seem the larger one, and its one record that counts be halved."""
    labels, weights = np.array(["x", "x", "x", "y", "y", "y", "y"]), [2, 1, 1, 0, 0, 0, 0.5]
    found = record_weights(labels, np.array(["x", "y"]), weights, "balanced")
    assert found[:3].sum() == pytest.approx(found[3:].sum())
    assert found[:3] / found[0] == pytest.approx([1, 0.5, 0.5])
    assert found[3:6].tolist() == [0, 0, 0]
    assert found[found > 0].mean() == pytest.approx(1)


def test_balanced_classes_of_which_one_counts_for_nothing():
    labels = np.array(["x", "x", "y", "z"])
    found = record_weights(labels, np.array(["x", "y", "z"]), [1, 1, 1, 0], "balanced")
    assert found.tolist() == [0.75, 0.75, 1.5, 0]


# Vectors


@pytest.mark.parametrize("vectors", ["vectors.txt", {"card": [1.0]}, np.ones((2, 3))])
def test_what_are_no_vectors(vectors):
    with pytest.raises(ConfigError, match="it must be a WordVectors, such as"):
        with_dimension({"vectors": vectors, "word_dimension": 3})


# Seeds


@pytest.mark.parametrize("seed", [0, 7, MAX_SEED, np.int64(7), np.uint32(MAX_SEED)])
def test_whole_numbers_are_the_seed(seed):
    assert seed_from(seed) == int(seed)
    assert type(seed_from(seed)) is int


def test_none_draws_a_seed():
    drawn = {seed_from(None) for _ in range(5)}
    assert len(drawn) == 5
    assert all(0 <= seed <= MAX_SEED for seed in drawn)


def test_a_random_state_gives_one_seed_after_the_other():
    first, second = np.random.RandomState(3), np.random.RandomState(3)
    one, two = seed_from(first), seed_from(first)
    assert one != two
    assert [one, two] == [seed_from(second), seed_from(second)]


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1, 1.0, "1", True, np.random.default_rng(0)])
def test_what_is_no_seed(seed):
    with pytest.raises(ConfigError, match="it must be None, a RandomState or a whole number"):
        seed_from(seed)
