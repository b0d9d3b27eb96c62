from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.decomposition import PCA

from gatewise.classify import scoping
from gatewise.classify.blend import blend_log_probabilities
from gatewise.classify.calibration import fit_blend
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.model import RawScores
from gatewise.classify.scope import fit_scope, score_evidence
from gatewise.classify.scoping import build_index, learn_from_scores
from gatewise.network.precision import Precision

SMALL = {
    "units": 4,
    "word_dimension": 8,
    "ngram_dimension": 4,
    "projection": 0,
    "epochs": 3,
    "word2vec_passes": 2,
    "batch_size": 16,
}


@pytest.fixture(scope="module")
def fitted(make_tickets):
    """A classifier with held-out records. Nobody may change it."""
    return TextClassifier(**SMALL, keep_texts=True).fit(*make_tickets(200))


# The index


def test_the_index_is_that_of_all_records(fitted, make_tickets):
    texts, labels = make_tickets(200)
    index, model = fitted.model_.index, fitted.model_
    assert index.rows.tolist() == list(range(200))
    assert [model.labels[target] for target in index.targets] == labels
    assert list(index.texts) == texts
    assert index.axes.shape == (model.network.config.pooled_size, 16)
    assert np.linalg.norm(index.points, axis=1) == pytest.approx(1.0, abs=1e-5)
    points = fitted.read(texts).points
    assert points == pytest.approx(index.points, abs=0.02)  # batches differ in the last bits
    similarities, places = index.nearest(points, 1)
    assert similarities == pytest.approx(1.0, abs=1e-3)
    same = [texts[row] == texts[place] for row, (place,) in enumerate(places)]
    assert np.mean(same) > 0.8  # some texts differ only in their last sign


def test_the_axes_are_the_principal_components(fitted, encoded):
    records, pooled = encoded
    index = build_index(
        fitted.model_.network, records, np.arange(200), seed=0, precision=Precision()
    )
    components = PCA(16, svd_solver="full").fit(pooled)
    assert np.abs((index.axes.T @ components.components_.T).diagonal())[:4] == pytest.approx(
        1.0, abs=1e-3
    )
    assert index.center == pytest.approx(pooled.mean(axis=0), abs=1e-5)
    assert index.texts is None


def test_texts_that_are_all_the_same_have_an_index(fitted, encoded):
    """And scikit-learn's division of nothing by nothing is no matter of the user's."""
    same = np.zeros(5, dtype=np.int64)
    index = build_index(fitted.model_.network, encoded[0], same, seed=0, precision=Precision())
    assert len(index.points) == 5
    assert np.isfinite(index.points).all()
    assert np.isfinite(index.axes).all()


def test_of_many_records_some_are_drawn(fitted, encoded, monkeypatch):
    records, _ = encoded
    monkeypatch.setattr(scoping, "_MOST_RECORDS", 20)

    def draw(seed):
        network = fitted.model_.network
        return build_index(network, records, np.arange(100), seed=seed, precision=Precision())

    index = draw(1)
    assert len(index.points) == len(set(index.rows.tolist())) == 20
    assert (np.diff(index.rows) > 0).all()
    assert index.rows.max() < 100
    assert (index.targets == records.targets[index.rows]).all()
    assert draw(1).rows.tolist() == index.rows.tolist()
    assert draw(2).rows.tolist() != index.rows.tolist()


def test_states_that_are_too_long_have_no_index(fitted, encoded, monkeypatch):
    monkeypatch.setattr(scoping, "_LONGEST", fitted.model_.network.config.pooled_size - 1)
    found = build_index(
        fitted.model_.network, encoded[0], np.arange(9), seed=0, precision=Precision()
    )
    assert found is None


@pytest.fixture(scope="module")
def encoded(fitted, make_tickets):
    """The records, and their pooled states one by one."""
    import torch

    from gatewise.classify.model import _records
    from gatewise.text.tokens import tokenize

    texts, labels = make_tickets(200)
    model = fitted.model_
    records = _records(model, [tokenize(text) for text in texts])
    records = replace(records, targets=np.array([model.labels.index(label) for label in labels]))
    with torch.no_grad():
        rows = [model.network.encode(records.batch(np.array([row]))) for row in range(200)]
    return records, np.concatenate([row.numpy() for row in rows]).astype(float)


# What held-out records teach


def draw(n_records=300, n_classes=4, seed=0, companion=True):
    generator = np.random.default_rng(seed)
    targets = generator.integers(0, n_classes, n_records)
    hints = 2.0 * np.eye(n_classes)[targets]
    network = log_softmax(hints + generator.normal(size=hints.shape), axis=1)
    margins = hints + generator.normal(size=hints.shape) if companion else None
    evidence = {"nearness": generator.random(n_records)}
    if companion:
        evidence["familiarity"] = generator.random(n_records)
    return RawScores(network, margins), targets, evidence


def learn(raw, targets, evidence, fresh=None, **more):
    fresh = np.ones(len(targets), bool) if fresh is None else fresh
    given = {"source": "training", "coverage": 0.9, "precision": None, "seed": 0} | more
    return learn_from_scores(raw, np.arange(len(targets)) * 3, targets, evidence, fresh, **given)


@pytest.mark.parametrize("companion", [True, False])
def test_lessons_are_made_of_the_parts(companion):
    raw, targets, evidence = draw(companion=companion)
    lessons = learn(raw, targets, evidence)
    assert lessons.blend == fit_blend(raw.network, raw.ngrams, targets)
    blended = blend_log_probabilities(raw.network, raw.ngrams, lessons.blend)
    assert lessons.accuracies["blend"] == (blended.argmax(axis=1) == targets).mean()
    assert ("ngrams" in lessons.accuracies) is companion
    whole = evidence | {"probability": blended.max(axis=1)}
    if companion:
        whole["lead"] = score_evidence(blended, raw.ngrams)["lead"]
    in_scope = fit_scope(whole).score(whole)
    assert lessons.held_out.in_scope == pytest.approx(in_scope, rel=1e-6)
    assert (in_scope >= lessons.decision.outside_below).mean() == pytest.approx(0.9, abs=0.01)
    assert lessons.held_out.rows.tolist() == list(range(0, 900, 3))
    assert lessons.note is None


def test_only_fresh_records_say_what_is_strange():
    raw, targets, evidence = draw()
    fresh = np.arange(300) % 3 == 0
    evidence["nearness"][~fresh] += 10.0
    lessons = learn(raw, targets, evidence, fresh)
    assert len(lessons.scope.sums) == 100
    assert lessons.scope.references["nearness"].max() < 1.0
    answered = lessons.held_out.in_scope >= lessons.decision.outside_below - 1e-6
    assert answered[fresh].mean() == pytest.approx(0.9, abs=0.02)
    assert answered[~fresh].mean() > 0.95
    assert lessons.blend == learn(raw, targets, evidence).blend  # all records choose the blend


def test_a_precision_that_cannot_be_reached_is_noted():
    raw, _, evidence = draw()
    at_random = np.random.default_rng(3).integers(0, 4, 300)
    assert "no threshold makes 99.0%" in learn(raw, at_random, evidence, precision=0.99).note


def test_of_many_held_out_records_some_are_kept(monkeypatch):
    monkeypatch.setattr(scoping, "_MOST_KEPT", 400)
    raw, targets, evidence = draw()
    held_out = learn(raw, targets, evidence).held_out
    assert len(held_out.rows) == len(set(held_out.rows.tolist())) == 100
    places = held_out.rows // 3
    assert (held_out.targets == targets[places]).all()
    assert held_out.network == pytest.approx(raw.network[places], abs=1e-6)
    assert held_out.ngrams == pytest.approx(raw.ngrams[places], abs=1e-6)
    assert held_out.in_scope.shape == (100,)
    assert len(learn(raw, targets, evidence).scope.sums) == 300  # but all are learnt from
