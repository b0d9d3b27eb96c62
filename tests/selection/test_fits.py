from __future__ import annotations

import contextlib
import dataclasses
import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from gatewise.classify.classifier import TextClassifier
from gatewise.selection import fits
from gatewise.selection.fits import AVERAGES, FitData, FitFacts, do_fit, learning_rows
from gatewise.selection.folds import Fold, Folds
from gatewise.selection.outcomes import NEVER, FoldResult
from gatewise.vectors.word_vectors import WordVectors


def fit(data, settings, fold=0, **facts):
    unit = FitFacts(settings, fold, 0, **facts).unit(data.fingerprint, "it")
    return FoldResult.from_plain(json.loads(json.dumps(do_fit(data, unit))))


def rows(values, numbers):
    return [values[number] for number in numbers]


@pytest.fixture(scope="module")
def found(data, tiny):
    return fit(data, tiny, 1)


def test_a_fit_is_one_of_the_estimator_on_the_fold(data, tiny, found):
    fold = data.folds.folds[1]
    classifier = TextClassifier(**tiny)
    classifier.fit(rows(data.texts, fold.train), rows(data.labels, fold.train))
    truth, texts = rows(data.labels, fold.test), rows(data.texts, fold.test)
    parts = classifier.predict_parts(texts)
    for part in ("lstm", "ngrams", "blend"):
        expected = getattr(parts, part)
        np.testing.assert_allclose(getattr(found.parts, part), expected, atol=1e-4)
        answers = classifier.classes_[expected.argmax(axis=1)]
        assert found.scores[part]["accuracy"] == accuracy_score(truth, answers)
        macro_f1 = f1_score(truth, answers, average="macro")
        assert found.scores[part]["macro_f1"] == pytest.approx(macro_f1)
    arrays = classifier.model_.network.arrays().values()
    assert found.n_parameters == sum(array.size for array in arrays)
    assert found.n_ngram_weights == classifier.model_.ngrams.weights.size


def test_a_fit_sees_nothing_of_its_test_records(data, tiny):
    """Other test records, even of other classes, change nothing in what is said of one.

    In bfloat16 a text's scores are rounded otherwise in a batch with others.
    """
    exact = {**tiny, "precision": "float32"}
    found = fit(data, exact, 1)
    fold = data.folds.folds[1]
    texts, labels = list(data.texts), list(data.labels)
    for row in fold.test[1:]:
        texts[row], labels[row] = f"plugh {row} xyzzy", labels[0]
    other = fit(dataclasses.replace(data, texts=texts, labels=labels), exact, 1)
    np.testing.assert_allclose(other.raw.network[0], found.raw.network[0], rtol=1e-6)
    np.testing.assert_array_equal(other.raw.ngrams[0], found.raw.ngrams[0])
    assert not np.array_equal(other.raw.network[1:], found.raw.network[1:])


def test_seconds_are_parted(found):
    assert 0 < found.part_seconds("ngrams") < found.part_seconds("blend") == found.seconds
    alone = found.part_seconds("lstm")
    assert alone == pytest.approx(found.seconds - found.companion_seconds)
    assert found.part_seconds("ngrams") == found.token_seconds + found.companion_seconds


def test_the_seconds_of_the_ngrams_are_those_of_their_fits(data, tiny, monkeypatch):
    """What else is done with the held-out records is none of theirs."""
    spent = contextlib.nullcontext([300.0, 400.0])
    monkeypatch.setattr(fits, "one_after_the_other", lambda: spent)
    assert fit(data, tiny).companion_seconds == 700.0


def test_sizes_are_parted(found):
    assert found.part_size("lstm") == found.n_parameters
    assert found.part_size("ngrams") == found.n_ngram_weights
    assert found.part_size("blend") == found.n_parameters + found.n_ngram_weights


def test_a_model_without_a_companion(data, tiny):
    found = fit(data, {**tiny, "companion": False})
    assert found.raw.ngrams is None
    assert set(found.scores) == {"lstm", "blend"}
    assert found.scores["lstm"] == found.scores["blend"]
    assert found.n_ngram_weights == 0


def test_a_class_that_a_fold_does_not_know_is_never_answered(tiny, make_tickets):
    texts, labels = make_tickets(60)
    labels[0], texts[0] = "alone", "something else"
    fold = Fold(0, np.arange(1, 50), np.array([0, *range(50, 60)]))
    data = FitData(texts, labels, Folds([fold]), class_weight={"alone": 3.0, "card": 2.0})
    assert data.classes == ["alone", "balance", "card", "transfer"]
    found = fit(data, tiny)
    assert (found.raw.network[:, 0] == NEVER).all()
    assert (found.raw.network[:, 1:] > NEVER).all()
    probabilities = np.exp(found.parts.blend)
    assert (probabilities[:, 0] == 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert found.scores["blend"]["accuracy"] <= 10 / 11


def test_averaged_vectors(data, tiny):
    found = fit(data, {**tiny, "language": "en"}, method=AVERAGES)
    assert found.scores["blend"]["accuracy"] > 0.5  # three classes
    assert found.raw.ngrams is None
    n_words = found.n_parameters / 8  # and 3 rows of 8 weights and 1 intercept
    assert n_words > 3
    again = fit(data, {**tiny, "language": "en"}, method=AVERAGES)
    np.testing.assert_array_equal(again.raw.network, found.raw.network)
    weighted = dataclasses.replace(data, class_weight={data.classes[0]: 100.0})
    heavy = fit(weighted, {**tiny, "language": "en"}, method=AVERAGES)
    assert (heavy.raw.network[:, 0] > found.raw.network[:, 0]).all()


def test_vectors_and_texts_from_elsewhere(data, tiny):
    words = ["card", "balance", "transfer", "money"]
    matrix = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    given = dataclasses.replace(
        data, vectors=WordVectors(words, matrix), unlabelled=("one more text",)
    )
    settings = {name: value for name, value in tiny.items() if name != "word_dimension"}
    assert fit(given, settings, method=AVERAGES).n_parameters == 4 * 5 + 3 * 5 + 3
    assert fit(given, settings).scores["blend"]["accuracy"] > 0.5
    more = dataclasses.replace(data, unlabelled=("plugh xyzzy plugh",) * 5)
    settings = {**tiny, "language": "en"}
    without = fit(data, settings, method=AVERAGES)
    assert fit(more, settings, method=AVERAGES).n_parameters == without.n_parameters + 2 * 8


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 1.0])
def test_a_share_of_each_class_is_learnt_from(data, share):
    train = data.folds.folds[0].train
    kept = learning_rows(data.labels, train, share, 0)
    assert set(kept) <= set(train)
    assert (np.diff(kept) > 0).all()
    for label in data.classes:
        whole = sum(data.labels[row] == label for row in train)
        assert sum(data.labels[row] == label for row in kept) == np.ceil(share * whole)
    assert set(learning_rows(data.labels, train, share / 2, 0)) < set(kept)
    if share < 1:
        assert set(learning_rows(data.labels, train, share, 1)) != set(kept)


def test_less_is_learnt_from_a_share(data, tiny):
    assert fit(data, tiny, share=0.25).n_parameters < fit(data, tiny).n_parameters


def test_a_unit_is_told_by_all_that_decides_it(data, tiny):
    units = [
        FitFacts(tiny, 0, 0).unit("data", "a"),
        FitFacts(tiny, 1, 0).unit("data", "a"),
        FitFacts(tiny, 0, 1).unit("data", "a"),
        FitFacts(tiny, 0, 0).unit("other", "a"),
        FitFacts({**tiny, "units": 5}, 0, 0).unit("data", "a"),
        FitFacts(tiny, 0, 0, AVERAGES).unit("data", "a"),
        FitFacts(tiny, 0, 0, share=0.5).unit("data", "a"),
    ]
    assert len({unit.key for unit in units}) == len(units)
    same = FitFacts(dict(reversed(tiny.items())), 0, 0).unit("data", "another name")
    assert same.key == units[0].key
    assert units[1].name == "a, fold 2"


def test_the_fingerprint_is_of_everything(data):
    vectors = WordVectors(["a"], np.ones((1, 2), dtype=np.float32))
    others = [
        data,
        dataclasses.replace(data, texts=[*data.texts[:-1], "another"]),
        dataclasses.replace(data, labels=[*data.labels[:-1], "another"]),
        dataclasses.replace(data, folds=Folds(data.folds.folds[:2])),
        dataclasses.replace(data, threads=2),
        dataclasses.replace(data, unlabelled=("more",)),
        dataclasses.replace(data, class_weight="balanced"),
        dataclasses.replace(data, vectors=vectors),
    ]
    assert len({one.fingerprint for one in others}) == len(others)
    assert dataclasses.replace(data).fingerprint == data.fingerprint


def test_records_whose_text_was_learnt_from_are_told():
    texts = [f"text {number}" for number in range(98)] + ["Again ", "again"]
    apart = [Fold(0, np.arange(99), np.array([99])), Fold(1, np.arange(1, 100), np.array([0]))]
    (told,) = FitData(texts, ["a"] * 100, Folds(apart, [])).notes
    assert told.startswith("50.0% of the records are judged by models that have learnt from the")
    together = [Fold(0, np.arange(98), np.arange(98, 100))]
    assert FitData(texts, ["a"] * 100, Folds(together, ["a class is small"])).notes == [
        "a class is small"
    ]
    few = [Fold(0, np.array([99]), np.arange(99)), Fold(1, np.array([0]), np.arange(1, 99))]
    assert FitData(texts, ["a"] * 100, Folds(few, [])).notes == []
