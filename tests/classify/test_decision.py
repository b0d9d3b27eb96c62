import numpy as np
import pytest

from gatewise.base.errors import ConfigError
from gatewise.classify.decision import Decision, choose_decision


def choose(probabilities, in_scope=None, right=None, coverage=0.95, precision=None):
    right = np.ones(len(probabilities), bool) if right is None else right
    return choose_decision(
        np.asarray(probabilities), in_scope, right, coverage=coverage, precision=precision
    )


@pytest.mark.parametrize("coverage", [0.0, 0.1, 0.5, 0.9, 0.95, 0.99, 1.0])
@pytest.mark.parametrize("by_scope", [True, False])
def test_the_share_that_was_asked_for_is_answered(coverage, by_scope):
    generator = np.random.default_rng(0)
    sure, inside = generator.random((2, 1000))
    decision, note = choose(sure, inside if by_scope else None, coverage=coverage)
    answered = decision.answers(sure, inside if by_scope else None).mean()
    assert answered == pytest.approx(max(coverage, 0.001), abs=0.0011)
    assert (decision.abstain_below == 0.0) is (by_scope or coverage == 1.0)
    assert note is None


@pytest.mark.parametrize(("n", "coverage"), [(30, 0.9), (39, 0.95), (100, 0.95), (99, 0.5)])
def test_of_texts_to_come_the_share_is_answered(n, coverage):
    """The uniform distribution tells what share of all texts lies above a threshold."""
    draws = np.random.default_rng(n).random((4000, n))
    above = [1.0 - choose(one, coverage=coverage)[0].abstain_below for one in draws]
    k = int((1.0 - coverage) * (n + 1) + 1e-9)
    assert np.mean(above) == pytest.approx(1.0 - k / (n + 1), abs=0.004)
    assert np.mean(above) >= coverage - 0.004


def test_equal_confidences_are_kept_together():
    decision, _ = choose([0.2] * 5 + [0.9] * 5, coverage=0.8)
    assert decision.abstain_below == 0.2


def test_all_are_kept_where_a_share_would_be_less_than_one_record():
    assert choose([0.1, 0.2], coverage=0.9)[0] == Decision()
    assert choose(np.zeros(0))[0] == Decision()


def test_the_threshold_of_a_precision_is_the_lowest_that_reaches_it():
    generator = np.random.default_rng(1)
    sure = generator.random(2000)
    right = generator.random(2000) < sure  # calibrated, so half of them are right
    decision, note = choose(sure, right=right, precision=0.9)
    assert note is None

    def precision_at(threshold):  # one more counts as wrong
        return right[sure >= threshold].sum() / ((sure >= threshold).sum() + 1)

    assert precision_at(decision.abstain_below) >= 0.9
    lower = np.sort(sure[sure < decision.abstain_below])
    assert all(precision_at(one) < 0.9 for one in lower)
    assert 0.7 < decision.abstain_below < 0.9


def test_the_precision_is_that_of_what_passes_the_scope_as_well():
    generator = np.random.default_rng(2)
    sure, inside = generator.random((2, 2000))
    right = (generator.random(2000) < sure) & (inside > 0.2)
    decision, _ = choose(sure, inside, right, coverage=0.75, precision=0.9)
    answered = decision.answers(sure, inside)
    assert decision.outside_below > 0.2
    assert right[answered].mean() >= 0.9
    assert right[sure >= decision.abstain_below].mean() < 0.9


def test_a_precision_out_of_reach_is_said():
    right = np.arange(100) % 2 == 0
    decision, note = choose(np.linspace(0.2, 0.9, 100), right=right, precision=0.99)
    assert "no threshold makes 99.0% of the answers right" in note
    assert 0.0 <= decision.abstain_below <= 0.9


def test_a_precision_reached_by_all_needs_no_threshold():
    assert choose(np.linspace(0.2, 0.9, 100), precision=0.5)[0] == Decision()


def test_a_precision_that_so_few_records_cannot_show_is_said():
    sure = np.linspace(0.9, 0.99, 45)
    assert choose(sure, precision=0.95) == (Decision(), None)
    decision, note = choose(sure, precision=0.98)
    assert decision == Decision()
    assert note == "no threshold makes 98.0% of the answers right; the best found makes it 97.8%"


def test_few_answers_prove_nothing():
    """Though the 10 surest of 100 are right, they are too few to rest a threshold on."""
    sure = np.linspace(0.99, 0.01, 100)
    right = np.arange(100) < 10
    decision, note = choose(sure, right=right, precision=0.95)
    assert note is not None
    assert (sure >= decision.abstain_below).sum() >= 20


def test_a_model_without_in_scope_score_decides_by_probability_alone():
    decision = Decision(abstain_below=0.5, outside_below=0.3)
    assert decision.answers(np.array([0.4, 0.6]), None).tolist() == [False, True]
    answers = decision.answers(np.array([0.6, 0.6, 0.4]), np.array([0.1, 0.9, 0.9]))
    assert answers.tolist() == [False, True, False]


def test_what_is_no_share():
    with pytest.raises(ConfigError, match=r"abstain_coverage is 1\.5"):
        choose(np.ones(3), coverage=1.5)
    with pytest.raises(ConfigError, match=r"abstain_precision is -0\.1"):
        choose(np.ones(3), precision=-0.1)
    with pytest.raises(ConfigError, match="abstain_below is -1"):
        Decision(-1)
    with pytest.raises(ConfigError, match="outside_below is 2"):
        Decision(outside_below=2)
