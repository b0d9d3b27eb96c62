from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from gatewise.base.progress import SilentProgress
from gatewise.classify.blend import Blend, blend_log_probabilities
from gatewise.classify.calibration import fit_blend
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.model import RawScores
from gatewise.classify.scope import fit_scope, score_evidence
from gatewise.selection.final_model import decide_from_folds, train_final
from gatewise.selection.folds import make_folds
from gatewise.selection.outcomes import FoldResult
from gatewise.store.archive import load

ANSWERS = {"abstain_coverage": 0.9, "abstain_precision": None, "keep_texts": False}


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
        near, alike = generator.random((2, len(fold.test)))
        evidence = {"nearness": near, "similarity": alike}
        found.append((fold, replace(result, evidence=evidence)))
    return lambda: iter(found)


def decide(data, found, coverage=1.0, precision=None):
    return decide_from_folds(data, found, coverage=coverage, precision=precision, seed=0)


@pytest.mark.parametrize("companion", [True, False])
def test_the_blend_is_that_of_all_records_together(data, companion):
    found = judged(data, companion=companion)
    lessons = decide(data, found, coverage=0.9)
    network = np.concatenate([result.raw.network for _, result in found()])
    ngrams = np.concatenate([result.raw.ngrams for _, result in found()]) if companion else None
    targets = np.concatenate(
        [[data.classes.index(data.labels[row]) for row in fold.test] for fold, _ in found()]
    )
    blend = lessons.blend
    assert blend == fit_blend(network, ngrams, targets)
    log_probabilities = blend_log_probabilities(network, ngrams, blend)
    assert lessons.accuracies["blend"] == (log_probabilities.argmax(axis=1) == targets).mean()
    assert lessons.accuracies["n_records"] == 90
    evidence = {"probability": log_probabilities.max(axis=1)}
    if companion:
        evidence["lead"] = score_evidence(log_probabilities, ngrams)["lead"]
    evidence["nearness"] = np.concatenate([result.evidence["nearness"] for _, result in found()])
    scope = fit_scope(evidence)
    assert set(lessons.scope.references) == set(evidence)
    in_scope = scope.score(evidence)
    np.testing.assert_allclose(lessons.held_out.in_scope, in_scope, rtol=1e-6)
    assert (in_scope >= lessons.decision.outside_below).sum() in (81, 82)  # of 90, two alike
    assert lessons.decision.abstain_below == 0.0
    assert lessons.held_out.source == "folds"
    assert lessons.held_out.rows.tolist() == [
        row for fold, _ in found() for row in fold.test.tolist()
    ]
    assert lessons.held_out.targets.tolist() == targets.tolist()
    np.testing.assert_allclose(lessons.held_out.network, network, rtol=1e-6)


def test_the_precision_asked_for_is_that_of_the_folds(data):
    lessons = decide(data, judged(data), coverage=1.0, precision=0.95)
    held = lessons.held_out
    scores = blend_log_probabilities(
        held.network.astype(float), held.ngrams.astype(float), lessons.blend
    )
    answered = np.exp(scores.max(axis=1)) >= lessons.decision.abstain_below - 1e-6
    assert 0 < lessons.decision.abstain_below < 1
    assert (scores.argmax(axis=1) == held.targets)[answered].mean() >= 0.95


def test_a_class_that_a_fold_did_not_know_teaches_nothing(data):
    found = list(judged(data)())
    whole = decide(data, lambda: iter(found)).blend
    fold, result = found[0]
    result.raw.network[0, data.classes.index(data.labels[fold.test[0]])] = -1e4
    with_one_less = decide(data, lambda: iter(found)).blend
    assert with_one_less != whole
    assert with_one_less.network_temperature < 5


def test_repeats_make_no_record_count_twice(data):
    once = make_folds(data.labels, 3, seed=0)
    again = replace(data, folds=make_folds(data.labels, 3, seed=0, repeats=4))
    first, all_of_them = list(judged(replace(data, folds=once))()), list(judged(again)())
    lessons = decide(data, lambda: iter(all_of_them))
    expected = decide(data, lambda: iter(first))
    assert lessons.held_out.rows.tolist() == expected.held_out.rows.tolist()
    assert lessons.accuracies == expected.accuracies
    assert lessons.accuracies["n_records"] == 90
    assert lessons.blend == expected.blend
    # A fold that did not know a record's class leaves it to the next repeat.
    fold, result = all_of_them[0]
    result.raw.network[0, data.classes.index(data.labels[fold.test[0]])] = -1e4
    held = decide(data, lambda: iter(all_of_them)).held_out
    assert sorted(held.rows.tolist()) == list(range(90))
    assert held.rows.tolist().index(fold.test[0]) >= 89


@pytest.fixture(scope="module")
def trained(data, tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    train_final(data, tiny | ANSWERS, judged(data), out, seed=3, progress=SilentProgress())
    return out


def test_the_model_is_one_of_all_records_with_that_blend(trained, data, tiny):
    model = load(trained / "model").model_
    lessons = decide(data, judged(data), coverage=0.9)
    assert (model.blend, model.decision) == (lessons.blend, lessons.decision)
    assert model.scope.sums.tolist() == lessons.scope.sums.tolist()
    assert model.held_out.rows.tolist() == lessons.held_out.rows.tolist()
    assert model.facts["held_out"] == lessons.accuracies
    alone = TextClassifier(**tiny, random_state=3).fit(data.texts, data.labels)
    expected = alone.model_.network.arrays()
    for name, array in model.network.arrays().items():
        np.testing.assert_array_equal(array, expected[name])
    assert model.facts["n_records"] == len(data.texts)
    assert not any("nothing was measured" in note for note in model.facts["notes"])
    # The fit itself held none out, and cannot know of the folds.
    assert any("nothing was measured" in note for note in alone.model_.facts["notes"])


def test_what_was_trained_is_not_trained_again(trained, data, tiny):
    def train(settings, seed=3):
        before = (trained / "model" / "manifest.json").stat().st_mtime_ns
        train_final(
            data,
            settings | ANSWERS,
            judged(data),
            trained,
            seed=seed,
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
