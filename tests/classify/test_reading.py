"""What a model says of texts, where it can say nothing."""

from types import SimpleNamespace

import numpy as np
import pytest

from gatewise.base.errors import ModelFileError
from gatewise.classify.blend import Blend
from gatewise.classify.decision import Decision
from gatewise.classify.reading import RawScores, blend_scores, read_tokens


def model_with(scores):
    raw = RawScores(np.array(scores), None)
    return SimpleNamespace(
        raw_scores=lambda _: raw, blend=Blend(), decision=Decision(), scope=None, index=None
    )


def test_scores_as_large_as_they_can_be_are_read():
    reading = read_tokens(model_with([[-1e300, 0.0], [3.0, -1e300]]), [["a"], ["b"]])
    assert reading.parts.blend.argmax(axis=1).tolist() == [1, 0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_refused(bad):
    with np.errstate(invalid="ignore"), pytest.raises(ModelFileError, match="are no numbers"):
        read_tokens(model_with([[0.0, 1.0], [bad, 1.0]]), [["a"], ["b"]])


def test_nor_is_a_class_named_by_them():
    """The largest of numbers that are none would always be the first."""
    raw = RawScores(np.array([[0.0, 1.0]]), np.array([[np.nan, 1.0]]))
    with pytest.raises(ModelFileError, match="are no numbers"):
        blend_scores(raw, Blend(ngram_weight=0.5))
