"""What is said of a model in plain sentences."""

import pytest

from gatewise.classify.decision import Decision
from gatewise.report.verdict import verdict

ROWS = [
    {"name": "LSTM and n-grams", "accuracy": 0.9, "low": 0.87, "high": 0.93},
    {"name": "LSTM alone", "accuracy": 0.8, "low": 0.7, "high": 0.9},
    {"name": "n-grams alone", "accuracy": 0.85, "low": 0.8, "high": 0.9},
    {"name": "always the largest class", "accuracy": 0.2, "low": 0.1, "high": 0.3},
]
RISK = {"given": 0.95, "wrong": 0.05, "error": 0.1}


@pytest.fixture
def told(altered):
    def tell(
        *,
        classes=(),
        decision=None,
        risk=RISK,
        error=0.01,
        chance_error=0.0,
        surplus=0.1,
        n_records=500,
        **changes,
    ):
        head = {"rows": ROWS, "against": "n-grams alone", "chance": 0.001, "lead": 0.05} | changes
        quality = {"headline": head, "risk": risk, "error": error, "overconfidence": surplus}
        quality["error_by_chance"] = chance_error
        model = altered(decision=decision or Decision()).model_
        return verdict(model, quality | {"n_records": n_records}, classes)

    return tell


def one_class(label, recall, measured=20, *, is_known=True):
    return {"label": label, "recall": recall, "measured": measured, "is_known": is_known}


def test_what_it_is_and_how_good(told):
    what, good, doubts = told()
    assert "which of 3 classes" in what
    assert "learnt from 240 labelled records" in what
    assert "a linear model of n-grams" in what
    assert "Of 500 records measured it answers 90.0% rightly" in good
    assert "between 87.0% and 93.0% (95 % interval)" in good
    assert "LSTM alone reaches 80.0%, n-grams alone reach 85.0%, always the largest" in good
    assert "better than the n-grams alone by 5.0 points" in good
    assert doubts.endswith("No threshold is set: every text is answered.")


def test_where_chance_may_have_made_the_difference(told):
    assert "It cannot be told from the n-grams alone" in told(chance=0.4)[1]
    worse = told(chance=0.00001, lead=-0.03)[1]
    assert "It is worse than the n-grams alone by 3.0 points" in worse
    assert "p < 0.0001" in worse


def test_when_not_to_trust_it(told):
    classes = [one_class("good", 0.9), one_class("bad", 0.2), one_class("rare", 0.0, 2)]
    doubts = told(classes=classes, error=0.08)[2]
    assert "misses more than two in five records of “\u2068bad\u2069”." in doubts
    assert "good" not in doubts
    assert "Of 1 class fewer than 5 records were measured" in doubts
    assert "off by 8.0 points on average (chance alone makes it 0.0 with" in doubts
    assert "so many records); on the whole it is too sure" in doubts
    assert "off by" not in told(error=0.08, chance_error=0.09)[2]
    assert "not sure enough" in told(error=0.08, surplus=-0.1)[2]
    outside = [one_class("outside", 0.0, n, is_known=False) for n in (3, 90)]
    assert told(classes=[*classes, *outside], error=0.08)[2] == doubts
    many = told(classes=[one_class(f"bad {number}", 0.1) for number in range(9)])[2]
    assert "and 3 more" in many


def test_its_thresholds(told):
    doubts = told(decision=Decision(0.4, 0.05))[2]
    assert "Below a probability of 40.0% or an in-scope score of 0.050" in doubts
    assert "answers 95.0% of the texts, and 5.0% of these answers are wrong" in doubts
    nothing = told(decision=Decision(0.4), risk=RISK | {"wrong": None})[2]
    assert "it can be told to give no answer." in nothing


def test_nothing_measured(altered):
    _, good, doubts = verdict(altered(ngrams=None).model_, None, [])
    assert "was not measured" in good
    assert "When not to trust it" in doubts


def test_one_record_is_no_records(told):
    _, good, doubts = told(n_records=1)
    assert "Of 1 record measured" in good
    assert doubts.endswith("All this rests on 1 record only.")
