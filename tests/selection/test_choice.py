from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from gatewise.selection.choice import CandidateResult, FoldScore, cannot_catch_up, choose


def result(name, scores, parameters, seconds=10.0, state="", score="accuracy"):
    folds = [
        FoldScore(number, value, value / 2, seconds, {"lstm": {"accuracy": value - 0.1}})
        for number, value in enumerate(scores)
    ]
    return CandidateResult(name, {"name": name}, score, folds, parameters, state)


def test_the_numbers_are_those_of_scipy():
    values = [0.91, 0.87, 0.93, 0.9]
    one = result("a", values, 5)
    assert one.mean == pytest.approx(np.mean(values))
    assert one.standard_error == pytest.approx(stats.sem(values))
    assert one.deviation == pytest.approx(np.std(values, ddof=1))
    assert one.part_mean("lstm") == pytest.approx(np.mean(values) - 0.1)
    assert math.isnan(one.part_mean("ngrams"))
    assert result("a", values, 5, score="macro_f1").mean == pytest.approx(np.mean(values) / 2)


def test_nothing_is_known_of_a_candidate_without_folds():
    one = CandidateResult("a", {})
    assert all(map(math.isnan, (one.mean, one.deviation, one.standard_error, one.seconds)))
    assert math.isnan(result("a", [0.5], 1).standard_error)


def test_the_same_records_judged_again_make_the_mean_no_surer():
    once, twice = (
        result("a", [0.91, 0.87, 0.93, 0.9], 5),
        result("a", [0.91, 0.87, 0.93, 0.9] * 2, 5),
    )
    twice.repeats = 2
    assert twice.deviation < once.deviation  # of eight, but only four are independent
    assert twice.standard_error == pytest.approx(twice.deviation / 2)
    one_fold = result("b", [0.9, 0.8], 5)
    one_fold.repeats = 3
    assert one_fold.standard_error == pytest.approx(one_fold.deviation)


def test_the_smallest_within_one_standard_error_is_taken():
    found = choose(
        [
            result("small", [0.80, 0.81, 0.82], 10),
            result("middle", [0.895, 0.90, 0.905], 100, seconds=20.0),
            result("large", [0.89, 0.905, 0.915], 1000, seconds=5.0),
        ]
    )
    assert (found.chosen, found.best, found.fastest) == (1, 2, 2)
    assert "middle has 90.00% accuracy" in found.reason
    assert "within one standard error (0.73 points) of the best, large with 90.33%" in found.reason
    assert "of the 2 candidates that close it is the smallest" in found.reason
    assert "100 parameters instead of 1,000" in found.reason


def test_the_best_is_taken_where_no_smaller_one_is_near():
    rows = [result("small", [0.7, 0.71], 10), result("large", [0.9, 0.91], 100)]
    found = choose(rows)
    assert found.chosen == found.best == 1
    assert "large has the highest accuracy, 90.50%" in found.reason
    assert "no other comes as close" in found.reason
    rows.append(result("larger", [0.9, 0.909], 1000))
    assert "a larger one comes as close as one standard error" in choose(rows).reason
    rows.append(result("largest", [0.9, 0.908], 10000))
    assert "2 larger ones come as close" in choose(rows).reason


def test_candidates_of_one_size_are_not_called_larger():
    rows = [result("a", [0.9, 0.91], 100), result("b", [0.9, 0.909], 100)]
    assert "; one of the same size comes as close as one standard error." in choose(rows).reason
    rows.append(result("c", [0.9, 0.908], 200))
    told = choose(rows).reason
    assert "; 2 other ones come as close as one standard error, none of them smaller." in told
    rows.append(result("d", [0.9, 0.92], 300))
    assert choose(rows).chosen == 0
    told = choose(rows).reason
    assert "of the 4 candidates that close none is smaller, with 100 parameters instead of" in told


def with_parts(name, score, parameters, **parts):
    known = {part: {"accuracy": value} for part, value in parts.items()}
    folds = [FoldScore(number, score + number / 100, 0.5, 1.0, known) for number in range(3)]
    return CandidateResult(name, {"name": name}, "accuracy", folds, parameters)


def test_it_is_told_where_the_ngrams_hide_what_the_lstm_wants():
    small, large = ("units 8", 0.90, 10), ("units 32", 0.895, 100)
    found = choose(
        [
            with_parts(*small, lstm=0.21, ngrams=0.9),
            with_parts(*large, lstm=0.45, ngrams=0.9),
            with_parts("units 64", 0.895, 1000, lstm=0.45, ngrams=0.9),
        ]
    )
    assert found.chosen == 0
    assert found.reason.endswith(
        ". The LSTM alone is better as units 32, 45.00% instead of 21.00%; the n-grams beside it "
        "make up for that."
    )
    for parts in [{"lstm": 0.45}, {"ngrams": 0.9, "lstm": 0.215}]:  # no n-grams; half a point
        worse = {**parts, "lstm": 0.21}
        found = choose([with_parts(*small, **worse), with_parts(*large, **parts)])
        assert "LSTM" not in found.reason


def test_what_was_dropped_or_failed_is_passed_over():
    rows = [
        result("failed", [0.99, 0.99], 1, state="failed: it died"),
        result("whole", [0.5, 0.52], 10),
        CandidateResult("empty", {}),
    ]
    found = choose(rows)
    assert found.chosen == found.best == found.fastest == 1
    assert found.reason == "whole is the only candidate that was judged on all folds."
    assert choose(rows[:1]) is None


def test_folds_that_all_agree_make_no_error():
    rows = [result("small", [0.9, 0.9], 10), result("large", [0.9, 0.9], 100)]
    assert choose(rows).chosen == 0


def answers(n_right, n_records=1000):
    return np.arange(n_records) < n_right


def test_a_hopeless_candidate_cannot_catch_up():
    leader = answers(900)
    assert cannot_catch_up(answers(700), leader, n_folds=5, n_done=2)
    assert not cannot_catch_up(answers(895), leader, n_folds=5, n_done=2)
    assert not cannot_catch_up(answers(950), leader, n_folds=5, n_done=2)
    assert not cannot_catch_up(leader, leader, n_folds=5, n_done=2)
    assert not cannot_catch_up(answers(0), leader, n_folds=2, n_done=2)
    assert not cannot_catch_up(answers(0, 0), answers(0, 0), n_folds=5, n_done=2)


def test_an_equal_candidate_is_hardly_ever_given_up():
    """Of two that are equally good, records fall to one or the other by chance."""
    generator = np.random.default_rng(0)
    given_up = 0
    for _ in range(2000):
        difficulty = generator.random(800) < 0.8
        pair = [difficulty ^ (generator.random(800) < 0.1) for _ in range(2)]
        given_up += cannot_catch_up(*pair, n_folds=5, n_done=2)
    assert given_up <= 6  # one in a thousand is expected
