import numpy as np
import pytest

from gatewise.base.errors import ConfigError
from gatewise.classify.decision import Decision, keep_share


@pytest.mark.parametrize("coverage", [0.0, 0.1, 0.5, 0.9, 0.95, 0.99, 1.0])
def test_the_share_that_was_asked_for_is_kept(coverage):
    confidences = np.random.default_rng(0).random(1000)
    threshold = keep_share(confidences, coverage).abstain_below
    kept = (confidences >= threshold).mean()
    assert kept == pytest.approx(max(coverage, 0.001))


def test_equal_confidences_are_kept_together():
    threshold = keep_share(np.array([0.2] * 5 + [0.9] * 5), 0.8).abstain_below
    assert threshold == 0.2


def test_all_are_kept_where_a_share_would_be_less_than_one_record():
    assert keep_share(np.array([0.1, 0.2]), 0.9) == Decision(0.0)
    assert keep_share(np.zeros(0), 0.9) == Decision(0.0)


def test_what_is_no_share():
    with pytest.raises(ConfigError, match=r"coverage is 1\.5"):
        keep_share(np.ones(3), 1.5)
    with pytest.raises(ConfigError, match="abstain_below is -1"):
        Decision(-1)
