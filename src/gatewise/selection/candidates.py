"""What is tried: lists of values for some settings -> candidates, checked before any is fitted."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gatewise.base.errors import ConfigError
from gatewise.base.files import json_bytes
from gatewise.classify.plan import check_recipe
from gatewise.network.recipes import choose_recipe

__all__ = [
    "DEFAULT_SPACE",
    "Candidate",
    "Range",
    "Space",
    "as_space",
    "check_space",
    "grid",
    "names_of",
]

DEFAULT_SPACE: dict[str, list[Any]] = {"units": [32, 64, 128, 256], "layers": [1, 2]}

_MOST_CANDIDATES = 10_000
# Numbers per token that the first layer reads, about: only to do the longest fits first.
_READ = 300
# Digits of a number that was drawn, and of one that somebody typed.
_FEW, _TYPED, _ALL = 3, 6, 17


@dataclass(frozen=True)
class Range:
    """All numbers between two, for a sampler that draws from it.

    Attributes
    ----------
    low, high : int or float
        Both included; whole numbers if both are.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ConfigError(f"the range {self.low}:{self.high} is empty; the lower end is first")

    @property
    def is_whole(self) -> bool:
        """Whether it is one of whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def is_wide(self) -> bool:
        """Whether it spans orders of magnitude, so that ratios count and not differences."""
        return self.low > 0 and self.high / self.low >= 10


# Setting -> the values to try.
Space = Mapping[str, Sequence[Any] | Range]


@dataclass(frozen=True)
class Candidate:
    """One set of settings.

    Attributes
    ----------
    params : dict
        The settings that differ between candidates.
    fixed : dict
        Those that all candidates have.
    """

    params: Mapping[str, Any]
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> bytes:
        """What tells it from all others."""
        return json_bytes(self.settings)

    @property
    def name(self) -> str:
        """What people are told of it, such as ``"units 64, layers 1"``; see :func:`names_of`."""
        return self.named(_FEW)

    def named(self, digits: int) -> str:
        """Tell it with so many digits of a number that has many."""
        params = self.params.items()
        told = (f"{name.replace('_', ' ')} {_told(value, digits)}" for name, value in params)
        return ", ".join(told) or "the one candidate"

    @property
    def settings(self) -> dict[str, Any]:
        """Parameters of :class:`gatewise.TextClassifier`."""
        return {**self.fixed, **self.params}

    @property
    def cost(self) -> float:
        """How long a fit takes, in arithmetic of the LSTM."""
        recipe = choose_recipe(self.settings.get("recipe", "modern"), **_recipe_part(self.settings))
        further = (recipe.layers - 1) * 2 * recipe.units
        return recipe.units * (_READ + recipe.units + further + (recipe.layers - 1) * recipe.units)

    def check(self) -> None:
        """Check every setting.

        Raises
        ------
        ConfigError
            If one is outside what is allowed.
        """
        check_recipe(
            choose_recipe(self.settings.get("recipe", "modern"), **_recipe_part(self.settings))
        )


def as_space(
    given: Mapping[str, Sequence[Any] | tuple[Any, Any]],
) -> tuple[dict[str, Sequence[Any] | Range], dict[str, Any]]:
    """Tell what is to be tried from what is fixed.

    Parameters
    ----------
    given : mapping
        Setting -> a list of values, or a pair (low, high) for a range.

    Returns
    -------
    space : dict
        The settings with several values; if none has, units and layers as far as they are not
        given.
    fixed : dict
        The settings with a single value.

    Raises
    ------
    ConfigError
        If a range is no pair of numbers.
    """
    space: dict[str, Sequence[Any] | Range] = {}
    fixed: dict[str, Any] = {}
    for name, values in given.items():
        if isinstance(values, tuple):
            space[name] = _as_range(name, values)
        elif len(values) == 1:
            fixed[name] = values[0]
        else:
            space[name] = values
    if not space:
        space |= {name: values for name, values in DEFAULT_SPACE.items() if name not in fixed}
    return space, fixed


def check_space(space: Space, *, has_ranges: bool) -> None:
    """Check that there is something to try, and not too much.

    Parameters
    ----------
    space : mapping
        Setting -> values.
    has_ranges : bool
        Whether ranges are allowed.

    Raises
    ------
    ConfigError
        If a list is empty or has a value twice, a range is not allowed, or there are more than
        10,000 candidates.
    """
    for name, values in space.items():
        if isinstance(values, Range):
            if not has_ranges:
                raise ConfigError(
                    f"{name} is the range {values.low}:{values.high}, and a grid needs single "
                    "values; name them, or add --sampler optuna"
                )
        elif not values or _has_twice(name, values):
            raise ConfigError(
                f"{name} has the values {list(values)!r}; name each once, one at least"
            )
    lists = [values for values in space.values() if not isinstance(values, Range)]
    if not has_ranges and (n_candidates := math.prod(map(len, lists))) > _MOST_CANDIDATES:
        raise ConfigError(
            f"{n_candidates:,} candidates are more than {_MOST_CANDIDATES:,}; name fewer values, "
            "or add --sampler optuna with --trials"
        )


def grid(space: Space, fixed: Mapping[str, Any]) -> Iterator[Candidate]:
    """Yield every combination of the values, the last setting changing fastest."""
    lists = [values for values in space.values() if not isinstance(values, Range)]
    for values in itertools.product(*lists):
        yield Candidate(dict(zip(space, values, strict=True)), fixed)


def names_of(candidates: Sequence[Candidate]) -> list[str]:
    """Name candidates by as few digits as tell each from the others.

    Parameters
    ----------
    candidates : sequence of Candidate
        Of different keys.

    Returns
    -------
    list of str
    """
    names = [candidate.name for candidate in candidates]
    for digits in range(_FEW + 1, _ALL + 1):
        counts = Counter(names)
        names = [
            candidate.named(digits) if counts[name] > 1 else name
            for candidate, name in zip(candidates, names, strict=True)
        ]
    return names


def _has_twice(name: str, values: Sequence[Any]) -> bool:
    try:
        return len(set(values)) < len(values)
    except TypeError as error:
        raise ConfigError(
            f"{name} has the values {list(values)!r:.200}; each must be a single number or word"
        ) from error


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_range(name: str, values: tuple[Any, ...]) -> Range:
    if len(values) != 2 or not all(map(_is_number, values)):
        raise ConfigError(
            f"{name} is {values!r}; give a list of values to try, {name}={list(values)!r}, or a "
            "range as a pair of numbers, (low, high)"
        )
    return Range(*values)


def _recipe_part(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != "recipe"}


def _told(value: Any, digits: int) -> str:
    if not isinstance(value, float):
        return str(value)
    typed = f"{value:.{_TYPED}g}"
    return typed if float(typed) == value else f"{value:.{digits}g}"
