"""The part of ``config.json`` that says what the network computes; no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatewise.base.errors import ModelFileError
from gatewise.network.config import NetworkConfig
from gatewise.network.recipes import Recipe
from gatewise.store.settings import settings_from_json

__all__ = ["network_settings_from_json"]


def network_settings_from_json(
    values: Mapping[str, Any], source: Path
) -> tuple[Recipe, NetworkConfig]:
    """Read the recipe and the network's settings out of a configuration.

    Raises
    ------
    ModelFileError
        If something is missing, not known, of another type or contradicts itself.
    """
    recipe = settings_from_json(Recipe, values["recipe"], source)
    network = settings_from_json(NetworkConfig, values["network"], source)
    _check_agreement(recipe, network, source)
    return recipe, network


def _check_agreement(recipe: Recipe, network: NetworkConfig, source: Path) -> None:
    """Check that what both settings name has one value: texts are cut by the one, read by both."""
    network_settings = dataclasses.asdict(network)
    for name, value in dataclasses.asdict(recipe).items():
        if network_settings.get(name, value) != value:
            raise ModelFileError(
                f"{source} contradicts itself: {name!r} is {value!r} in the recipe and "
                f"{network_settings[name]!r} in the network"
            )
