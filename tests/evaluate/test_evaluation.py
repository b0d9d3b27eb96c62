"""The parts of a classifier, scored side by side."""

from types import SimpleNamespace

import numpy as np
import pytest

from gatewise.base.errors import DataError
from gatewise.classify.model import PartScores
from gatewise.evaluate import evaluation
from gatewise.evaluate.evaluation import evaluate
from gatewise.evaluate.metrics import measure

LABELS = ("a", "b", "c")
TEXTS = [f"text {number}" for number in range(11)]
TRUTH = list("abcabcabcab")


def log_probabilities(seed):
    exponentials = np.exp(np.random.default_rng(seed).normal(size=(len(TEXTS), 3)))
    return np.log(exponentials / exponentials.sum(axis=1, keepdims=True))


class Classifier:
    """Answers the texts above with fixed numbers."""

    def __init__(self, *, with_ngrams=True):
        self.model_ = SimpleNamespace(labels=LABELS, language="auto")
        self.scores = {"lstm": log_probabilities(1), "blend": log_probabilities(2)}
        self.scores["ngrams"] = log_probabilities(3) if with_ngrams else None
        self.n_asked = []

    def predict_parts(self, texts):
        rows = [TEXTS.index(text) for text in texts]
        self.n_asked.append(len(rows))
        return PartScores(
            **{name: None if all_ is None else all_[rows] for name, all_ in self.scores.items()}
        )


class Counted:
    def __init__(self):
        self.total, self.done = 0, 0

    def start(self, stage, total, unit):
        self.total = total

    def advance(self, n_units, note=""):
        self.done += n_units


def test_each_part_has_its_own_scores():
    classifier = Classifier()
    found = evaluate(classifier, TEXTS, TRUTH)
    for name, part in found.parts.items():
        expected = measure(TRUTH, LABELS, np.exp(classifier.scores[name]))
        assert part.accuracy == expected.accuracy
        assert part.macro_f1 == pytest.approx(expected.macro_f1)
        assert part.calibration.error == pytest.approx(expected.calibration.error)
        np.testing.assert_array_equal(part.confusion, expected.confusion)


def test_texts_without_a_word_are_counted(monkeypatch):
    monkeypatch.setattr(Classifier, "predict_parts", lambda self, _: PartScores(**self.scores))
    texts = [*TEXTS[:8], "", "...", "\u4f60\u597d"]
    assert evaluate(Classifier(), texts, TRUTH).n_wordless == 2
    assert evaluate(Classifier(), TEXTS, TRUTH).n_wordless == 0


def test_texts_are_scored_in_chunks_and_progress_is_told(monkeypatch):
    whole = evaluate(Classifier(), TEXTS, TRUTH).as_dict()
    monkeypatch.setattr(evaluation, "_CHUNK", 4)
    classifier, progress = Classifier(), Counted()
    assert evaluate(classifier, TEXTS, TRUTH, progress=progress).as_dict() == whole
    assert classifier.n_asked == [4, 4, 3]
    assert (progress.total, progress.done) == (11, 11)


def test_the_dict_has_the_fixed_keys():
    found = evaluate(Classifier(), TEXTS, TRUTH)
    as_dict = found.as_dict()
    assert set(as_dict) == {
        "n_records",
        "n_wordless",
        "accuracy",
        "macro_f1",
        "calibration_error",
        "calibration_error_by_chance",
        "parts",
        "confused",
        "unknown",
        "per_class",
    }
    assert as_dict["n_records"] == 11
    assert as_dict["accuracy"] == as_dict["parts"]["blend"]["accuracy"] == found.blend.accuracy
    assert as_dict["macro_f1"] == as_dict["parts"]["blend"]["macro_f1"] == found.blend.macro_f1
    assert as_dict["parts"]["ngrams"]["calibration_error"] == found.ngrams.calibration.error
    pairs = [(one["true"], one["predicted"], one["count"]) for one in as_dict["confused"]]
    assert pairs == [(one.true, one.predicted, one.count) for one in found.blend.confused] != []
    assert as_dict["unknown"] == {}
    assert list(as_dict["parts"]) == ["lstm", "ngrams", "blend"]
    assert list(as_dict["per_class"]) == ["a", "b", "c"]
    assert set(as_dict["per_class"]["a"]) == {"precision", "recall", "f1", "support"}
    assert as_dict["per_class"]["a"]["support"] == 4


def test_a_model_without_a_companion_has_no_scores_of_one():
    found = evaluate(Classifier(with_ngrams=False), TEXTS, TRUTH)
    assert found.ngrams is None
    assert found.as_dict()["parts"]["ngrams"] is None


def test_labels_that_the_model_lacks_are_named_and_wrong():
    truth = [*TRUTH[:-2], "new", "new"]
    found = evaluate(Classifier(), TEXTS, truth)
    assert found.blend.unknown == {"new": 2}
    assert found.as_dict()["per_class"]["new"] == {
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "support": 2,
    }


def test_labels_may_be_numbers():
    classifier = Classifier()
    classifier.model_ = SimpleNamespace(labels=("0", "1", "2"), language="auto")
    assert evaluate(classifier, TEXTS, [LABELS.index(t) for t in TRUTH]).blend.unknown == {}


@pytest.mark.parametrize(("texts", "labels"), [([], []), (TEXTS, TRUTH[:-1])])
def test_one_label_per_text_and_at_least_one(texts, labels):
    with pytest.raises(DataError):
        evaluate(Classifier(), texts, labels)
