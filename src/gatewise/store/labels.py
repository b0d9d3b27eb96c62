"""Class labels <-> JSON, with the kind of each, so that 1, 1.0, True and "1" stay apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import ConfigError, ModelFileError
from gatewise.store.settings import check_keys, to_plain

__all__ = ["label_from_json", "label_to_json", "labels_from_json", "labels_to_json"]

_KINDS: dict[str, type] = {"boolean": bool, "float": float, "integer": int, "string": str}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_WIDTHS = {
    "boolean": ("bool", "object"),
    "float": ("float16", "float32", "float64", "object"),
    "integer": (
        *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
        "object",
    ),
    "string": ("str", "object"),
}


def labels_to_json(classes: NDArray[Any]) -> dict[str, Any]:
    """Describe the classes of an estimator.

    Parameters
    ----------
    classes : ndarray of shape (C,)
        The classes, sorted.

    Returns
    -------
    dict
        ``kind``, ``dtype`` and ``values``.

    Raises
    ------
    ConfigError
        If they are neither strings nor numbers nor booleans, or a mixture.
    """
    described = [label_to_json(label) for label in classes]
    kind, dtype = described[0]["kind"], "str" if classes.dtype.kind in "UT" else classes.dtype.name
    if dtype not in _WIDTHS[kind] or any(label["kind"] != kind for label in described):
        raise ConfigError(
            f"labels of dtype {classes.dtype}, the first of them {classes[0]!r}, cannot be saved; "
            "fit with labels that are all strings, all whole numbers, all floats or all booleans"
        )
    return {"kind": kind, "dtype": dtype, "values": [label["value"] for label in described]}


def labels_from_json(values: Any, source: Path) -> NDArray[Any]:
    """Read the classes of an estimator, sorted, shape (C,).

    Raises
    ------
    ModelFileError
        If they are not of the kind the file names, not sorted, or fewer than two.
    """
    check_keys(values, {"kind", "dtype", "values"}, source, "the labels")
    kind, dtype, labels = values["kind"], values["dtype"], values["values"]
    if kind not in list(_KINDS) or dtype not in _WIDTHS[kind] or not isinstance(labels, list):
        raise ModelFileError(
            f"{source} has labels of the kind {kind!r:.40} and the type {dtype!r:.40}, which "
            "gatewise does not write"
        )
    if len(labels) < 2 or any(type(label) is not _KINDS[kind] for label in labels):
        raise ModelFileError(
            f"{source} has {len(labels)} labels; at least two, all of the kind {kind}, are needed"
        )
    try:
        classes = np.array(labels, dtype=dtype)
    except OverflowError as error:
        raise ModelFileError(f"{source} has a label that is no {dtype}: {error}") from error
    if not np.array_equal(np.unique(classes), classes):
        raise ModelFileError(f"{source} has labels that are not sorted, or one of them twice")
    return classes


def label_to_json(label: Any) -> dict[str, Any]:
    """Describe one label by its kind and its value.

    Raises
    ------
    ConfigError
        If it is neither a string nor a number nor a boolean.
    """
    value = to_plain(label)
    if type(value) not in _NAMES:
        raise ConfigError(
            f"the label {label!r} of type {type(label).__name__} cannot be saved; use strings, "
            "numbers or booleans"
        )
    return {"kind": _NAMES[type(value)], "value": value}


def label_from_json(values: Any, source: Path) -> Any:
    """Read one label that was described by itself.

    Raises
    ------
    ModelFileError
        If its value is not of its kind.
    """
    check_keys(values, {"kind", "value"}, source, "a label")
    kind, value = values["kind"], values["value"]
    if kind not in list(_KINDS) or type(value) is not _KINDS[kind]:
        raise ModelFileError(f"{source} has the label {value!r:.60}, which is not a {kind!r:.40}")
    return value
