from __future__ import annotations

import itertools
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.base.errors import ConfigError, DataError
from gatewise.selection.folds import make_folds, read_times

LABELS = ["a"] * 50 + ["b"] * 30 + ["c"] * 20


def check_parts(folds, n_records, n_folds, repeats=1):
    assert [fold.number for fold in folds] == list(range(n_folds * repeats))
    for repeat in range(repeats):
        part = folds[repeat * n_folds : (repeat + 1) * n_folds]
        judged = np.concatenate([fold.test for fold in part])
        assert sorted(judged.tolist()) == list(range(n_records))
    for fold in folds:
        assert sorted([*fold.train, *fold.test]) == list(range(n_records))
        assert (np.diff(fold.test) > 0).all()
        assert (np.diff(fold.train) > 0).all()


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from("abcdefg"), min_size=12, max_size=80), st.integers(2, 5), st.integers()
)
def test_every_record_is_judged_once(labels, n_folds, seed):
    if max(Counter(labels).values()) < n_folds:
        return
    folds = make_folds(labels, n_folds, seed=abs(seed)).folds
    check_parts(folds, len(labels), n_folds)


def test_every_fold_has_its_share_of_each_class():
    for fold in make_folds(LABELS, 5, seed=1).folds:
        assert Counter(LABELS[row] for row in fold.test) == {"a": 10, "b": 6, "c": 4}


def test_repeats_have_other_orders_and_the_seed_decides():
    folds = make_folds(LABELS, 5, seed=1, repeats=2).folds
    check_parts(folds, 100, 5, repeats=2)
    assert not np.array_equal(folds[0].test, folds[5].test)
    again = make_folds(LABELS, 5, seed=1, repeats=2).folds
    assert all(np.array_equal(a.test, b.test) for a, b in zip(folds, again, strict=True))
    other = make_folds(LABELS, 5, seed=2).folds
    assert not np.array_equal(folds[0].test, other[0].test)


def test_of_repeated_answers_the_first_counts():
    """Answers that name their record and their repeat come back once a record, of the first."""
    folds = make_folds(LABELS, 4, seed=3, repeats=3)
    answers = np.array([(row, fold.number // 4) for fold in folds.folds for row in fold.test])
    assert answers[folds.first_answers].tolist() == [[row, 0] for row in range(100)]
    late = make_folds(LABELS, 3, seed=3, times=range(100))  # the oldest records are never judged
    answers = np.concatenate([fold.test for fold in late.folds])
    assert answers[late.first_answers].tolist() == sorted(answers.tolist())


def test_records_of_a_group_stay_together():
    groups = [row % 17 for row in range(100)]
    folds = make_folds(LABELS, 4, seed=1, groups=groups).folds
    check_parts(folds, 100, 4)
    for fold in folds:
        assert not {groups[row] for row in fold.train} & {groups[row] for row in fold.test}


@pytest.mark.parametrize("n_small", [1, 2, 3, 7])
def test_small_classes_are_told_of_and_still_judged(n_small):
    labels = [*LABELS, *(f"small {n}" for n in range(n_small))]
    found = make_folds(labels, 5, seed=1)
    check_parts(found.folds, len(labels), 5)
    assert f"{n_small} of {3 + n_small} classes have fewer records" in found.notes[0]
    assert "'small 0' (1)" in found.notes[0]
    sizes = [sum(row >= 100 for row in fold.test) for fold in found.folds]
    assert max(sizes) - min(sizes) <= max(1, n_small // 2)


def test_many_small_classes_are_not_all_named():
    labels = [*LABELS, *(f"s{n:02}" for n in range(15))]
    assert make_folds(labels, 5, seed=1).notes[0].endswith("and 5 more")


def test_labels_may_be_numbers():
    folds = make_folds([1] * 10 + [2.5] * 10, 5, seed=0).folds
    check_parts(folds, 20, 5)


def test_in_the_order_of_time():
    times = [f"2026-{1 + row % 12:02}" for row in range(100)]
    found = make_folds(LABELS, 4, seed=1, times=times)
    assert len(found.folds) == 4
    for fold in found.folds:
        latest = max(times[row] for row in fold.train)
        assert latest < min(times[row] for row in fold.test)
    assert len(found.folds[0].train) < len(found.folds[3].train)
    assert found.notes == ["18 records, the earliest, are learnt from and judged by no fold"]


@settings(max_examples=50)
@given(st.lists(st.integers(0, 12), min_size=8, max_size=40), st.integers(2, 5))
def test_no_fold_is_judged_on_a_time_that_it_has_learnt_from(times, n_folds):
    labels = ["a"] * len(times)
    if len(set(times)) <= n_folds:
        with pytest.raises(DataError, match=f"need {n_folds + 1} different times, and there are"):
            make_folds(labels, n_folds, seed=0, times=times)
        return
    folds = make_folds(labels, n_folds, seed=0, times=times).folds
    assert len(folds) == n_folds
    for fold, after in itertools.zip_longest(folds, folds[1:]):
        assert max(times[row] for row in fold.train) < min(times[row] for row in fold.test)
        so_far = sorted([*fold.train, *fold.test])
        assert so_far == (list(range(len(times))) if after is None else after.train.tolist())


def test_parts_in_time_are_of_one_size_where_they_can_be():
    folds = make_folds(LABELS, 3, seed=0, times=range(100)).folds
    assert [(len(fold.train), len(fold.test)) for fold in folds] == [(25, 25), (50, 25), (75, 25)]


def test_classes_that_are_new_in_time_are_counted():
    found = make_folds(["a"] * 90 + ["b"] * 10, 4, seed=1, times=list(range(100)))
    assert found.notes[1] == "10 records have a class that no earlier record has"


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"n_folds": 1}, ConfigError, "folds is 1"),
        ({"n_folds": 0}, ConfigError, "folds is 0"),
        ({"n_folds": 10**9}, ConfigError, "folds is 1000000000"),
        ({"n_folds": 51}, DataError, "the largest has 50; ask for fewer folds"),
        ({"n_folds": 5, "repeats": 0}, ConfigError, "repeats is 0"),
        ({"n_folds": 5, "groups": [1]}, ConfigError, "100 labels came with 1 groups"),
        ({"n_folds": 5, "groups": [1, 2] * 50}, DataError, "as many groups, and there are 2"),
        ({"n_folds": 5, "times": [1] * 100, "repeats": 2}, ConfigError, "neither groups nor"),
        ({"n_folds": 5, "times": [1]}, ConfigError, "100 labels came with 1 times"),
        ({"n_folds": 100, "times": [1] * 100}, DataError, "need more than 100 records"),
        (
            {"n_folds": 3, "times": [1, 2] * 50},
            DataError,
            "need 4 different times, and there are 2",
        ),
    ],
)
def test_folds_that_cannot_be_made(options, error, words):
    with pytest.raises(error, match=words):
        make_folds(LABELS, seed=0, **options)


@pytest.mark.parametrize(
    ("values", "order"),
    [
        (["10", "9", "-1e3"], [2, 1, 0]),
        (["2026-11-25", "2025-12-01T10:00:00", "2026-11-24 23:59"], [1, 2, 0]),
        (["2026-11-25T00:00:00+02:00", "2026-11-24T21:00:00Z"], [1, 0]),
    ],
)
def test_times_sort_as_times_do(values, order):
    times = read_times(values, range(2, 9), "day")
    assert sorted(range(len(times)), key=times.__getitem__) == order


def test_times_without_a_zone_are_the_same_everywhere(monkeypatch):
    values = ["2026-03-08T06:30:00", "2026-03-08T07:30:00", "2026-03-08T04:00:00+00:00"]
    found = []
    for zone in ("UTC", "America/New_York"):  # where that night lost an hour
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        found.append(read_times(values, range(2, 9), "day"))
    monkeypatch.undo()
    time.tzset()
    assert found[0] == found[1]
    assert found[0][0] - found[0][2] == 2.5 * 3600


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["1", "2", "soon"], "line 4 has 'soon' in the column 'day'"),
        (["1", "nan"], "line 3 has 'nan'"),
        (["2026-01-01", "2026-01-02", "3"], "line 4 has '3'"),
        (["2026-13-01"], "line 2 has '2026-13-01'"),
    ],
)
def test_what_is_no_time_is_told_with_its_line(values, told):
    with pytest.raises(DataError, match=f"^{told}.*all must be numbers, or all dates"):
        read_times(values, range(2, 9), "day")


def test_classes_of_one_record_have_no_folds():
    with pytest.raises(DataError, match="the largest has 1; give classes with several records"):
        make_folds(list("abcd"), 2, seed=0)


def test_what_large_groups_do_to_folds_is_told():
    labels = ["a", "b"] * 15
    even = make_folds(labels, 5, seed=0, groups=[row // 2 for row in range(30)])
    assert even.notes == []
    groups = ["large" if row < 22 else row for row in range(30)]
    found = make_folds(labels, 5, seed=0, groups=groups)
    sizes = sorted(len(fold.test) for fold in found.folds)
    (told,) = found.notes
    assert f"so folds have {sizes[0]} to {sizes[-1]} records; each counts the same" in told
    labels[:6] = "cccccc"  # one customer's class
    found = make_folds(labels, 5, seed=0, groups=groups)
    assert found.notes[-1].startswith("6 answers are to a record whose class only its own fold has")
