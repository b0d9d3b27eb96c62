import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gatewise.base.errors import ConfigError, ModelFileError
from gatewise.classify.classifier import TextClassifier
from gatewise.store.configuration import configuration_from_json, configuration_to_json
from gatewise.store.settings import decode, encode

SOURCE = Path("config.json")


@pytest.fixture
def good(fitted):
    return decode(encode(configuration_to_json(fitted("integers"))), SOURCE)


def read(values):
    return configuration_from_json(values, SOURCE)


def with_model(classifier, **changes):
    """A classifier with the same model, changed; the given one stays."""
    copy = TextClassifier(**classifier.get_params())
    copy.model_ = replace(classifier.model_, **changes)
    return copy


def test_everything_comes_back(fitted, cases):
    for case in cases:
        classifier = fitted(case)
        model = classifier.model_
        found = read(decode(encode(configuration_to_json(classifier)), SOURCE))
        assert found.estimator.get_params() == classifier.get_params()
        assert found.recipe == model.recipe
        assert found.network == model.network.config
        assert found.facts == {**model.facts, "seconds": {}}
        assert found.history == [replace(epoch, seconds=0.0) for epoch in model.history]


def test_every_parameter_but_texts_and_vectors_is_written(good):
    parameters = set(TextClassifier().get_params()) - {"vectors", "unlabelled"}
    assert set(good["estimator"]) == parameters


def test_no_seconds_are_written(good):
    assert "seconds" not in json.dumps(good)


def test_losses_that_are_not_finite_come_back(fitted):
    model = fitted("modern").model_
    epoch = replace(model.history[0], loss=math.nan, validation_loss=math.inf)
    facts = {**model.facts, "word2vec_losses": [math.inf]}
    classifier = with_model(fitted("modern"), history=[epoch], facts=facts)
    found = read(decode(encode(configuration_to_json(classifier)), SOURCE))
    assert math.isnan(found.history[0].loss)
    assert found.history[0].validation_loss == math.inf
    assert found.facts["word2vec_losses"] == [math.inf]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (None, None),
        ("balanced", "balanced"),
        ({"b": 2, "a": np.float32(0.5)}, {"b": 2.0, "a": 0.5}),
        ({1: 1.0, np.int64(-2): 3.0}, {1: 1.0, -2: 3.0}),
        ({True: 2.0, False: 1.0}, {True: 2.0, False: 1.0}),
    ],
)
def test_class_weights_come_back(weights, expected, fitted):
    classifier = with_model(fitted("modern")).set_params(class_weight=weights)
    found = read(decode(encode(configuration_to_json(classifier)), SOURCE))
    assert found.estimator.class_weight == expected
    if isinstance(expected, dict):
        assert list(found.estimator.class_weight) == list(expected)
        assert [type(label) for label in found.estimator.class_weight] == [
            type(label) for label in expected
        ]


def test_numpy_parameters_become_plain(fitted):
    classifier = with_model(fitted("modern"))
    classifier.set_params(units=np.int64(4), dropout=np.float32(0.5), recipe=np.str_("modern"))
    found = read(decode(encode(configuration_to_json(classifier)), SOURCE)).estimator
    assert (found.units, found.dropout, found.recipe) == (4, 0.5, "modern")


@pytest.mark.parametrize("parameters", [{"units": [4]}, {"language": None}, {"epochs": 1.5}])
def test_a_parameter_that_cannot_be_written_is_refused(parameters, fitted):
    classifier = with_model(fitted("modern")).set_params(**parameters)
    with pytest.raises(ConfigError, match=f"parameter {next(iter(parameters))} is .* be saved"):
        configuration_to_json(classifier)


def changed(part, **values):
    return lambda config: config[part].update(values)


CHANGES = [
    (lambda config: config.update(more=1), "the entry 'more' in the configuration"),
    (lambda config: config.pop("facts"), "lacks the entry 'facts'"),
    (lambda config: config.update(facts=[]), "has facts or a history"),
    (lambda config: config.update(facts={}), "has None for the fact 'n_records'"),
    (lambda config: config["facts"].update(n_records="many"), "has 'many' for the fact"),
    (lambda config: config["facts"].update(held_out="x"), "has 'x' for the fact 'held_out'"),
    (lambda config: config["facts"].update(held_out={"blend": 0.5}), "for the fact 'held_out'"),
    (lambda config: config["facts"].update(coverage={"words": 1.0}), "for the fact 'coverage'"),
    (lambda config: config["facts"].update(mean_length=[]), "for the fact 'mean_length'"),
    (lambda config: config["facts"].update(notes=[1]), "for the fact 'notes'"),
    (lambda config: config["facts"].update(word2vec_losses=["x"]), "fact 'word2vec_losses'"),
    (lambda config: config.update(history={}), "has facts or a history"),
    (lambda config: config.update(history=[4]), "4 where EpochResult should be"),
    (lambda config: config["history"][0].update(seconds=1.0), "entry 'seconds' in EpochResult"),
    (lambda config: config["history"][0].update(loss="low"), "'low' for the setting 'loss'"),
    (lambda config: config.update(recipe="modern"), "'modern' where Recipe should be"),
    (changed("recipe", novel=1), "the entry 'novel' in Recipe"),
    (changed("recipe", embedding="os.system"), "embedding is 'os.system'"),
    (changed("recipe", epochs="2"), "'2' for the setting 'epochs' of Recipe"),
    (changed("recipe", units=5), "contradicts itself: 'units' is 5 in the recipe and 4"),
    (changed("network", units=5), "contradicts itself: 'units' is 4 in the recipe and 5"),
    (changed("network", novel=1), "the entry 'novel' in NetworkConfig"),
    (changed("network", n_words=1), "n_words is 1"),
    (changed("network", n_words=10**30), "n_words is"),
    (changed("estimator", novel=1), "the entry 'novel' in the parameters"),
    (changed("estimator", vectors="x.npy"), "the entry 'vectors' in the parameters"),
    (changed("estimator", units="4"), "'4' for the parameter 'units'"),
    (changed("estimator", units=True), "True for the parameter 'units'"),
    (changed("estimator", recipe=None), "None for the parameter 'recipe'"),
    (changed("estimator", class_weight=4), "4 for the parameter 'class_weight'"),
    (changed("estimator", class_weight="even"), "'even' for the parameter 'class_weight'"),
    (changed("estimator", class_weight=[4]), "4 where a class's weight should be"),
    (
        changed(
            "estimator",
            class_weight=[{"label": {"kind": "integer", "value": 1}, "weight": "much"}],
        ),
        "'much' for the weight of a class",
    ),
    (
        changed("estimator", class_weight=[{"label": {"kind": "x", "value": 1}, "weight": 1}]),
        "not a 'x'",
    ),
]


@pytest.mark.parametrize(("change", "reason"), CHANGES)
def test_wrong_configurations_are_refused(change, reason, good):
    change(good)
    with pytest.raises(ModelFileError) as error:
        read(good)
    assert str(error.value).startswith("config.json")
    assert reason in str(error.value)


def test_every_missing_setting_is_refused(good):
    for part in ("estimator", "recipe", "network"):
        for name in good[part]:
            values = {key: value for key, value in good[part].items() if key != name}
            with pytest.raises(ModelFileError, match=f"lacks the entry '{name}'"):
                read({**good, part: values})
