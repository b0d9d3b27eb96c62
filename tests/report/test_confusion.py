"""Confusions: pairs and grids against counting by hand, and what stands side by side."""

from collections import Counter

import numpy as np
import pytest

from gatewise.evaluate.metrics import measure_answers
from gatewise.report.confusion import confused_order, grid, mutual_pairs


@pytest.fixture
def generator():
    return np.random.default_rng(8)


def answered(truth, answers, n_classes):
    names = [f"class {number}" for number in range(n_classes)]
    confidences = np.full(len(truth), 0.5)
    return measure_answers([names[one] for one in truth], names, np.array(answers), confidences)


def in_groups(generator, n_groups, size=3, n_records=40):
    """Records that are only mistaken inside groups of classes whose numbers lie far apart."""
    n_classes = n_groups * size
    group_of = generator.permutation(np.repeat(np.arange(n_groups), size))
    truth = np.repeat(np.arange(n_classes), n_records)
    members = [np.flatnonzero(group_of == group) for group in range(n_groups)]
    answers = [
        generator.choice(members[group_of[one]]) if generator.random() < 0.6 else one
        for one in truth
    ]
    return answered(truth, answers, n_classes), group_of


def test_pairs_are_joined_by_hand(generator):
    truth, answers = generator.integers(0, 5, 300), generator.integers(0, 5, 300)
    metrics = answered(truth, answers, 5)
    both = Counter(frozenset(pair) for pair in zip(truth, answers, strict=True))
    found = mutual_pairs(metrics)
    assert len(found) == 10
    for pair in found:
        first, second = int(pair.first[-1]), int(pair.second[-1])
        assert pair.there == ((truth == first) & (answers == second)).sum()
        assert pair.back == ((truth == second) & (answers == first)).sum()
        assert pair.there >= pair.back
        assert pair.there + pair.back == both[frozenset((first, second))]
    sums = [pair.there + pair.back for pair in found]
    assert sums == sorted(sums, reverse=True)


def test_pairs_of_one_direction_and_none():
    metrics = answered([0, 0, 1], [1, 1, 1], 3)
    assert [(p.first, p.second, p.there, p.back) for p in mutual_pairs(metrics)] == [
        ("class 0", "class 1", 2, 0)
    ]
    assert mutual_pairs(answered([0, 1], [0, 1], 2)) == []


def test_confused_classes_become_neighbours(generator):
    metrics, group_of = in_groups(generator, 6)
    order = confused_order(metrics.confusion, metrics.confusion.sum(axis=1))
    assert sorted(order.tolist()) == list(range(18))
    groups = group_of[order]
    assert (np.diff(groups) != 0).sum() == 5  # each group stands together


def test_the_grid_holds_the_counts(generator):
    metrics, _ = in_groups(generator, 4)
    found = grid(metrics)
    number_of = {name: number for number, name in enumerate(metrics.classes)}
    assert set(found.labels) == set(metrics.classes)
    for cell in found.cells:
        row, column = number_of[found.labels[cell.row]], number_of[found.labels[cell.column]]
        assert cell.count == metrics.confusion[row, column]
        assert cell.share == pytest.approx(cell.count / metrics.confusion[row].sum())
    assert sum(cell.count for cell in found.cells) == metrics.n_records


def test_of_many_classes_those_with_confusions_are_drawn(generator):
    n_classes = 150
    truth = np.repeat(np.arange(n_classes), 9)
    answers = truth.copy()
    for first in (10, 50, 90, 140):
        answers[(truth == first).nonzero()[0][:4]] = first + 5
    metrics = answered(truth, answers, n_classes)
    found = grid(metrics)
    drawn = {int(label.split()[1]) for label in found.labels}
    assert drawn == {10, 15, 50, 55, 90, 95, 140, 145}
    assert found.n_classes == n_classes
    assert len(grid(metrics, 5).labels) == 4


def test_of_many_classes_without_confusions_none_is_drawn():
    found = grid(answered(range(50), range(50), 50))
    assert (found.labels, found.cells) == ((), [])


def test_two_classes():
    assert confused_order(np.array([[1, 2], [3, 4]]), np.array([3, 7])).tolist() == [0, 1]
    assert len(grid(answered([0, 1, 1], [1, 1, 0], 2)).cells) == 3


def test_a_class_without_records_has_a_row_of_its_own():
    found = grid(answered([0, 0, 1], [1, 2, 1], 4))
    assert sorted(found.labels) == [f"class {number}" for number in range(4)]
