from __future__ import annotations

import pytest

from gatewise.evaluate.paired import Difference
from gatewise.selection.choice import CandidateResult, FoldScore
from gatewise.selection.verdict import CurvePoint, Pair, verdict

TITLES = {"modern": "both", "ngrams": "n-grams", "lstm": "LSTM"}


def results(modern=0.9, ngrams=0.85, lstm=0.88):
    return {
        key: CandidateResult(key, {}, folds=[FoldScore(0, mean, mean, seconds)])
        for key, mean, seconds in (
            ("modern", modern, 20.0),
            ("ngrams", ngrams, 0.52),
            ("lstm", lstm, 15.0),
        )
    }


def pair(question, gain, p_value, mcnemar=0.5, **options):
    difference = Difference(gain, gain, gain, p_value)
    return Pair("modern", "ngrams", question, difference, mcnemar, **options)


def told(pairs=(), curve=(), chosen="modern", doubling=None, **means):
    return verdict(results(**means), pairs, curve, chosen, TITLES, doubling)


@pytest.mark.parametrize(
    ("gain", "p_value", "words"),
    [
        (0.05, 0.0001, "The LSTM is worth it: with it the answers are 5.0 points better"),
        (0.05, 0.2, "The LSTM may be worth it: with it the answers are 5.0 points better"),
        (0.009, 0.2, "not worth it on these data: the n-grams alone reach 85.0% in 0.5 s a fit"),
        (-0.05, 0.2, "no better than these data can show (-5.0 points, p = 0.200)"),
        (0.001, 0.0001, "The LSTM is not worth it"),
        (-0.05, 0.01, "not worth it on these data: the n-grams alone are 5.0 points better"),
        (-0.001, 0.01, "no better than these data can show (-0.1 points, p = 0.010)"),
    ],
)
def test_whether_the_lstm_is_worth_it(gain, p_value, words):
    assert words in told([pair("lstm", gain, p_value)])


def test_what_each_part_brings():
    found = told(
        [
            pair("vectors", 0.021, 0.0004),
            pair("fine-tuning", -0.013, 0.03),
            pair("order", 0.004, 0.3),
            pair("ngrams", 0.01, 0.049),
            pair("recipe", 0.4, 0.001),
        ]
    )
    for sentence in (
        "The best here is: both, with 90.0%.",
        "random vectors brings the LSTM alone 2.1 points (p < 0.001).",
        "instead of freezing them costs it 1.3 points (p = 0.030).",
        "makes no difference that these data can show (p = 0.300).",
        "Adding the n-grams to the LSTM brings 1.0 points (p = 0.049).",
        "instead of the forum's brings 40.0 points (p = 0.001).",
    ):
        assert sentence in found
    assert "worth it" not in found


@pytest.mark.parametrize(
    ("question", "gain", "words"),
    [
        ("vectors", 0.026, "random vectors brings the LSTM alone 2.6 points, which these folds"),
        ("order", -0.72, "their vectors costs 72.0 points, which these folds"),
        ("lstm", 0.05, "may be worth it: with it the answers are 5.0 points better than those of"),
        ("lstm", -0.2, "not worth it on these data: the n-grams alone are 20.0 points better, whi"),
    ],
)
def test_few_folds_do_not_deny_what_the_records_show(question, gain, words):
    """With two folds no t-test is sure: of 70 points either."""
    found = told([pair(question, gain, 0.31, 1e-6)])
    assert words in found
    assert "cannot prove (p = 0.310), though McNemar's test" in found
    assert "is sure of it (p < 0.001); more folds" in found
    assert "no difference" not in found
    for one in (
        pair(question, gain, 0.31, 0.01),
        pair(question, gain, 0.31, 0, counts_records=False),
    ):
        assert one.is_level
        assert "McNemar" not in told([one])


def curve(*means):
    return [
        CurvePoint(share, round(1000 * share), {"blend": [mean, mean]})
        for share, mean in zip((0.1, 0.25, 0.5, 1.0)[-len(means) :], means, strict=True)
    ]


@pytest.mark.parametrize(
    ("means", "p_value", "words"),
    [
        ((0.5, 0.6, 0.7, 0.75), 0.01, "gained 5.0 points, so more labels would help: about 2.5"),
        ((0.5, 0.6, 0.62, 0.75), 0.01, "about 13.0 points for twice as many"),
        ((0.5, 0.7, 0.6, 0.7), 0.01, "about 10.0 points for twice as many"),
        ((0.6, 0.7), 0.01, "about 10.0 points for twice as many"),
        ((0.5, 0.6, 0.7, 0.75), 0.2, "gained 5.0 points, which may be chance (p = 0.200)"),
        ((0.5, 0.6, 0.7, 0.701), 0.01, "more labels of this kind would help little"),
    ],
)
def test_whether_more_labels_would_help(means, p_value, words):
    gain = means[-1] - means[-2]
    doubling = Difference(gain, gain, gain, p_value)
    found = told(curve=curve(*means), doubling=doubling)
    assert "From 500 to 1,000 records" in found
    assert words in found


def test_the_quickest_as_good_is_named_where_it_is_another():
    assert "The quickest" not in told()
    found = told(chosen="ngrams")
    assert "cannot tell from the best is: n-grams (85.0%, 0.5 s a fit instead of 20 s)" in found


def test_a_pair_as_plain_values():
    one = Pair("a", "b", "order", Difference(0.1, 0.05, 0.15, 0.01), 0.02)
    assert one.to_plain() == {
        "first": "a",
        "second": "b",
        "question": "order",
        "difference": 0.1,
        "low": 0.05,
        "high": 0.15,
        "p_value": 0.01,
        "mcnemar_p_value": 0.02,
    }
    assert curve(0.5)[0].to_plain() == {
        "share": 1.0,
        "n_records": 1000,
        "scores": {"blend": [0.5, 0.5]},
    }
