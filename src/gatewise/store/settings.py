"""Values <-> JSON: plain and finite on the way out, strictly typed on the way in."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gatewise.base.config import from_dict
from gatewise.base.errors import ConfigError, ModelFileError
from gatewise.base.files import json_bytes

__all__ = [
    "check_keys",
    "decode",
    "encode",
    "from_plain",
    "has_type",
    "settings_from_json",
    "settings_to_json",
    "settle",
    "strings",
    "to_plain",
]

Config = TypeVar("Config")

_NOT_FINITE = {"float": ("nan", "inf", "-inf")}


def encode(value: Any) -> bytes:
    """Encode as JSON, so that equal values give equal bytes."""
    try:
        return json_bytes(value)
    except UnicodeEncodeError:  # half a surrogate pair, which UTF-8 has no bytes for
        text = json.dumps(value, sort_keys=True, indent=1, allow_nan=False)
        return (text + "\n").encode("ascii")


def decode(content: bytes, source: Path) -> Any:
    """Read JSON that holds no key twice and no number that is not finite.

    Parameters
    ----------
    content : bytes
        What the file holds.
    source : Path
        The file, for the message.

    Raises
    ------
    ModelFileError
        If it is anything else.
    """
    try:
        return json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_without_repeats,
            parse_float=_finite,
            parse_constant=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{source} cannot be read as JSON: {error}") from error


def to_plain(value: Any) -> Any:
    """Make a value of dicts, lists, strings and numbers that JSON can hold.

    A float that is not finite becomes ``{"float": "nan"}``; JSON has none.
    """
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return to_plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    return str(value) if isinstance(value, str) else value


def from_plain(value: Any) -> Any:
    """Undo :func:`to_plain`, as far as plain values go."""
    if isinstance(value, list):
        return [from_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if list(value) == ["float"] and value["float"] in _NOT_FINITE["float"]:
        return float(value["float"])
    return {key: from_plain(item) for key, item in value.items()}


def settings_to_json(config: Any, *, leave_out: tuple[str, ...] = ()) -> dict[str, Any]:
    """Turn a frozen settings object into what :func:`settings_from_json` reads."""
    hints = typing.get_type_hints(type(config))
    return {
        field.name: settle(getattr(config, field.name), hints[field.name])
        for field in dataclasses.fields(config)
        if field.name not in leave_out
    }


def settings_from_json(kind: type[Config], values: Any, source: Path, **given: Any) -> Config:
    """Make a settings object from what a file holds.

    Parameters
    ----------
    kind : type
        A dataclass of numbers, strings and booleans.
    values : object
        What should be a dict of its fields.
    source : Path
        The file, for the message.
    **given
        Fields that the file does not hold.

    Returns
    -------
    object of that kind

    Raises
    ------
    ModelFileError
        If a field is missing, not known, of another type or out of range.
    """
    hints = typing.get_type_hints(kind)
    fields = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    check_keys(values, fields - given.keys(), source, kind.__name__)
    for name, value in values.items():
        if not has_type(value, hints[name]):
            raise ModelFileError(
                f"{source} has {value!r:.60} for the setting {name!r} of {kind.__name__}, which "
                "is not the kind of value that belongs there"
            )
    try:
        return from_dict(kind, {**values, **given})
    except ConfigError as error:
        raise ModelFileError(f"{source} has a setting that is not allowed: {error}") from error


def check_keys(values: Any, allowed: set[str], source: Path, what: str) -> None:
    """Check that something is a dict with these keys and no others.

    Raises
    ------
    ModelFileError
        If it is not.
    """
    if not isinstance(values, dict):
        raise ModelFileError(f"{source} has {values!r:.60} where {what} should be")
    if unknown := sorted(set(values) - allowed):
        raise ModelFileError(
            f"{source} has the entry {unknown[0]!r:.60} in {what}, which this version of gatewise "
            "does not know"
        )
    if missing := sorted(allowed - set(values)):
        raise ModelFileError(
            f"{source} lacks the entry {missing[0]!r} in {what}; it was changed, or written by "
            "another version of gatewise: use that version, or train the model again"
        )


def strings(values: Any, source: Path, what: str) -> list[str]:
    """Check that something is a list of strings.

    Raises
    ------
    ModelFileError
        If it is not.
    """
    if not isinstance(values, list) or not {str}.issuperset(map(type, values)):
        raise ModelFileError(f"{source} has something else than a list of strings for {what}")
    return values


def has_type(value: Any, hint: Any) -> bool:
    """Say whether a value is of an annotated type; an int will do for a float."""
    allowed = _members(hint)
    return type(value) in allowed or (float in allowed and type(value) is int)


def settle(value: Any, hint: Any) -> Any:
    """Make a plain value of the annotated type of one that equals it, as 4.0 equals 4."""
    plain, allowed = to_plain(value), _members(hint)
    if type(plain) in allowed:
        return plain
    if type(plain) is float and int in allowed and plain.is_integer():
        return int(plain)
    if type(plain) is int and bool in allowed and int not in allowed and plain in (0, 1):
        return bool(plain)
    return plain


def _members(hint: Any) -> tuple[Any, ...]:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return typing.get_args(hint)
    return (hint,)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an entry stands twice")
    return found


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is not a finite number")
    return number
