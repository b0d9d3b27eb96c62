from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.utils import compute_class_weight

from gatewise.base.errors import ConfigError, DataError
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.decision import Decision
from gatewise.network.recipes import RECIPES
from gatewise.vectors.word_vectors import WordVectors

SMALL = {
    "units": 4,
    "word_dimension": 8,
    "ngram_dimension": 4,
    "projection": 0,
    "epochs": 2,
    "final_epochs": 1,
    "batch_size": 16,
    "word2vec_passes": 2,
}


def make_classifier(**changes):
    return TextClassifier(**SMALL | changes)


@pytest.fixture(scope="module")
def tickets(make_tickets):
    return make_tickets(45)


@pytest.fixture(scope="module")
def others(make_tickets):
    return make_tickets(24, seed=5)


@pytest.fixture(scope="module")
def fitted(tickets):
    """A classifier of few records. Nobody may fit or change it."""
    return make_classifier().fit(*tickets)


@pytest.fixture(scope="module")
def held_out(make_tickets):
    """A classifier of records enough to hold some out. Nobody may fit or change it."""
    return make_classifier().fit(*make_tickets(160))


# Probabilities


def test_probabilities(fitted, others):
    probabilities = fitted.predict_proba(others[0])
    assert probabilities.shape == (24, 3)
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-9)
    assert (probabilities > 0).all()
    np.testing.assert_allclose(np.log(probabilities), fitted.predict_log_proba(others[0]))
    best = fitted.classes_[probabilities.argmax(axis=1)]
    assert np.array_equal(fitted.predict(others[0]), best)
    assert np.array_equal(
        fitted.predict_parts(others[0]).blend, fitted.predict_log_proba(others[0])
    )


def test_each_part_learns_by_itself(make_tickets, others):
    classifier = make_classifier(epochs=25, final_epochs=0, units=8, learning_rate=0.01)
    parts = classifier.fit(*make_tickets(60)).predict_parts(others[0])
    targets = np.searchsorted(classifier.classes_, others[1])
    for part in (parts.lstm, parts.ngrams, parts.blend):
        assert (part.argmax(axis=1) == targets).mean() >= 0.9


def test_held_out_records_lead_to_last_epochs(held_out, others):
    assert held_out.model_.facts["held_out"]["n_records"] >= 30
    assert [epoch.epoch for epoch in held_out.model_.history] == [1, 2, 1]
    assert held_out.score(*others) > 0.8


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_can_be_fitted(make_tickets, others, recipe):
    classifier = make_classifier(recipe=recipe).fit(*make_tickets(60))
    assert np.isfinite(classifier.predict_log_proba(others[0])).all()
    assert (classifier.model_.ngrams is not None) == (recipe == "modern")
    assert classifier.recipe_.pooling == RECIPES[recipe].pooling


@pytest.mark.parametrize(
    "changes",
    [
        {"pooling": "last", "pool_vectors": False},
        {"pooling": "flatten", "pool_vectors": False, "fixed_length": True},
        {"layers": 2, "bidirectional": False, "projection": 5},
        {"output": "sigmoid", "activation": "relu"},
        {"recurrent_dropout": 0.3, "embedding": "random", "ngram_dimension": 0},
        {"word2vec_algorithm": "cbow", "min_count": 3, "max_length": 2, "max_words": 9},
    ],
)
def test_parts_can_be_exchanged(tickets, others, changes):
    classifier = make_classifier(**changes).fit(*tickets)
    assert np.isfinite(classifier.predict_log_proba(others[0])).all()
    for name, value in changes.items():
        assert getattr(classifier.recipe_, name, value) == value


def test_texts_of_any_kind(fitted):
    texts = ["", " ", "\x00\ud800", "card " * 500, "北京的卡", "no known word"]
    assert np.isfinite(fitted.predict_log_proba(texts)).all()
    assert fitted.predict([]).shape == (0,)
    assert fitted.predict_proba([]).shape == (0, 3)


@pytest.mark.parametrize(
    "wrap",
    [
        tuple,
        np.array,
        lambda texts: np.array(texts, dtype=object)[:, None],
        pd.Series,
        lambda texts: pd.DataFrame({"text": texts}),
    ],
    ids=["tuple", "array", "column", "series", "frame"],
)
def test_containers_of_texts(fitted, others, wrap):
    expected = fitted.predict_proba(others[0])
    assert np.array_equal(fitted.predict_proba(wrap(others[0])), expected)


def test_a_frame_of_records(tickets, others, fitted):
    frame = pd.DataFrame({"text": tickets[0], "label": tickets[1]}, index=range(100, 145))
    classifier = make_classifier().fit(frame["text"], frame["label"])
    assert np.array_equal(classifier.predict_proba(others[0]), fitted.predict_proba(others[0]))


# Labels


@pytest.mark.parametrize(
    "names",
    [
        {"balance": 30, "card": -1, "transfer": 7},
        {"balance": True, "card": False, "transfer": True},
        {"balance": "b", "card": "北", "transfer": "a"},
        {"balance": 2.0, "card": 1.0, "transfer": 3.0},
    ],
    ids=["int", "bool", "str", "float"],
)
def test_labels_of_every_kind_come_back(tickets, others, names):
    labels = [names[label] for label in tickets[1]]
    classifier = make_classifier().fit(tickets[0], labels)
    assert classifier.classes_.tolist() == sorted(set(names.values()))
    predicted = classifier.predict(others[0])
    assert predicted.dtype == np.asarray(labels).dtype
    assert set(predicted.tolist()) <= set(names.values())
    assert (predicted == [names[label] for label in others[1]]).mean() > 0.8
    assert classifier.model_.labels == tuple(str(label) for label in sorted(set(names.values())))


def test_two_classes(tickets, others):
    labels = [label == "card" for label in tickets[1]]
    classifier = make_classifier().fit(tickets[0], labels)
    assert classifier.predict_proba(others[0]).shape == (24, 2)


# Weights


@pytest.fixture(scope="module")
def unequal(make_tickets):
    """Many records of one class, and texts that say nothing."""
    texts, labels = make_tickets(60)
    kept = [row for row, label in enumerate(labels) if label == "card" or row % 4 == 0]
    return [texts[row] for row in kept], [labels[row] for row in kept]


def test_balanced_classes(unequal):
    texts, labels = unequal
    classes = np.unique(labels)
    factors = compute_class_weight("balanced", classes=classes, y=np.array(labels))
    balanced, given, plain = (
        make_classifier(class_weight=class_weight).fit(texts, labels).predict_proba(["hello"])
        for class_weight in (
            "balanced",
            dict(zip(classes.tolist(), factors.tolist(), strict=True)),
            None,
        )
    )
    assert np.array_equal(balanced, given)
    card = classes.tolist().index("card")
    assert balanced[0, card] < plain[0, card]


def test_class_weights_and_record_weights_are_multiplied(unequal):
    texts, labels = unequal
    weights = np.linspace(0.5, 1.5, len(labels))
    both = np.where(np.array(labels) == "card", 3.0, 1.0) * weights
    first = make_classifier(class_weight={"card": 3.0}).fit(texts, labels, sample_weight=weights)
    second = make_classifier().fit(texts, labels, sample_weight=both * 7)
    assert np.array_equal(first.predict_proba(texts), second.predict_proba(texts))


def test_equal_weights_are_no_weights(tickets, others, fitted):
    weighted = make_classifier().fit(*tickets, sample_weight=[0.3] * 45)
    assert np.array_equal(weighted.predict_proba(others[0]), fitted.predict_proba(others[0]))


def test_a_class_without_weight_is_rarely_predicted(tickets, others):
    weights = [0.0 if label == "card" else 1.0 for label in tickets[1]]
    classifier = make_classifier(epochs=10).fit(*tickets, sample_weight=weights)
    assert (classifier.predict(others[0]) == "card").mean() < 0.1
    assert classifier.classes_.tolist() == ["balance", "card", "transfer"]


@pytest.mark.parametrize("of_classes", [True, False])
def test_records_without_weight_are_read_and_neither_learnt_from_nor_judged(
    make_tickets, of_classes
):
    """Only their words are: the rest is as if they were unlabelled texts."""
    texts, labels = make_tickets(240)
    labels = np.array(labels)
    nothing = np.flatnonzero(labels == "card")
    kept = np.flatnonzero(labels != "card")
    weights = {} if of_classes else {"sample_weight": (labels != "card").astype(float)}
    settings = {"class_weight": {"card": 0.0}} if of_classes else {}
    settings |= {"validation_fraction": 0.25}
    weighted = make_classifier(**settings, companion=True).fit(texts, labels, **weights)
    model = weighted.model_
    assert not np.isin(model.held_out.rows, nothing).any()
    assert not np.isin(model.index.rows, nothing).any()
    margins = model.ngrams.scores([["card"], ["balance"]])
    assert margins.shape == (2, 3)
    assert margins[:, weighted.classes_.tolist().index("card")].max() <= -2.0

    assert f"{len(nothing)} records have the weight zero: their words are" in str(model.facts)

    settings["class_weight"] = None
    without = make_classifier(
        **settings, companion=True, unlabelled=[texts[row] for row in nothing]
    )
    without.fit([texts[row] for row in kept], labels[kept])
    others = without.model_.ngrams.scores([["card"], ["balance"]])
    assert margins[:, np.array(weighted.classes_) != "card"] == pytest.approx(others, abs=1e-6)
    assert model.facts["held_out"]["n_records"] == without.model_.facts["held_out"]["n_records"]


def test_the_weights_may_be_as_large_as_numbers_are(unequal):
    texts, labels = unequal
    small = np.linspace(0.5, 1.5, len(labels))
    first = make_classifier().fit(texts, labels, sample_weight=small * 1e308)
    second = make_classifier().fit(texts, labels, sample_weight=small)
    assert first.predict_proba(texts) == pytest.approx(second.predict_proba(texts), abs=1e-4)
    assert first.predict_proba(texts) != pytest.approx(
        make_classifier().fit(texts, labels).predict_proba(texts), abs=1e-4
    )


# Seeds


def test_the_same_seed_gives_the_same_bits(tickets, others, fitted):
    first = make_classifier().fit(*tickets)
    expected = fitted.predict_proba(others[0])
    assert np.array_equal(first.predict_proba(others[0]), expected)
    again = first.fit(*tickets)
    assert np.array_equal(again.predict_proba(others[0]), expected)


def test_another_seed_gives_others(tickets, others, fitted):
    other = make_classifier(random_state=1).fit(*tickets)
    assert not np.allclose(other.predict_proba(others[0]), fitted.predict_proba(others[0]))


def test_a_random_state_moves_on_from_fit_to_fit(tickets, others):
    def fit(random_state):
        classifier = make_classifier(random_state=random_state).fit(*tickets)
        return classifier.predict_proba(others[0])

    shared = np.random.RandomState(4)
    first, second = fit(shared), fit(shared)
    assert np.array_equal(first, fit(np.random.RandomState(4)))
    assert not np.allclose(first, second)


def test_without_a_seed_two_fits_differ(tickets, others):
    classifier = make_classifier(random_state=None)
    first, second = (classifier.fit(*tickets).predict_proba(others[0]) for _ in range(2))
    assert not np.array_equal(first, second)


def test_global_generators_are_left_alone(make_tickets):
    def state():
        legacy = np.random.get_state()[1].tolist()  # noqa: NPY002
        return random.getstate(), legacy, torch.random.get_rng_state().tolist()

    before = state()
    make_classifier(recurrent_dropout=0.2, validation_fraction=0.4).fit(*make_tickets(81))
    assert state() == before


# Validation, vectors, unlabelled texts


def test_given_validation_records(tickets, others):
    classifier = make_classifier().fit(*tickets, validation=others)
    assert classifier.model_.facts["held_out"]["n_records"] == 24
    assert len(classifier.model_.history) == 2


def test_validation_labels_are_those_of_the_training(tickets):
    numbers = [{"balance": 5, "card": 1, "transfer": 9}[label] for label in tickets[1]]
    classifier = make_classifier()
    classifier.fit(tickets[0], numbers, validation=(["my card is stuck"] * 3, [1, 1, 1]))
    assert classifier.model_.facts["held_out"]["ngrams"] == 1.0


@pytest.mark.parametrize("label", ["zebra", "aaa", 3, True])
def test_an_unknown_validation_label_is_named(tickets, label):
    with pytest.raises(DataError) as caught:
        make_classifier().fit(*tickets, validation=(["one"], [label]))
    assert str(caught.value) == (
        f"the validation records have a label that the training records have not: {label!r}; "
        "correct it or leave those records out"
    )


def test_vectors_decide_the_dimension(tickets, others):
    vectors = WordVectors(["card", "balance"], np.random.default_rng(0).normal(size=(2, 5)))
    classifier = make_classifier(word_dimension=None, vectors=vectors).fit(*tickets)
    assert classifier.recipe_.word_dimension == 5
    assert classifier.predict(others[0]).shape == (24,)
    with pytest.raises(ConfigError, match="the vectors given have 5 numbers a word"):
        make_classifier(vectors=vectors).fit(*tickets)


def test_unlabelled_texts_are_read(tickets):
    classifier = make_classifier(unlabelled=["savings plans", "a savings book"]).fit(*tickets)
    assert "savings" in classifier.model_.vocabulary
    with pytest.raises(DataError, match="texts must be a list of strings"):
        make_classifier(unlabelled="one text").fit(*tickets)


# Few records


def test_as_few_records_as_there_are_classes():
    classifier = make_classifier().fit(["my card", "my balance"], ["card", "balance"])
    assert set(classifier.predict(["card", "balance"])) <= {"card", "balance"}
    assert classifier.model_.facts["notes"][0].startswith("too few records to hold some out")


def test_without_held_out_records(tickets):
    classifier = make_classifier(validation_fraction=0).fit(*tickets)
    assert classifier.model_.facts["notes"][0].startswith("no records are held out")


# Bad input


@pytest.mark.parametrize(
    ("texts", "labels", "weights", "message"),
    [
        ("one text", ["a"], None, "texts must be a list of strings; got str 'one text'"),
        ([1, 2], ["a", "b"], None, "text number 0 is 1 of type int; every text must be a string"),
        (["x", None], ["a", "b"], None, "text number 1 is None of type NoneType"),
        ([["x", "y"]], ["a"], None, r"got an array of shape \(1, 2\)"),
        (["x", "y"], ["a"], None, "2 texts came with 1 labels; give one label per text"),
        (["x", "y"], ["a", "a"], None, "all 2 records have one class, 'a'; a classifier needs"),
        (["x", "y"], [7, 7], None, "all 2 records have one class, 7; a classifier needs"),
        ([], [], None, "there are no records"),
        (["x", "y"], None, None, "got None"),
        (["x", "y"], ["a", None], None, "the label of text number 1 is missing"),
        (["x", "y"], ["a", "b"], [1.0, float("nan")], "that of text number 1 is nan"),
        (["x", "y"], ["a", "b"], [1.0], r"got an array of shape \(1,\)"),
        (["x", "y"], ["a", "b"], [0.0, 0.0], "all records have the weight zero"),
        (["x", "y"], ["a", "b"], [0.0, 1.0], "not of class 'b' have the weight zero"),
        (["...", ""], ["a", "b"], None, "none of the 2 texts has a word or number in it"),
    ],
)
def test_data_that_cannot_be_learnt_from(texts, labels, weights, message):
    with pytest.raises(DataError, match=message) as caught:
        make_classifier().fit(texts, labels, sample_weight=weights)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipe": "moderm"}, "recipe is 'moderm'; it must be one of 'modern', 'classic'"),
        ({"units": 0}, "units is 0; allowed is 1 to"),
        ({"pooling": "flatten"}, "pooling is 'flatten', which takes texts of one length only"),
        ({"keep_texts": "no"}, "keep_texts is 'no'; it must be one of True, False"),
        ({"units": 4.5}, r"units is 4\.5; it must be a whole number"),
        ({"epochs": -1}, "epochs is -1"),
        ({"dropout": 1.0}, r"dropout is 1\.0; allowed is"),
        ({"pooling": "sum"}, "pooling is 'sum'; it must be one of"),
        ({"learning_rate": "fast"}, "learning_rate is 'fast'; it must be a number"),
        ({"word2vec_window": 0}, "window is 0"),
        ({"embedding": "glove"}, "embedding is 'glove'"),
        ({"validation_fraction": 1.0}, r"validation_fraction is 1\.0"),
        ({"max_words": 0}, "max_words is 0"),
        ({"max_words": 2.5}, r"max_words is 2\.5; it must be a whole number"),
        ({"language": "english!"}, "language is 'english!'"),
        ({"device": "abacus"}, "device is 'abacus'"),
        ({"precision": "int8"}, "precision is 'int8'"),
        ({"random_state": -1}, "random_state is -1"),
        ({"class_weight": "even"}, "class_weight is 'even': "),
        ({"class_weight": {"zebra": 2.0}}, "class_weight is {'zebra': 2.0}: "),
        ({"class_weight": {"card": -1.0}}, "class_weight is .*: the weight of 'card' is -1; it"),
        ({"class_weight": {"card": float("nan")}}, "class_weight is .*: .* 'card' is nan; it"),
        ({"class_weight": {"card": float("inf")}}, "class_weight is .*: .* 'card' is inf; it"),
        ({"class_weight": {"card": "much"}}, "class_weight is .*: "),
        ({"class_weight": {"card": None}}, "class_weight is .*: "),
    ],
)
def test_parameters_that_are_not_allowed(tickets, changes, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        make_classifier(**changes).fit(*tickets)


NUMBERS = [
    "spatial_dropout",
    "dropout",
    "recurrent_dropout",
    "vector_scale",
    "word2vec_sample",
    "learning_rate",
    "word_rate",
    "weight_decay",
    "warmup",
    "gradient_clip",
    "label_smoothing",
    "adam_beta2",
    "adam_epsilon",
    "adversarial",
]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_none_are_refused_before_a_checkpoint_is_named_after_them(
    tickets, tmp_path, value
):
    for name in NUMBERS:
        with pytest.raises(ConfigError, match=r"is -?(nan|inf); "):
            make_classifier(**{name: value}).fit(*tickets, checkpoint=tmp_path / "run")


def test_records_to_hold_out_that_are_no_pair_or_come_beside_a_share(tickets):
    with pytest.raises(DataError, match="validation must be a pair"):
        make_classifier().fit(*tickets, validation=(["x"], ["card"], [1.0]))
    with pytest.raises(ConfigError, match=r"validation_fraction is 0\.2, and there are validation"):
        make_classifier(validation_fraction=0.2).fit(*tickets, validation=(["x"], ["card"]))


def test_a_fit_that_fails_leaves_the_one_before(tickets, others):
    classifier = make_classifier().fit(*tickets)
    before = classifier.predict(others[0]).tolist()
    turned = ["north" if label == "card" else "south" for label in tickets[1]]
    with pytest.raises(DataError, match="the validation records have a label"):
        classifier.fit(tickets[0], turned, validation=(["x"], ["east"]))
    assert classifier.predict(others[0]).tolist() == before


def test_bad_texts_are_refused_when_predicting_too(fitted):
    with pytest.raises(DataError, match="texts must be a list of strings"):
        fitted.predict("one text")
    with pytest.raises(DataError, match="text number 1 is nan"):
        fitted.predict_proba(["x", float("nan")])


def test_predicting_before_fitting():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        make_classifier().predict(["x"])


def test_no_answer_is_given_below_the_threshold(make_tickets, small):
    texts, labels = make_tickets(60)
    classifier = TextClassifier(**small).fit(texts, labels)
    confidences = classifier.predict_proba(texts).max(axis=1)
    assert None not in classifier.predict(texts, abstain=True)
    threshold = float(np.median(confidences))
    model = replace(classifier.model_, decision=Decision(threshold))
    classifier.model_ = model
    found = classifier.predict(texts, abstain=True)
    plain = classifier.predict(texts)
    for label, expected, confidence in zip(found, plain, confidences, strict=True):
        assert label == (expected if confidence >= threshold else None)
    assert 0 < sum(label is None for label in found) < 60
