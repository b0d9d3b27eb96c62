from __future__ import annotations

import pytest

from gatewise.base.errors import ConfigError, DataError
from gatewise.classify.training_data import read_training_data
from gatewise.selection.run_data import make_fit_data


@pytest.fixture
def path(tmp_path):
    rows = [f"text {n},{'ab'[n % 2]},customer {n // 4},2026-01-{28 - n:02d}" for n in range(24)]
    path = tmp_path / "data.csv"
    path.write_text("\n".join(["text,label,customer,day", *rows]))
    return path


def test_records_of_a_group_stay_together(path):
    data = make_fit_data(read_training_data(path, further=["customer"]), 3, group="customer")
    for fold in data.folds.folds:
        assert not {row // 4 for row in fold.train} & {row // 4 for row in fold.test}


def test_each_fold_learns_from_what_was_earlier(path):
    data = make_fit_data(read_training_data(path, further=["day"]), 3, time="day")
    for fold in data.folds.folds:
        assert fold.train.min() > fold.test.max()  # the file runs backwards


def test_what_else_the_fits_share(path, tmp_path):
    more = tmp_path / "more.txt"
    more.write_text("further text\n")
    read = read_training_data(path, unlabelled=[more])
    data = make_fit_data(read, 2, repeats=3, seed=1, threads=2, class_weight="balanced")
    assert len(data.folds.folds) == 6
    assert (data.threads, data.unlabelled) == (2, ("further text",))
    assert data.class_weight == "balanced"
    assert data.fingerprint != make_fit_data(read, 2, repeats=3).fingerprint


def test_validation_records_are_refused(path):
    read = read_training_data(path, validation=path)
    with pytest.raises(ConfigError, match="folds hold records out themselves"):
        make_fit_data(read, 3)


def test_a_missing_column_and_a_missing_value(path, tmp_path):
    with pytest.raises(DataError, match=r"has no column 'custmer'.*did you mean 'customer'"):
        read_training_data(path, further=["custmer"])
    path.write_text(path.read_text().replace("customer 3", ""))
    corpus = read_training_data(path, further=["customer"]).corpus
    assert len(corpus.texts) == len(corpus.further["customer"]) == 20
    assert [(one.line, one.reason) for one in corpus.refused] == [
        (line, "no customer") for line in range(14, 18)
    ]
    with pytest.raises(DataError, match="is a folder, which has no columns"):
        read_training_data(tmp_path, further=["customer"])
