from __future__ import annotations

import json

import numpy as np
import pytest

from gatewise.base.progress import SilentProgress
from gatewise.classify.blend import Blend, blend_log_probabilities
from gatewise.classify.calibration import fit_blend
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.model import RawScores
from gatewise.selection.final_model import decide_from_folds, train_final
from gatewise.selection.outcomes import FoldResult
from gatewise.store.archive import load


def judged(data, seed=0, companion=True):
    """Make results of folds whose scores know the truth somewhat."""
    generator = np.random.default_rng(seed)
    found = []
    for fold in data.folds.folds:
        truth = [data.labels[row] for row in fold.test]
        hints = np.array([[2.0 * (label == one) for one in data.classes] for label in truth])
        raw = RawScores(
            hints + generator.normal(size=hints.shape),
            hints + generator.normal(size=hints.shape) if companion else None,
        )
        result = FoldResult.judged(truth, data.classes, data.classes, raw, Blend(), n_parameters=1)
        found.append((fold, result))
    return lambda: iter(found)


@pytest.mark.parametrize("companion", [True, False])
def test_the_blend_is_that_of_all_records_together(data, companion):
    found = judged(data, companion=companion)
    blend, decision = decide_from_folds(data, found, 0.9)
    network = np.concatenate([result.raw.network for _, result in found()])
    ngrams = np.concatenate([result.raw.ngrams for _, result in found()]) if companion else None
    targets = np.concatenate(
        [[data.classes.index(data.labels[row]) for row in fold.test] for fold, _ in found()]
    )
    assert blend == fit_blend(network, ngrams, targets)
    confidences = np.exp(blend_log_probabilities(network, ngrams, blend)).max(axis=1)
    assert (confidences >= decision.abstain_below).sum() == 81  # of 90


def test_a_class_that_a_fold_did_not_know_teaches_nothing(data):
    found = list(judged(data)())
    whole = decide_from_folds(data, lambda: iter(found), 1.0)[0]
    fold, result = found[0]
    result.raw.network[0, data.classes.index(data.labels[fold.test[0]])] = -1e4
    with_one_less = decide_from_folds(data, lambda: iter(found), 1.0)[0]
    assert with_one_less != whole
    assert with_one_less.network_temperature < 5


@pytest.fixture(scope="module")
def trained(data, tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    train_final(data, tiny, judged(data), out, seed=3, coverage=0.9, progress=SilentProgress())
    return out


def test_the_model_is_one_of_all_records_with_that_blend(trained, data, tiny):
    model = load(trained / "model").model_
    blend, decision = decide_from_folds(data, judged(data), 0.9)
    assert (model.blend, model.decision) == (blend, decision)
    alone = TextClassifier(**tiny, random_state=3).fit(data.texts, data.labels)
    expected = alone.model_.network.arrays()
    for name, array in model.network.arrays().items():
        np.testing.assert_array_equal(array, expected[name])
    assert model.facts["n_records"] == len(data.texts)


def test_what_was_trained_is_not_trained_again(trained, data, tiny):
    def train(settings, seed=3):
        before = (trained / "model" / "manifest.json").stat().st_mtime_ns
        train_final(
            data,
            settings,
            judged(data),
            trained,
            seed=seed,
            coverage=0.9,
            progress=SilentProgress(),
        )
        return (trained / "model" / "manifest.json").stat().st_mtime_ns > before

    assert not train(tiny)
    assert train({**tiny, "units": 5})
    (trained / "model.json").write_text("[]")
    assert train({**tiny, "units": 5})
    note = json.loads((trained / "model.json").read_bytes())
    assert note["begun"] == note["done"]
    assert train({**tiny, "units": 5}, seed=4)
