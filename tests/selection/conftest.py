"""Small records, folds and settings of fits that take a fraction of a second."""

import pytest

from gatewise import TextClassifier, save
from gatewise.selection.fits import FitData
from gatewise.selection.folds import make_folds

TINY = {
    "units": 4,
    "word_dimension": 8,
    "ngram_dimension": 4,
    "projection": 0,
    "epochs": 2,
    "batch_size": 16,
    "word2vec_passes": 2,
    "adversarial": 0.0,
}


@pytest.fixture(scope="session")
def tiny():
    """Settings of a classifier that is fitted in a tenth of a second."""
    return TINY


@pytest.fixture(scope="session")
def make_fit_data(make_tickets):
    """Make n records of three classes, parted into folds."""

    def make(n_records=90, n_folds=3, repeats=1, **options):
        texts, labels = make_tickets(n_records)
        folds = make_folds(labels, n_folds, seed=0, repeats=repeats)
        return FitData(texts, labels, folds, **options)

    return make


@pytest.fixture(scope="session")
def data(make_fit_data):
    return make_fit_data()


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory, make_tickets):
    """The folder of a model. Do not change it."""
    folder = tmp_path_factory.mktemp("saved") / "model"
    settings = {**TINY, "projection": 6, "device": "cpu", "random_state": 0}
    save(TextClassifier(**settings).fit(*make_tickets(120)), folder)
    return folder
