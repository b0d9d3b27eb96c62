from __future__ import annotations

import itertools

import pytest

from gatewise.base.errors import ConfigError
from gatewise.selection.candidates import Range
from gatewise.selection.search import make_search

SPACE = {"units": Range(8, 512), "dropout": Range(0.0, 0.6), "pooling": ["max", "mean"]}


def ask_all(search, score=lambda params: params["units"]):
    asked = []
    while batch := search.ask():
        for candidate in batch:
            search.tell(candidate, score(candidate.params))
        asked.append([candidate.params for candidate in batch])
    return asked


def test_a_grid_asks_once_for_all():
    search = make_search("grid", {"units": [8, 16]}, {"epochs": 2}, trials=1, seed=0)
    (batch,) = ask_all(search)
    assert batch == [{"units": 8}, {"units": 16}]


@pytest.fixture
def optuna():
    return pytest.importorskip("optuna")


@pytest.mark.usefixtures("optuna")
def test_optuna_asks_a_few_at_a_time_within_the_space():
    asked = ask_all(make_search("optuna", SPACE, {}, trials=10, seed=0))
    assert [len(batch) for batch in asked] == [4, 4, 2]
    for params in itertools.chain(*asked):
        assert 8 <= params["units"] <= 512
        assert isinstance(params["units"], int)
        assert 0.0 <= params["dropout"] <= 0.6
        assert params["pooling"] in ("max", "mean")


@pytest.mark.usefixtures("optuna")
def test_optuna_asks_the_same_again_if_it_is_told_the_same():
    def run(seed=0, sign=1):
        search = make_search("optuna", SPACE, {}, trials=20, seed=seed)
        return ask_all(search, lambda params: sign * params["units"])

    assert run() == run()
    assert run() != run(seed=1)
    assert run() != run(sign=-1)


@pytest.mark.usefixtures("optuna")
def test_optuna_learns_from_what_it_is_told():
    asked = list(itertools.chain(*ask_all(make_search("optuna", SPACE, {}, trials=60, seed=0))))
    first = sum(params["units"] for params in asked[:12]) / 12
    last = sum(params["units"] for params in asked[-12:]) / 12
    assert last > 1.5 * first


@pytest.mark.usefixtures("optuna")
def test_optuna_goes_on_after_a_candidate_that_failed():
    asked = ask_all(make_search("optuna", SPACE, {}, trials=9, seed=0), lambda _: None)
    assert sum(map(len, asked)) == 9


@pytest.mark.parametrize(
    ("sampler", "trials", "told"),
    [("random", 5, "sampler is 'random'"), ("optuna", 0, "trials is 0")],
)
def test_what_is_no_search(sampler, trials, told):
    with pytest.raises(ConfigError, match=told):
        make_search(sampler, {"units": [8, 16]}, {}, trials=trials, seed=0)
