from __future__ import annotations

import json

import numpy as np
import pytest

from gatewise.classify.blend import Blend
from gatewise.classify.model import RawScores
from gatewise.selection.outcomes import NEVER, FoldResult

TRUTH = ["a", "c", "c", "b"]
CLASSES = ["a", "b", "c"]


@pytest.fixture
def raw():
    generator = np.random.default_rng(1)
    return RawScores(generator.normal(size=(4, 3)), generator.normal(size=(4, 3)))


def test_what_is_kept_comes_back_to_the_last_bit(raw):
    blend = Blend(1.5, 0.5, 0.9, 0.4)
    first = FoldResult.judged(TRUTH, CLASSES, CLASSES, raw, blend, n_parameters=5)
    second = FoldResult.from_plain(json.loads(json.dumps(first.to_plain())))
    np.testing.assert_array_equal(first.raw.network, second.raw.network)
    np.testing.assert_array_equal(first.raw.ngrams, second.raw.ngrams)
    np.testing.assert_array_equal(first.parts.blend, second.parts.blend)
    assert (second.blend, second.scores, second.n_parameters) == (blend, first.scores, 5)
    assert json.dumps(second.to_plain()) == json.dumps(first.to_plain())
    np.testing.assert_allclose(first.raw.network, raw.network, rtol=1e-6)


def test_each_part_is_judged(raw):
    one = FoldResult.judged(TRUTH, CLASSES, CLASSES, raw, Blend(ngram_weight=1.0), n_parameters=0)
    answers = [CLASSES[number] for number in raw.ngrams.argmax(axis=1)]
    right = np.mean([one == two for one, two in zip(answers, TRUTH, strict=True)])
    assert one.scores["ngrams"]["accuracy"] == one.scores["blend"]["accuracy"] == right


def test_columns_are_put_where_their_class_is(raw):
    two = RawScores(raw.network[:, :2], None)
    one = FoldResult.judged(TRUTH, CLASSES, ["a", "c"], two, Blend(), n_parameters=0)
    np.testing.assert_allclose(one.raw.network[:, [0, 2]], raw.network[:, :2], rtol=1e-6)
    assert (one.raw.network[:, 1] == NEVER).all()
    assert "ngrams" not in one.scores
