"""Frozen settings: range checks, and to and from plain dicts."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from gatewise.base.errors import ConfigError

__all__ = ["check_choice", "check_range", "check_whole_number", "from_dict", "to_dict"]

Config = TypeVar("Config")


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Check that a number lies in a closed range.

    Raises
    ------
    ConfigError
        If it does not, or is no number.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or value != value:
        raise ConfigError(f"{name} is {value!r}; it must be a number from {low} to {high}")
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value!r}; allowed is {low} to {high}")


def check_whole_number(name: str, value: int, low: int, high: int) -> None:
    """Check that a whole number lies in a closed range.

    Raises
    ------
    ConfigError
        If it does not, or is no whole number.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ConfigError(f"{name} is {value!r}; it must be a whole number from {low} to {high}")
    check_range(name, value, low, high)


def check_choice(name: str, value: object, allowed: Sequence[object]) -> None:
    """Check that a value is one of those allowed.

    Raises
    ------
    ConfigError
        If it is not.
    """
    try:
        known = value in allowed
    except ValueError:  # an array is compared number by number
        known = False
    if not known:
        choices = ", ".join(repr(choice) for choice in allowed)
        raise ConfigError(f"{name} is {value!r}; it must be one of {choices}")


def to_dict(config: Any) -> dict[str, Any]:
    """Turn a frozen settings object into a plain dict."""
    return dataclasses.asdict(config)


def from_dict(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """Build a settings object from a plain dict.

    Raises
    ------
    ConfigError
        If a key is missing or not known, or a value is out of range.
    """
    fields = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - fields):
        raise ConfigError(f"{kind.__name__} has no setting {unknown[0]!r}")
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigError(
            f"{kind.__name__} cannot be made from the settings given: {error}"
        ) from error
