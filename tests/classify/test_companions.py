"""Companions fitted beside other work are those that are fitted one after the other."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC

from gatewise.base.errors import DataError
from gatewise.classify import companions
from gatewise.classify.companion_records import CompanionRecords
from gatewise.classify.companions import Companions, fits_beside, one_after_the_other
from gatewise.classify.fitting import fit_model
from gatewise.classify.request import FitRequest, LabelledTexts
from gatewise.network.recipes import choose_recipe
from gatewise.text.token_table import tabulate
from gatewise.text.tokens import tokenize

LABELS = ("balance", "card", "transfer")
EVERYTHING, SOME = np.arange(90), np.arange(0, 90, 2)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(make_tickets):
    texts, labels = make_tickets(90)
    return LabelledTexts(texts, np.array([LABELS.index(label) for label in labels]), None)


@pytest.fixture(scope="module")
def count(data):
    tokens = tabulate(tokenize(text) for text in data.texts)
    return partial(CompanionRecords, data, tokens, EVERYTHING, [], n_classes=3, seed=5)


def same(one, other):
    return (
        one.terms == other.terms
        and np.array_equal(one.weights, other.weights)
        and np.array_equal(one.intercepts, other.intercepts)
    )


def test_companions_beside_are_those_of_one_after_the_other(count):
    beside, later = (
        Companions(count, [SOME, EVERYTHING], beside=beside) for beside in (True, False)
    )
    for number, rows in enumerate((SOME, EVERYTHING)):
        found = beside.fitted(number)
        assert same(found, later.fitted(number))
        assert same(found, count().fit(rows))
    assert not same(beside.fitted(0), beside.fitted(1))


def test_n_grams_are_counted_once_and_forgotten(count):
    n_counted = []

    def counted():
        n_counted.append(threading.current_thread().name)
        return count()

    found = Companions(counted, [SOME, EVERYTHING], beside=False)
    assert n_counted == []
    found.fitted(0)
    found.fitted(1)
    assert n_counted == [threading.current_thread().name]
    assert found._counted is None
    Companions(counted, [EVERYTHING], beside=True).fitted(0)
    assert n_counted[1:] == ["gatewise-beside"]


def test_fits_at_the_same_time_do_not_disturb_each_other(count, monkeypatch):
    """As when a fit is interrupted in a notebook, and begun again."""
    inside, most = [], []
    fit = LinearSVC.fit

    def watched(*arguments, **options):
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.05)
        try:
            return fit(*arguments, **options)
        finally:
            inside.pop()

    monkeypatch.setattr(LinearSVC, "fit", watched)
    begun = [Companions(count, [SOME, EVERYTHING], beside=True) for _ in range(3)]
    expected = count().fit(EVERYTHING)
    assert all(same(one.fitted(1), expected) for one in begun)
    assert most == [1] * 7


def test_what_goes_wrong_beside_is_told_who_asks():
    def refuse():
        raise DataError("none of the texts has a word")

    found = Companions(refuse, [SOME, EVERYTHING], beside=True)
    with pytest.raises(DataError, match="none of the texts"):
        found.fitted(1)


def test_the_seconds_of_each_are_told(count):
    with one_after_the_other() as spent:
        found = Companions(count, [SOME, EVERYTHING], beside=False)
        for number in (0, 1):
            found.fitted(number)
            assert len(spent) == number + 1
    assert all(seconds > 0 for seconds in spent)


def test_it_pays_with_a_second_thread_and_little_text(two_threads):
    assert fits_beside(2_000_000)
    assert not fits_beside(2_000_001)
    with one_after_the_other() as spent:
        assert not fits_beside(10)
    assert not spent
    assert fits_beside(10)
    torch.set_num_threads(1)
    assert not fits_beside(10)


@pytest.mark.parametrize("fraction", [0.0, None])
def test_a_fit_with_a_companion_beside_is_the_same_model(data, two_threads, monkeypatch, fraction):
    settings = {"units": 4, "word_dimension": 8, "epochs": 2, "word2vec_passes": 1}
    request = FitRequest(
        recipe=choose_recipe("modern", **settings),
        labels=LABELS,
        language="auto",
        seed=3,
        validation_fraction=fraction,
    )
    names = []

    def spy(*arguments, **options):
        names.append(options["beside"])
        return Companions(*arguments, **options)

    monkeypatch.setattr("gatewise.classify.fitting.Companions", spy)
    one = fit_model(data, request)
    monkeypatch.setattr(companions, "_MOST_TOKENS_BESIDE", 0)
    other = fit_model(data, replace(request))
    assert names == [True, False]
    assert same(one.ngrams, other.ngrams)
    assert one.blend == other.blend
    assert all(
        np.array_equal(array, other.network.arrays()[name])
        for name, array in one.network.arrays().items()
    )
