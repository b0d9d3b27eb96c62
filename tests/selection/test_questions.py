from __future__ import annotations

import pytest

from gatewise import compare, tune
from gatewise.base.errors import ConfigError, DataError
from gatewise.selection.workers import Engine

pytestmark = pytest.mark.usefixtures("quick_searches")


def test_lists_of_texts_are_enough(data, tiny, tmp_path):
    fixed = {name: value for name, value in tiny.items() if name != "units"}
    found = tune(
        data.texts,
        data.labels,
        tmp_path / "run",
        folds=3,
        units=[4, 5],
        engine=Engine(workers=2),
        search={"final": False},
        **fixed,
    )
    assert [one.name for one in found.results] == ["units 4", "units 5"]
    assert (tmp_path / "run" / "results.json").exists()


def test_methods_are_compared_from_lists(data, tiny, tmp_path):
    found = compare(
        data.texts,
        data.labels,
        tmp_path / "run",
        folds=2,
        methods=["lstm", "ngrams"],
        curve=False,
        data={"class_weight": "balanced", "unlabelled": ["one more"]},
        **tiny,
    )
    assert [one.params["method"] for one in found.results] == ["lstm", "ngrams"]
    assert len(found.results[0].folds) == 2


@pytest.mark.parametrize("ask", [tune, compare])
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"unit": [4]}, "'unit' is no setting of TextClassifier"),
        ({"vectors": None}, "give what belongs to the records as data"),
        ({"data": {"group": []}}, "data has 'group'; known are"),
        ({"data": {"groups": [1, 2]}}, "came with 2 groups"),
        ({"folds": 1}, "folds is 1"),
        ({"random_state": -1}, "random_state is -1; allowed is 0 to"),
    ],
)
def test_what_cannot_be_asked(data, tmp_path, ask, options, told):
    with pytest.raises(ConfigError, match=told):
        ask(data.texts, data.labels, tmp_path / "run", **options)


def test_a_record_that_cannot_be_used_is_named(data, tmp_path):
    with pytest.raises(ConfigError, match="record 91 cannot be used: no text"):
        tune([*data.texts, None], [*data.labels, "card"], tmp_path / "run")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"units": (8, 16, 32)},
            r"units is \(8, 16, 32\); give a list of values to try, units=\[8",
        ),
        ({"units": (8,)}, r"or a range as a pair of numbers"),
        ({"activation": ("tanh", "relu")}, r"activation=\['tanh', 'relu'\]"),
        ({"units": [[8], [16]]}, "each must be a single number or word"),
        ({"search": {"trial": 5}}, "search has 'trial'; known are coverage, drop"),
        ({"search": {"seed": 5}}, "search has 'seed'"),
    ],
)
def test_what_is_no_search(data, tmp_path, options, told):
    with pytest.raises(ConfigError, match=told):
        tune(data.texts, data.labels, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"times": [1, "a"]}, "the times do not sort .*; give numbers alone"),
        ({"times": [1.0, float("nan")]}, "record 2 has none of the times"),
        ({"groups": ["a", None]}, "record 2 has none of the groups; give it one, or leave it out"),
    ],
)
def test_what_does_not_sort_is_told(data, tmp_path, columns, told):
    repeated = {name: values * (len(data.texts) // 2) for name, values in columns.items()}
    with pytest.raises(DataError, match=told):
        tune(data.texts, data.labels, tmp_path / "run", data=repeated)


def test_one_method_is_no_list_of_letters(data, tmp_path):
    with pytest.raises(ConfigError, match=r"methods is 'lstm'; give a list of them"):
        compare(data.texts, data.labels, tmp_path / "run", methods="lstm")
