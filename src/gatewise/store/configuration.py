"""Parameters, settings, facts and history <-> JSON."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.base.errors import ConfigError, ModelFileError
from gatewise.classify.classifier import TextClassifier
from gatewise.network.config import NetworkConfig
from gatewise.network.recipes import Recipe
from gatewise.network.training import EpochResult
from gatewise.store.labels import label_from_json, label_to_json
from gatewise.store.network_settings import network_settings_from_json
from gatewise.store.settings import (
    check_keys,
    from_plain,
    has_type,
    settings_from_json,
    settings_to_json,
    settle,
    to_plain,
)

__all__ = ["Configuration", "configuration_from_json", "configuration_to_json"]

# Texts and vectors that came from elsewhere stay there; the model has what it learnt of them.
_NOT_SAVED = ("vectors", "unlabelled")
# Wall-clock time is not the same from fit to fit, so equal fits would not give equal files.
_SECONDS = "seconds"


@dataclass(frozen=True)
class Configuration:
    """What ``config.json`` holds.

    Attributes
    ----------
    estimator : TextClassifier
        With its parameters, not fitted.
    recipe : Recipe
        As the fit settled it.
    network : NetworkConfig
        Sizes and parts of the network.
    facts : dict
        As in :class:`gatewise.classify.model.FittedModel`; ``seconds`` is empty.
    history : list of EpochResult
        With 0.0 for the seconds.
    """

    estimator: TextClassifier
    recipe: Recipe
    network: NetworkConfig
    facts: dict[str, Any]
    history: list[EpochResult]


def configuration_to_json(classifier: TextClassifier) -> dict[str, Any]:
    """Describe a fitted estimator, without labels, words and weights.

    Raises
    ------
    ConfigError
        If a parameter cannot be written down.
    """
    model = classifier.model_
    facts = {name: value for name, value in model.facts.items() if name != _SECONDS}
    return {
        "estimator": _parameters_to_json(classifier),
        "recipe": settings_to_json(model.recipe),
        "network": settings_to_json(model.network.config),
        "facts": to_plain(facts),
        "history": [
            to_plain(settings_to_json(epoch, leave_out=(_SECONDS,))) for epoch in model.history
        ],
    }


def configuration_from_json(values: Any, source: Path) -> Configuration:
    """Read what :func:`configuration_to_json` wrote.

    Raises
    ------
    ModelFileError
        If something is missing, not known, of another type or contradicts itself.
    """
    names = {field.name for field in dataclasses.fields(Configuration)}
    check_keys(values, names, source, "the configuration")
    facts, history = from_plain(values["facts"]), from_plain(values["history"])
    if not isinstance(facts, dict) or not isinstance(history, list):
        raise ModelFileError(
            f"{source} has facts or a history of another form than gatewise writes"
        )
    _check_facts(facts, source)
    recipe, network = network_settings_from_json(values, source)
    return Configuration(
        estimator=TextClassifier(**_parameters_from_json(values["estimator"], source)),
        recipe=recipe,
        network=network,
        facts={**facts, _SECONDS: {}},
        history=[settings_from_json(EpochResult, epoch, source, seconds=0.0) for epoch in history],
    )


def _check_facts(facts: dict[str, Any], source: Path) -> None:
    """Check what tables and pages show of a fit; whatever else there is they do not look at."""
    forms: dict[str, Any] = {
        "n_records": lambda found: type(found) is int and found > 0,
        "mean_length": lambda found: has_type(found, float),
        "notes": lambda found: isinstance(found, list) and {str}.issuperset(map(type, found)),
        "word2vec_losses": lambda found: (
            isinstance(found, list) and all(has_type(loss, float) for loss in found)
        ),
        "coverage": lambda found: _has_numbers(found, {"words", "occurrences"}),
        "held_out": lambda found: not found or _has_numbers(found, {"n_records"}),
    }
    for name, is_right in forms.items():
        if (name in facts or name == "n_records") and not is_right(facts.get(name)):
            raise ModelFileError(
                f"{source} has {facts.get(name)!r:.60} for the fact {name!r}, which is not the "
                "kind of value that belongs there"
            )


def _has_numbers(found: Any, names: set[str]) -> bool:
    """Say whether something is a dict of numbers that has these names among its own."""
    return (
        isinstance(found, dict)
        and names <= set(found)
        and all(has_type(value, float) for value in found.values())
    )


def _parameters_to_json(classifier: TextClassifier) -> dict[str, Any]:
    hints = typing.get_type_hints(TextClassifier.__init__)
    values = {
        name: value
        for name, value in classifier.get_params(deep=False).items()
        if name not in _NOT_SAVED
    }
    if isinstance(values["random_state"], np.random.RandomState):
        values["random_state"] = classifier.model_.seed  # what was drawn from it
    values["class_weight"] = _class_weight_to_json(values["class_weight"])
    values = {name: settle(value, hints[name]) for name, value in values.items()}
    for name, value in values.items():
        if name != "class_weight" and not has_type(value, hints[name]):
            raise ConfigError(
                f"the parameter {name} is {value!r:.60}, which cannot be saved; set it to a value "
                "that the documentation of TextClassifier names"
            )
    return values


def _parameters_from_json(values: Any, source: Path) -> dict[str, Any]:
    hints = typing.get_type_hints(TextClassifier.__init__)
    known = set(TextClassifier().get_params(deep=False)) - set(_NOT_SAVED)
    check_keys(values, known, source, "the parameters")
    parameters = dict(values)
    parameters["class_weight"] = _class_weight_from_json(values["class_weight"], source)
    for name, value in values.items():
        if name != "class_weight" and not has_type(value, hints[name]):
            raise ModelFileError(
                f"{source} has {value!r:.60} for the parameter {name!r}, which is not the kind of "
                "value that belongs there"
            )
    return parameters


def _class_weight_to_json(weights: Any) -> Any:
    if not isinstance(weights, Mapping):
        return weights
    return [
        {"label": label_to_json(label), "weight": float(weight)}
        for label, weight in weights.items()
    ]


def _class_weight_from_json(values: Any, source: Path) -> Any:
    if values is None or values == "balanced":
        return values
    if not isinstance(values, list):
        raise ModelFileError(f"{source} has {values!r:.60} for the parameter 'class_weight'")
    weights = {}
    for entry in values:
        check_keys(entry, {"label", "weight"}, source, "a class's weight")
        if not has_type(entry["weight"], float):
            raise ModelFileError(f"{source} has {entry['weight']!r:.60} for the weight of a class")
        weights[label_from_json(entry["label"], source)] = entry["weight"]
    return weights
