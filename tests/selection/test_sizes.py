from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow.parquet
import pytest
from sklearn.metrics import accuracy_score

from gatewise.base.errors import ConfigError, DataError
from gatewise.classify.blend import Blend
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.model import RawScores
from gatewise.selection.candidates import Candidate, Range
from gatewise.selection.choice import choose
from gatewise.selection.outcomes import FoldResult
from gatewise.selection.sizes import TuneRequest, _Judged, tune
from gatewise.selection.workers import Engine
from gatewise.store.archive import load
from gatewise.vectors.word_vectors import WordVectors

pytestmark = pytest.mark.usefixtures("quick_searches")

SPACE = {"units": [4, 6], "embedding": ["frozen", "random"]}


@pytest.fixture(scope="module")
def fixed(tiny):
    return {name: value for name, value in tiny.items() if name != "units"}


@pytest.fixture(scope="module")
def run(data, fixed, tmp_path_factory):
    """A search that was carried through; its folder is not to be changed."""
    out = tmp_path_factory.mktemp("tune") / "run"
    lines = list(range(2, 92))
    request = TuneRequest(out, SPACE, fixed, engine=Engine(workers=2), lines=lines)
    return out, tune(data, request)


def test_candidates_are_judged_as_scikit_learn_judges_the_estimator(run, data, fixed):
    _, found = run
    assert [one.params for one in found.results][:2] == [
        {"units": 4, "embedding": "frozen"},
        {"units": 4, "embedding": "random"},
    ]
    for one in (found.results[0], found.results[3]):
        for score, fold in zip(one.folds, data.folds.folds, strict=True):
            classifier = TextClassifier(**fixed, **one.params)
            classifier.fit(*([values[row] for row in fold.train] for values in _columns(data)))
            texts, truth = ([values[row] for row in fold.test] for values in _columns(data))
            assert score.accuracy == accuracy_score(truth, classifier.predict(texts))


def _columns(data):
    return data.texts, data.labels


def test_what_is_written(run, data):
    out, found = run
    rows = json.loads((out / "results.json").read_bytes())
    assert [row["params"] for row in rows] == [one.params for one in found.results]
    assert [row["chosen"] for row in rows].index(True) == found.choice.chosen
    assert sum(row["chosen"] for row in rows) == 1
    for row in rows:
        accuracies = [fold["accuracy"] for fold in row["folds"]]
        assert row["mean"] == pytest.approx(np.mean(accuracies))
        assert all(fold["seconds"] > 0 for fold in row["folds"])
    table = pyarrow.parquet.read_table(out / "oof.parquet").to_pylist()
    assert len(table) == len(rows) * len(data.texts)
    first = [row for row in table if row["candidate"] == 0]
    assert sorted(row["record"] for row in first) == list(range(90))
    assert all(row["line"] == row["record"] + 2 for row in first)
    right = np.mean([row["predicted"] == row["label"] for row in first])
    assert right == pytest.approx(rows[0]["mean"])
    summary = json.loads((out / "summary.json").read_bytes())
    assert summary["chosen"] == found.results[found.choice.chosen].name
    assert summary["reason"] == found.choice.reason


def test_the_chosen_one_was_trained_on_all_records(run, data):
    out, found = run
    assert found.model == out / "model"
    model = load(found.model).model_
    chosen = found.results[found.choice.chosen].params
    assert model.recipe.units == chosen["units"]
    assert model.recipe.embedding == chosen["embedding"]
    assert model.facts["n_records"] == 90
    assert model.decision.outside_below > 0


def test_nothing_is_done_twice(run, data, fixed):
    out, found = run
    files = {path: path.stat().st_mtime_ns for path in (out / "ledger").iterdir()}
    again = tune(data, TuneRequest(out, SPACE, fixed, engine=Engine(workers=2)))
    assert {path: path.stat().st_mtime_ns for path in (out / "ledger").iterdir()} == files
    assert again.results == found.results
    assert len(files) == 12


def test_a_search_can_be_widened(run, data, fixed, tmp_path):
    """What was judged for one search serves another one on the same data."""
    out, found = run
    space = {"units": [4, 8], "embedding": ["frozen"]}
    wider = tune(data, TuneRequest(out, space, fixed, final=False))
    assert wider.results[0] == found.results[0]
    assert len(list((out / "ledger").iterdir())) == 15
    assert wider.model is None


def test_a_hopeless_candidate_is_dropped_and_said(make_fit_data, fixed, tmp_path):
    data = make_fit_data(600, n_folds=4)
    fixed = {**fixed, "companion": False, "epochs": 4}
    space = {"learning_rate": [1e-8, 1e-2]}
    request = TuneRequest(tmp_path / "run", space, fixed, final=False, engine=Engine(workers=2))
    found = tune(data, request)
    poor, good = found.results
    assert poor.state == "dropped after 2 folds"
    assert (len(poor.folds), len(good.folds)) == (2, 4)
    assert any(note.startswith("learning rate 1e-08 was dropped after 2") for note in found.notes)
    kept = tune(data, dataclasses.replace(request, drop=False))
    assert len(kept.results[0].folds) == 4
    assert not kept.results[0].state
    # What is there by now does not change what is said.
    assert tune(data, request).results == found.results
    by_f1 = tune(data, dataclasses.replace(request, score="macro_f1"))
    assert not by_f1.results[0].state


class FailingRun:
    """Fits that are judged by how many are right, and of which one fails late."""

    def __init__(self, data, right, failing):
        self.data, self.right, self.failing, self.done = data, right, failing, []

    def fit(self, wanted, stage="fits"):
        failures = {}
        for facts, name in wanted:
            if facts.settings["dropout"] == self.failing and facts.fold == 2:
                failures[name] = "out of memory"
            else:
                self.done.append((facts.settings["dropout"], facts.fold))
        return failures

    def find(self, facts):
        if (facts.settings["dropout"], facts.fold) not in self.done:
            return None
        classes, rows = self.data.classes, self.data.folds.folds[facts.fold].test
        truth = [self.data.labels[row] for row in rows]
        n_right = round(self.right[facts.settings["dropout"]] * len(rows))
        scores = np.array([[float(label == one) for one in classes] for label in truth])
        scores[n_right:] *= -1
        raw = RawScores(scores, None)
        return FoldResult.judged(truth, classes, classes, raw, Blend(), n_parameters=1)


def test_those_dropped_against_a_leader_that_fails_are_taken_back(make_fit_data, tmp_path):
    data = make_fit_data(300, n_folds=4)
    right = {0.1: 0.99, 0.2: 0.6, 0.30000001: 0.58, 0.30000002: 0.2}
    run = FailingRun(data, right, failing=0.1)
    judged = _Judged(run, data, TuneRequest(tmp_path))
    judged.judge([Candidate({"dropout": value}) for value in right])
    results = judged.results()
    assert results[0].state == "failed: out of memory"
    assert [len(one.folds) for one in results[1:]] == [4, 4, 2]
    assert not results[1].state
    assert results[3].state == "dropped after 2 folds"
    assert judged.notes == [
        "dropout 0.30000002 was dropped after 2 folds: 20.0% right, and dropout 0.2 has 60.0%"
    ]
    assert choose(results).chosen == 1


def test_repeats_make_no_mean_surer(make_fit_data, tmp_path):
    data = make_fit_data(60, n_folds=2, repeats=2)
    judged = _Judged(FailingRun(data, {0.1: 0.9}, failing=None), data, TuneRequest(tmp_path))
    judged.judge([Candidate({"dropout": 0.1})])
    (one,) = judged.results()
    assert (len(one.folds), one.repeats) == (4, 2)


def test_a_candidate_that_fails_does_not_end_the_others(data, fixed, tmp_path):
    vectors = WordVectors(["card"], np.ones((1, 8), dtype=np.float32))
    given = dataclasses.replace(data, vectors=vectors)
    space = {"word_dimension": [8, 16]}
    rest = {name: value for name, value in fixed.items() if name != "word_dimension"}
    found = tune(given, TuneRequest(tmp_path / "run", space, rest))
    good, bad = found.results
    assert bad.state.startswith("failed: ConfigError: the vectors given have 8 numbers a word")
    assert not good.state
    assert found.choice.chosen == 0
    with pytest.raises(DataError, match="no candidate could be judged: failed: ConfigError"):
        tune(given, TuneRequest(tmp_path / "other", {"word_dimension": [16]}, rest))


def test_a_torn_result_is_done_again_and_said(data, fixed, tmp_path):
    request = TuneRequest(tmp_path / "run", {"units": [4]}, fixed, final=False)
    before = tune(data, request)
    path = sorted((tmp_path / "run" / "ledger").iterdir())[1]
    path.write_bytes(path.read_bytes()[:1000])
    again = tune(data, request)
    assert [one.scores for one in again.results] == [one.scores for one in before.results]
    assert any(path.name in note and "torn" in note for note in again.notes)


def test_optuna_searches_a_range(data, fixed, tmp_path):
    pytest.importorskip("optuna")
    space = {"units": Range(2, 8), "pooling": ["max", "mean"]}
    request = TuneRequest(
        tmp_path / "run", space, fixed, sampler="optuna", trials=5, engine=Engine(workers=2)
    )
    found = tune(data, request)
    assert 1 < len(found.results) <= 5
    assert all(2 <= one.params["units"] <= 8 for one in found.results)
    assert tune(data, request).results == found.results


def test_macro_f1_can_be_what_counts(run, data, fixed):
    out, _ = run
    found = tune(data, TuneRequest(out, SPACE, fixed, score="macro_f1", final=False))
    assert found.results[0].mean == np.mean([fold.macro_f1 for fold in found.results[0].folds])
    assert "macro F1" in found.choice.reason


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"score": "speed"}, "score is 'speed'"),
        ({"sampler": "none"}, "sampler is 'none'"),
        ({"space": {"units": [4, 10**9]}}, "units is 1000000000"),
        ({"fixed": {"recipe": "huge"}}, "recipe is 'huge'"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_written(data, tmp_path, change, told):
    with pytest.raises(ConfigError, match=told):
        tune(data, dataclasses.replace(TuneRequest(tmp_path / "run"), **change))
    assert not (tmp_path / "run").exists()


def test_a_run_of_other_data_or_another_question_is_refused(run, make_fit_data, fixed):
    out, _ = run
    request = TuneRequest(out, SPACE, fixed)
    with pytest.raises(ConfigError, match="something else: data"):
        tune(make_fit_data(93), request)
    with pytest.raises(ConfigError, match="seed differ"):
        tune(make_fit_data(90), dataclasses.replace(request, seed=1))
