"""Scores against scikit-learn, against slow loops, and by hand."""

import numpy as np
import pytest
from sklearn import metrics as reference

from gatewise.base.errors import DataError
from gatewise.evaluate.metrics import N_BINS, ConfusedPair, measure, measure_answers

CLASSES = ("a", "b", "c", "d")


@pytest.fixture(scope="module")
def drawn():
    """Random truth with two labels that the model lacks, and probabilities for 300 records."""
    generator = np.random.default_rng(3)
    truth = generator.choice(
        ["a", "b", "c", "zebra", "yak"], p=[0.4, 0.3, 0.2, 0.06, 0.04], size=300
    )
    logits = generator.normal(size=(300, len(CLASSES)))
    logits[np.arange(300), [CLASSES.index(t) if t in CLASSES else 3 for t in truth]] += 1.0
    exponentials = np.exp(2.0 * logits)
    return truth.tolist(), exponentials / exponentials.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def found(drawn):
    return measure(drawn[0], CLASSES, drawn[1])


def answers_to(drawn):
    return [CLASSES[number] for number in drawn[1].argmax(axis=1)]


def test_accuracy_and_macro_f1_are_those_of_scikit_learn(drawn, found):
    answers = answers_to(drawn)
    assert found.n_records == 300
    assert found.accuracy == pytest.approx(reference.accuracy_score(drawn[0], answers))
    macro = reference.f1_score(drawn[0], answers, average="macro", zero_division=0)
    assert found.macro_f1 == pytest.approx(macro)


def test_macro_f1_leaves_out_classes_that_never_occur():
    probabilities = np.array([[0.9, 0.1, 0.0, 0.0], [0.2, 0.8, 0.0, 0.0]])
    assert measure(["a", "b"], CLASSES, probabilities).macro_f1 == 1.0
    assert measure(["a", "c"], CLASSES, probabilities).macro_f1 == pytest.approx(1 / 3)


def test_scores_of_each_class_by_counting(drawn, found):
    answers = answers_to(drawn)
    assert list(found.per_class) == [*CLASSES, "yak", "zebra"] == list(found.classes)
    for name, scores in found.per_class.items():
        right = sum(t == p == name for t, p in zip(drawn[0], answers, strict=True))
        called, real = answers.count(name), drawn[0].count(name)
        precision, recall = right / max(1, called), right / max(1, real)
        f1 = 2 * precision * recall / (precision + recall) if right else 0.0
        assert (scores.precision, scores.recall) == pytest.approx((precision, recall))
        assert scores.f1 == pytest.approx(f1)
        assert scores.support == real


def test_confusion_by_counting(drawn, found):
    pairs = list(zip(drawn[0], answers_to(drawn), strict=True))
    for row, true in enumerate(found.classes):
        for column, predicted in enumerate(found.classes):
            assert found.confusion[row, column] == pairs.count((true, predicted))
    assert found.confusion.sum() == 300


def test_the_most_confused_pairs_come_first():
    answers = np.array([1, 1, 0, 2, 0])
    found = measure_answers(list("aabca"), CLASSES, answers, np.full(5, 0.5))
    assert found.confused == (ConfusedPair("a", "b", 2), ConfusedPair("b", "a", 1))


def test_labels_that_the_model_lacks_count_as_wrong(drawn, found):
    assert found.unknown == {"yak": drawn[0].count("yak"), "zebra": drawn[0].count("zebra")}
    known = [number for number, label in enumerate(drawn[0]) if label in CLASSES]
    right = measure([drawn[0][n] for n in known], CLASSES, drawn[1][known]).accuracy * len(known)
    assert found.accuracy == pytest.approx(right / 300)
    assert found.per_class["yak"].recall == 0.0


def test_calibration_error_by_a_loop(drawn, found):
    answers = answers_to(drawn)
    bins = [[] for _ in range(15)]
    for label, answer, row in zip(drawn[0], answers, drawn[1], strict=True):
        bins[int(np.ceil(row.max() * 15)) - 1].append((row.max(), label == answer))
    error = sum(
        len(one) / 300 * abs(np.mean([p for p, _ in one]) - np.mean([r for _, r in one]))
        for one in bins
        if one
    )
    assert N_BINS == 15
    assert found.calibration.error == pytest.approx(error)
    assert found.calibration.counts.tolist() == [len(one) for one in bins]
    full = next(number for number, one in enumerate(bins) if one)
    mean, right = np.mean(bins[full], axis=0)
    assert found.calibration.confidences[full] == pytest.approx(mean)
    assert found.calibration.accuracies[full] == pytest.approx(right)


def test_calibration_error_by_hand():
    # One bin with two records of 0.9, one right: |0.5 - 0.9|; one with a sure, right record.
    found = measure_answers(
        ["a", "b", "a"], CLASSES, np.array([0, 0, 0]), np.array([0.9, 0.9, 1.0])
    )
    assert found.calibration.error == pytest.approx(2 / 3 * 0.4)
    assert found.calibration.counts.tolist() == [0] * 13 + [2, 1]


def test_the_calibration_error_by_chance_is_that_of_probabilities_that_are_right():
    generator = np.random.default_rng(5)
    confidences = generator.uniform(0.2, 1.0, 400)
    errors = []
    for _ in range(300):
        answers = (generator.uniform(size=400) > confidences).astype(np.int64)  # 0 is right
        found = measure_answers(["a"] * 400, CLASSES, answers, confidences)
        errors.append(found.calibration.error)
    assert found.calibration.by_chance == pytest.approx(np.mean(errors), rel=0.03)
    assert found.calibration.by_chance > 0.03


@pytest.mark.parametrize("confidence", [0.9, 0.99, 0.999])
def test_the_calibration_error_by_chance_of_one_sure_answer(confidence):
    """It is right or wrong, and as far away from the probability on average as is computed."""
    found = measure_answers(["a"], CLASSES, np.array([0]), np.array([confidence]))
    expected = confidence * (1.0 - confidence) + (1.0 - confidence) * confidence
    assert found.calibration.by_chance == pytest.approx(expected)


@pytest.mark.parametrize("number", range(1, 15))
def test_a_probability_on_an_edge_belongs_to_the_bin_below(number):
    found = measure_answers(["a"], CLASSES, np.array([0]), np.array([number / 15]))
    assert found.calibration.counts.tolist().index(1) == number - 1


def test_a_model_that_is_sure_and_right_has_no_calibration_error():
    found = measure(list("abcd"), CLASSES, np.eye(4))
    assert (found.accuracy, found.macro_f1, found.calibration.error) == (1.0, 1.0, 0.0)
    assert found.calibration.by_chance == 0.0
    assert found.confused == ()


@pytest.mark.parametrize(
    ("truth", "probabilities", "words"),
    [
        ([], np.zeros((0, 4)), "no records"),
        (["a"], np.zeros((1, 3)), "shape"),
        (["a"], np.zeros((2, 4)), "shape"),
        (["a"], np.full((1, 4), np.nan), "from 0 to 1"),
        (["a"], np.array([[1.5, 0.0, 0.0, 0.0]]), "from 0 to 1"),
    ],
)
def test_what_is_no_set_of_probabilities_is_refused(truth, probabilities, words):
    with pytest.raises(DataError, match=words):
        measure(truth, CLASSES, probabilities)


@pytest.mark.parametrize(("n_labels", "words"), [(0, "no records"), (3, "3 labels came with 2")])
def test_one_answer_per_record(n_labels, words):
    with pytest.raises(DataError, match=words):
        measure_answers(["a"] * n_labels, CLASSES, np.array([0, 1]), np.array([0.5, 0.5]))
