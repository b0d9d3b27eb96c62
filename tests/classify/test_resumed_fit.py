"""That a fit that was interrupted ends with the same model as one that was not."""

from __future__ import annotations

import numpy as np
import pytest

from gatewise.base.errors import CheckpointError, GatewiseError
from gatewise.classify.classifier import TextClassifier

SMALL = {
    "units": 4,
    "word_dimension": 8,
    "ngram_dimension": 4,
    "projection": 0,
    "epochs": 2,
    "final_epochs": 1,
    "batch_size": 16,
    "word2vec_passes": 2,
}


def make_classifier(**changes):
    return TextClassifier(**SMALL | changes)


@pytest.fixture(scope="module")
def tickets(make_tickets):
    return make_tickets(45)


@pytest.fixture(scope="module")
def others(make_tickets):
    return make_tickets(24, seed=5)


@pytest.fixture(scope="module")
def held_out(make_tickets):
    """A classifier of records enough to hold some out. Nobody may fit or change it."""
    return make_classifier().fit(*make_tickets(160))


class Killer:
    """Progress that ends the process, as far as a fit can see, within some stage."""

    def __init__(self, stage, after=0):
        self.stage, self.left, self.inside, self.stages = stage, after, False, []

    def start(self, stage, total, unit):
        self.inside = stage == self.stage
        self.stages.append(stage)

    def advance(self, n_units, note=""):
        self.left -= n_units * self.inside
        if self.left < 0:
            raise KeyboardInterrupt

    def running(self, parts, seconds_left):
        pass

    def message(self, text):
        pass


@pytest.mark.parametrize(
    ("stage", "after"),
    [
        ("tokens", 5),
        ("word vectors", 1),
        ("training", 0),
        ("training", 150),
        ("companion", 1),
        ("last epochs", 30),
        ("last epochs", 165),
    ],
)
def test_a_resumed_fit_is_an_undisturbed_fit(
    make_tickets, others, held_out, tmp_path, stage, after
):
    records = make_tickets(160)
    folder = tmp_path / "kept"
    if (stage, after) == ("last epochs", 165):  # finished but for what comes after the fit
        make_classifier().fit(*records, checkpoint=folder)
    else:
        with pytest.raises(KeyboardInterrupt):
            make_classifier().fit(*records, checkpoint=folder, progress=Killer(stage, after))
    listener = Killer("none")
    resumed = make_classifier().fit(*records, checkpoint=str(folder), progress=listener)
    expected = held_out.predict_proba(others[0])
    assert np.array_equal(resumed.predict_proba(others[0]), expected)
    assert resumed.model_.blend == held_out.model_.blend
    assert ("word vectors" in listener.stages) == (stage in ("tokens", "word vectors"))


@pytest.mark.parametrize("changes", [{"random_state": 1}, {"dropout": 0.11}, {"language": "en"}])
def test_a_checkpoint_of_another_fit_is_refused(tickets, tmp_path, changes):
    make_classifier().fit(*tickets, checkpoint=tmp_path)
    with pytest.raises(CheckpointError, match="other data, settings, seed or versions") as caught:
        make_classifier(**changes).fit(*tickets, checkpoint=tmp_path)
    assert isinstance(caught.value, GatewiseError)


def test_a_checkpoint_of_other_data_is_refused(tickets, others, tmp_path):
    make_classifier().fit(*tickets, checkpoint=tmp_path)
    with pytest.raises(CheckpointError):
        make_classifier().fit(*others, checkpoint=tmp_path)
