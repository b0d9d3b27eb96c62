"""Companions fitted beside other work are those that are fitted one after the other."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.svm import LinearSVC

from gatewise.base.errors import DataError
from gatewise.classify import companion_records, companions
from gatewise.classify.companion_records import CompanionRecords
from gatewise.classify.companions import Companions, fits_beside, one_after_the_other
from gatewise.classify.fitting import fit_model
from gatewise.classify.request import FitRequest, LabelledTexts
from gatewise.network.recipes import choose_recipe
from gatewise.text.token_table import tabulate
from gatewise.text.tokens import tokenize

LABELS = ("balance", "card", "transfer")
EVERYTHING, SOME = np.arange(90), np.arange(0, 90, 2)
NONE = EVERYTHING[:0]


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
    return partial(
        CompanionRecords, data, tokens, data.targets, EVERYTHING, [], n_classes=3, seed=5
    )


def same(one, other):
    return (
        one.terms == other.terms
        and np.array_equal(one.weights, other.weights)
        and np.array_equal(one.intercepts, other.intercepts)
    )


def test_companions_beside_are_those_of_one_after_the_other(count):
    beside, later = (
        Companions(count, [SOME, EVERYTHING], NONE, beside=beside) for beside in (True, False)
    )
    for number, rows in enumerate((SOME, EVERYTHING)):
        found = beside.fitted(number)
        assert same(found, later.fitted(number))
        assert same(found, count().fit(rows))
    assert not same(beside.fitted(0), beside.fitted(1))


@pytest.fixture(scope="module")
def disputed(make_tickets):
    """Records whose labels are drawn by lot, every second one."""
    texts, labels = make_tickets(400)
    generator = np.random.default_rng(1)
    targets = np.array([LABELS.index(label) for label in labels])
    targets = np.where(generator.random(400) < 0.5, generator.integers(0, 3, 400), targets)
    tokens = tabulate(tokenize(text) for text in texts)
    data = LabelledTexts(texts, targets, None)
    return CompanionRecords(data, tokens, targets, np.arange(400), [], n_classes=3, seed=5)


def smallest_losses(margins, targets):
    """Losses at the best of many temperatures, by scikit-learn."""
    found = [softmax(margins / temperature, axis=1) for temperature in np.geomspace(0.02, 50, 400)]
    best = min(found, key=lambda one: sklearn_log_loss(targets, one, labels=range(3)))
    return -np.log(best[np.arange(len(targets)), targets])


@pytest.mark.parametrize(
    ("costs", "chosen"), [((1.0, 0.03), 0.03), ((0.03, 1.0), 0.03), ((1.0, 9.0, 0.03), 0.03)]
)
def test_where_labels_are_disputed_errors_cost_less(disputed, monkeypatch, costs, chosen):
    monkeypatch.setattr(companion_records, "COSTS", costs)
    known, judges = np.arange(0, 400, 2), np.arange(1, 400, 2)
    model, cost = disputed.fit_best(known, judges)
    assert cost == chosen
    assert same(model, disputed.fit(known, cost))
    losses = {
        one: smallest_losses(
            disputed.fit(known, one).scores(disputed._tokens.rows(judges)),
            disputed._targets[judges],
        )
        for one in costs
    }
    for other in set(costs) - {chosen}:
        leads = losses[other] - losses[chosen]
        assert leads.mean() > leads.std() / np.sqrt(200)


@pytest.mark.parametrize(("n_better", "chosen"), [(50, 0.5), (40, 1.0), (25, 1.0)])
def test_another_cost_must_lead_by_a_standard_error(disputed, monkeypatch, n_better, chosen):
    """Both are wrong about 25 of 100 records, and surer than the other of some of those left."""
    targets = disputed._targets[:100]

    class Fitted:
        def __init__(self, cost):
            self.cost = cost

        def scores(self, token_lists):
            rows = np.arange(len(token_lists))
            is_sure = (rows < 75) & ((rows < n_better) == (self.cost == 0.5))
            named = np.where(rows < 75, targets, (targets + 1) % 3)
            return np.eye(3)[named] * np.where(is_sure, 2.0, 1.0)[:, None]

    monkeypatch.setattr(disputed, "fit", lambda rows, cost: Fitted(cost))
    model, cost = disputed.fit_best(np.arange(100, 200), np.arange(100))
    assert cost == model.cost == chosen


@pytest.mark.parametrize("beside", [True, False])
def test_the_cost_that_was_chosen_is_that_of_all(disputed, monkeypatch, beside):
    monkeypatch.setattr(companion_records, "COSTS", (1.0, 0.03))
    known, judges, everything = np.arange(0, 400, 2), np.arange(1, 400, 2), np.arange(400)
    found = Companions(lambda: disputed, [known, everything], judges, beside=beside)
    assert same(found.fitted(0), disputed.fit(known, 0.03))
    assert same(found.fitted(1), disputed.fit(everything, 0.03))
    assert found.cost == 0.03
    assert "a cost of errors of 0.03 instead of 1, as the held-out records" in found.told
    unjudged = Companions(lambda: disputed, [everything], NONE, beside=beside)
    assert same(unjudged.fitted(0), disputed.fit(everything, 1.0))
    assert unjudged.cost == 1.0
    assert unjudged.told is None


def test_n_grams_are_counted_once_and_forgotten(count):
    n_counted = []

    def counted():
        n_counted.append(threading.current_thread().name)
        return count()

    found = Companions(counted, [SOME, EVERYTHING], NONE, beside=False)
    assert n_counted == []
    found.fitted(0)
    found.fitted(1)
    assert n_counted == [threading.current_thread().name]
    assert found._counted is None
    Companions(counted, [EVERYTHING], NONE, beside=True).fitted(0)
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
    begun = [Companions(count, [SOME, EVERYTHING], NONE, beside=True) for _ in range(3)]
    expected = count().fit(EVERYTHING)
    assert all(same(one.fitted(1), expected) for one in begun)
    assert most == [1] * 7


def test_what_goes_wrong_beside_is_told_who_asks():
    def refuse():
        raise DataError("none of the texts has a word")

    found = Companions(refuse, [SOME, EVERYTHING], NONE, beside=True)
    with pytest.raises(DataError, match="none of the texts"):
        found.fitted(1)


def test_the_seconds_of_each_are_told(count):
    with one_after_the_other() as spent:
        found = Companions(count, [SOME, EVERYTHING], NONE, beside=False)
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
