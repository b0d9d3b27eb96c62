from __future__ import annotations

import pytest

from gatewise.base.errors import ConfigError
from gatewise.selection.candidates import Candidate, Range, as_space, check_space, grid, names_of


def test_a_grid_is_every_combination_in_order():
    found = [one.params for one in grid({"units": [8, 16], "layers": [1, 2]}, {"epochs": 3})]
    assert found == [
        {"units": 8, "layers": 1},
        {"units": 8, "layers": 2},
        {"units": 16, "layers": 1},
        {"units": 16, "layers": 2},
    ]
    assert next(grid({"units": [8]}, {"epochs": 3})).settings == {"epochs": 3, "units": 8}


def test_what_is_told_of_a_candidate():
    assert Candidate({"units": 8, "word_rate": 0.30000001}).name == "units 8, word rate 0.3"
    assert Candidate({"bidirectional": False}).name == "bidirectional False"
    assert Candidate({}, {"units": 8}).name == "the one candidate"


def test_what_was_typed_is_told_and_what_was_drawn_is_told_apart():
    typed = [Candidate({"adam_beta2": value}) for value in (0.999, 0.9995, 0.9999)]
    assert names_of(typed) == ["adam beta2 0.999", "adam beta2 0.9995", "adam beta2 0.9999"]
    drawn = [Candidate({"dropout": value}) for value in (0.12341234, 0.12344321, 0.43214321)]
    assert names_of(drawn) == ["dropout 0.12341", "dropout 0.12344", "dropout 0.432"]
    assert len({one.key for one in typed}) == 3
    assert Candidate({"units": 8}, {"layers": 1}).key == Candidate({"layers": 1, "units": 8}).key


@pytest.mark.parametrize(
    ("given", "space", "fixed"),
    [
        ({}, {"units": [32, 64, 128, 256], "layers": [1, 2]}, {}),
        ({"units": [64]}, {"layers": [1, 2]}, {"units": 64}),
        ({"units": [64], "layers": [1]}, {}, {"units": 64, "layers": 1}),
        ({"dropout": [0.3, 0.5], "units": [64]}, {"dropout": [0.3, 0.5]}, {"units": 64}),
        ({"units": (16, 256)}, {"units": Range(16, 256)}, {}),
    ],
)
def test_what_has_several_values_is_tried(given, space, fixed):
    assert as_space(given) == (space, fixed)


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"units": 0}, "units is 0"),
        ({"units": 10**9}, "units is 1000000000; allowed is 1 to 8192"),
        ({"layers": 17}, "layers is 17"),
        ({"embedding": "new"}, "embedding is 'new'"),
        ({"recipe": "newer"}, "recipe is 'newer'"),
        ({"dropout": 1.5}, "dropout is 1.5"),
    ],
)
def test_what_no_network_can_have_is_told_before_a_fit(params, told):
    with pytest.raises(ConfigError, match=f"^{told}"):
        Candidate(params).check()


def test_a_good_candidate_is_let_through():
    Candidate({"units": 16, "recipe": "classic"}, {"epochs": 2}).check()


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ({"units": []}, "name each once"),
        ({"units": [8, 8]}, "name each once"),
        ({"units": Range(8, 16)}, "add --sampler optuna"),
        ({"units": list(range(1, 200)), "word2vec_passes": list(range(1, 200))}, "39,601"),
    ],
)
def test_what_is_no_grid(space, told):
    with pytest.raises(ConfigError, match=told):
        check_space(space, has_ranges=False)


def test_ranges_are_for_samplers():
    check_space({"units": Range(8, 16)}, has_ranges=True)
    with pytest.raises(ConfigError, match="the range 16:8 is empty"):
        Range(16, 8)
    assert Range(8, 16).is_whole
    assert not Range(0.1, 16).is_whole
    assert Range(0.001, 0.1).is_wide
    assert not Range(0.0, 0.5).is_wide


def test_larger_networks_cost_more():
    costs = [
        Candidate({"units": units, "layers": layers}).cost
        for units, layers in [(8, 1), (8, 2), (64, 1), (64, 2), (256, 1)]
    ]
    assert costs == sorted(costs)
    assert Candidate({"recipe": "minimal"}).cost < Candidate({"recipe": "classic"}).cost
