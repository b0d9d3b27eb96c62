from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatewise.base import versions
from gatewise.base.progress import SilentProgress
from gatewise.classify.fingerprint import fit_fingerprint
from gatewise.classify.request import FitRequest, LabelledTexts
from gatewise.network.checkpoint import Checkpoint
from gatewise.network.precision import Precision
from gatewise.network.recipes import choose_recipe
from gatewise.vectors.word_vectors import WordVectors

VECTORS = WordVectors(["a", "b"], np.array([[1, 2], [3, 4]]))
OTHER_VECTORS = WordVectors(["a", "b"], np.array([[1, 2], [3, 5]]))
OTHER_WORDS = WordVectors(["a", "c"], np.array([[1, 2], [3, 4]]))


def make_data(texts=("one", "two", "three"), targets=(0, 1, 0), weights=None):
    return LabelledTexts(list(texts), np.array(targets), weights)


def make_request(**changes):
    return FitRequest(
        **{"recipe": choose_recipe("modern"), "labels": ("x", "y"), "seed": 1} | changes
    )


FULL = {
    "vectors": VECTORS,
    "unlabelled": ["four", "five"],
    "validation": make_data(["six"], [1]),
    "validation_fraction": 0.2,
}


def test_equal_fits_have_equal_fingerprints():
    first = fit_fingerprint(make_data(), make_request(**FULL))
    assert first == fit_fingerprint(make_data(), make_request(**FULL))
    assert len(first) == 64
    assert set(first) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "data",
    [
        make_data(["one", "two", "tree"]),
        make_data(["onetwo", "", "three"]),
        make_data(["two", "one", "three"]),
        make_data(["one", "two", "three", "four"], [0, 1, 0, 0]),
        make_data(targets=[0, 1, 1]),
        make_data(weights=np.ones(3)),
        make_data(["one", "two", "three\ud800"]),
    ],
)
def test_other_data_have_another_one(data):
    assert fit_fingerprint(data, make_request()) != fit_fingerprint(make_data(), make_request())


def test_other_weights_have_another_one():
    first, second = make_data(weights=np.ones(3)), make_data(weights=np.array([1, 1, 1.0000001]))
    assert fit_fingerprint(first, make_request()) != fit_fingerprint(second, make_request())


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": choose_recipe("modern", dropout=0.123)},
        {"recipe": choose_recipe("classic")},
        {"labels": ("x", "z")},
        {"seed": 2},
        {"language": "zh"},
        {"vectors": None},
        {"vectors": OTHER_VECTORS},
        {"vectors": OTHER_WORDS},
        {"unlabelled": ()},
        {"unlabelled": ["fourfive"]},
        {"unlabelled": ["five", "four"]},
        {"validation": None},
        {"validation": make_data(["six"], [0])},
        {"validation": make_data(["seven"], [1])},
        {"validation_fraction": None},
        {"validation_fraction": 0.21},
        {"max_words": 99},
        {"precision": Precision(bf16=True)},
    ],
)
def test_other_settings_have_another_one(changes):
    usual = fit_fingerprint(make_data(), make_request(**FULL))
    assert fit_fingerprint(make_data(), make_request(**FULL | changes)) != usual


def test_where_it_is_kept_and_who_is_told_make_no_difference(tmp_path):
    usual = make_request()
    other = replace(usual, checkpoint=Checkpoint(tmp_path, "x"), progress=SilentProgress())
    assert fit_fingerprint(make_data(), usual) == fit_fingerprint(make_data(), other)


def test_other_versions_have_another_one(monkeypatch):
    usual = fit_fingerprint(make_data(), make_request())
    monkeypatch.setattr(versions, "version", lambda package: "99.0")
    assert fit_fingerprint(make_data(), make_request()) != usual
