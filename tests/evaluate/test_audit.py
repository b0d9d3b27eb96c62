from __future__ import annotations

import numpy as np
import pytest

from gatewise.base.errors import DataError
from gatewise.evaluate.audit import audit_labels

pytest.importorskip("cleanlab")

CLASSES = ["a", "b", "c"]


def made_up(n_records=300, n_wrong=15, seed=0):
    """Make records whose probabilities know the truth, and labels of which some are wrong."""
    generator = np.random.default_rng(seed)
    truth = np.arange(n_records) % 3
    scores = 3.0 * np.eye(3)[truth] + generator.normal(size=(n_records, 3))
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    wrong = generator.choice(n_records, n_wrong, replace=False)
    given = truth.copy()
    given[wrong] = (given[wrong] + 1) % 3
    labels = [CLASSES[number] for number in given]
    return (
        [f"text number {row} {row * 7919 % 1000}" for row in range(n_records)],
        labels,
        probabilities,
        wrong,
    )


def test_wrong_labels_come_first():
    texts, labels, probabilities, wrong = made_up()
    found = audit_labels(texts, labels, CLASSES, probabilities)
    first = {one.row for one in found.suspects[:20]}
    assert len(first & set(wrong.tolist())) >= 14
    assert found.n_judged == 300
    flagged = {one.row for one in found.suspects if one.is_flagged}
    assert len(flagged & set(wrong.tolist())) >= 8
    assert len(flagged) <= 20


def test_all_that_are_answered_differently_are_listed_by_how_unlikely_their_label_is():
    texts, labels, probabilities, _ = made_up()
    found = audit_labels(texts, labels, CLASSES, probabilities)
    given = np.array([CLASSES.index(label) for label in labels])
    answers = probabilities.argmax(axis=1)
    assert {one.row for one in found.suspects} == set(np.flatnonzero(answers != given).tolist())
    own = np.log(probabilities[np.arange(300), given])
    usual = np.array([own[given == number].mean() for number in range(3)])
    surprises = [own[one.row] - usual[given[one.row]] for one in found.suspects]
    assert surprises == sorted(surprises)
    for one in found.suspects:
        assert one.given == labels[one.row]
        assert one.suggested == CLASSES[answers[one.row]]
        assert one.given_probability == probabilities[one.row, given[one.row]]
        assert f"it is {one.suggested} with {one.suggested_probability:.0%}" in one.why


def test_classes_that_are_taken_for_each_other():
    texts = [f"text {n}" for n in range(60)]
    labels = ["a"] * 20 + ["b"] * 20 + ["c"] * 20
    answers = np.repeat([0, 1, 2], 20)
    answers[:5], answers[20:26], answers[26:30] = 1, 0, 2  # a <-> b both ways, b -> c only
    probabilities = np.full((60, 3), 0.1)
    probabilities[np.arange(60), answers] = 0.8
    (pair,) = audit_labels(texts, labels, CLASSES, probabilities).confused
    assert (pair.first, pair.second) == ("a", "b")
    assert (pair.first_as_second, pair.second_as_first) == (5, 6)
    assert pair.share == pytest.approx(11 / 40)


def test_small_classes_and_twins_are_told():
    texts, labels, probabilities, _ = made_up()
    texts[0] = texts[7] = "the very same text here"
    labels[0], labels[7] = "a", "c"
    labels = ["c" if label == "b" and row > 20 else label for row, label in enumerate(labels)]
    found = audit_labels(texts, labels, CLASSES, probabilities)
    assert set(found.small) == {"b"}
    assert found.small["b"] == labels.count("b")
    assert (found.twins[0].first, found.twins[0].second) == (0, 7)
    whys = [one.why for one in found.suspects if one.row == 7]
    assert all("nearly the same text has the label a" in why for why in whys)


def test_records_that_no_fold_judged_are_left_out():
    texts, labels, probabilities, _ = made_up()
    probabilities[:100] = np.nan
    found = audit_labels(texts, labels, CLASSES, probabilities)
    assert found.n_judged == 200
    assert min(one.row for one in found.suspects) >= 100
    with pytest.raises(DataError, match="no record was judged"):
        audit_labels(texts, labels, CLASSES, np.full((300, 3), np.nan))


def test_one_class_alone_is_not_flagged():
    texts, _, probabilities, _ = made_up(30)
    found = audit_labels(texts, ["a"] * 30, CLASSES, probabilities)
    assert not any(one.is_flagged for one in found.suspects)


def test_shapes_have_to_fit():
    texts, labels, probabilities, _ = made_up(30)
    with pytest.raises(DataError, match="one row per record and one column per class"):
        audit_labels(texts, labels, ["a", "b"], probabilities)
    with pytest.raises(DataError, match="30 texts, 29 labels"):
        audit_labels(texts, labels[1:], CLASSES, probabilities)


def test_of_several_twins_the_nearest_is_named():
    text = "the machine at the corner of the street has kept my card and gave no money at all"
    texts = [text, f"{text} yet", text, *(f"{number} other words {number}" for number in range(9))]
    labels = ["b", "c", "a", *"abc" * 3]
    probabilities = np.full((12, 3), 0.1)
    probabilities[np.arange(12), [CLASSES.index(label) for label in labels]] = 0.8
    probabilities[2] = [0.1, 0.8, 0.1]
    (one,) = audit_labels(texts, labels, CLASSES, probabilities).suspects
    assert one.why.endswith("; nearly the same text has the label b")
