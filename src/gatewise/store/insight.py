"""What a model knows of its own limits <-> files: index of records, references, held-out scores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import ModelFileError
from gatewise.classify.held_out import HeldOut
from gatewise.classify.nearest import RecordIndex
from gatewise.classify.scope import EVIDENCE, MOST_REFERENCES, Scope
from gatewise.store.arrays import Shape, read_arrays
from gatewise.store.manifest import FileEntry, Manifest
from gatewise.store.settings import decode, strings

__all__ = [
    "HELD_OUT",
    "INDEX",
    "SCOPE",
    "TEXTS",
    "insight_arrays",
    "read_held_out",
    "read_index",
    "read_scope",
]

INDEX, SCOPE, HELD_OUT = "index.safetensors", "scope.safetensors", "held_out.safetensors"
TEXTS = "texts.json"

_SUMS = "sums"
_ROWS = frozenset({"rows", "targets"})  # whole numbers

Arrays = dict[str, NDArray[Any]]


def insight_arrays(
    index: RecordIndex | None, scope: Scope | None, held_out: HeldOut | None
) -> dict[str, Arrays]:
    """Take out the arrays, by the names of their files."""
    groups: dict[str, Arrays] = {}
    if index is not None:
        names = ("center", "axes", "points", "rows", "targets")
        groups[INDEX] = {name: getattr(index, name) for name in names}
    if scope is not None:
        shares = scope.references | {_SUMS: scope.sums}
        groups[SCOPE] = {name: shares[name].astype(np.float32) for name in shares}
    if held_out is not None:
        names = ("rows", "targets", "network", "ngrams", "in_scope")
        arrays = {name: getattr(held_out, name) for name in names}
        groups[HELD_OUT] = {name: one for name, one in arrays.items() if one is not None}
    return groups


def read_index(
    folder: Path, manifest: Manifest, pooled_size: int, n_classes: int
) -> RecordIndex | None:
    """Read the index of the training records, with their texts where these were kept.

    Raises
    ------
    ModelFileError
        If the files do not fit the model or each other.
    """
    entry, texts = manifest.files.get(INDEX), manifest.files.get(TEXTS)
    path = folder / INDEX
    if entry is None:
        if texts is not None:
            raise ModelFileError(f"{folder / TEXTS} belongs to {path}, which is missing")
        return None
    n_records, n_axes = _shape(entry, "points", 2, path)
    shapes = {
        "center": (pooled_size,),
        "axes": (pooled_size, n_axes),
        "points": (n_records, n_axes),
        "rows": (n_records,),
        "targets": (n_records,),
    }
    arrays = _read(path, shapes, entry, n_classes)
    return RecordIndex(**arrays, texts=_read_texts(folder, n_records) if texts else None)


def read_scope(folder: Path, manifest: Manifest) -> Scope | None:
    """Read what evidence looks like for in-scope texts.

    Raises
    ------
    ModelFileError
        If the file holds something else.
    """
    entry, path = manifest.files.get(SCOPE), folder / SCOPE
    if entry is None:
        return None
    kinds = [kind for kind in EVIDENCE if kind in entry.tensors]
    (n_references,) = _shape(entry, _SUMS, 1, path)
    if not kinds or not 1 <= n_references <= MOST_REFERENCES:
        raise ModelFileError(f"{path} has no references that a fit could have left behind")
    shapes: dict[str, Shape] = dict.fromkeys([*kinds, _SUMS], (n_references,))
    arrays = read_arrays(path, shapes, entry.tensors)
    shares = {name: array.astype(np.float64) for name, array in arrays.items()}
    for name, values in shares.items():
        if (np.diff(values) < 0).any():
            raise ModelFileError(f"{path} has {name!r} out of order")
    return Scope({kind: shares[kind] for kind in kinds}, shares[_SUMS])


def read_held_out(
    folder: Path, manifest: Manifest, source: str | None, n_classes: int
) -> HeldOut | None:
    """Read the scores of held-out records.

    Raises
    ------
    ModelFileError
        If the file does not fit the model, or one is there without the other.
    """
    entry, path = manifest.files.get(HELD_OUT), folder / HELD_OUT
    if (source is None) != (entry is None):
        raise ModelFileError(
            f"{folder / 'calibration.json'} says that held-out records come from {source!r}, and "
            f"{path} {'is missing' if entry is None else 'holds some'}"
        )
    if entry is None:
        return None
    (n_records,) = _shape(entry, "rows", 1, path)
    shapes: dict[str, Shape] = {"rows": (n_records,), "targets": (n_records,)}
    shapes["network"] = (n_records, n_classes)
    optional: dict[str, Shape] = {"ngrams": (n_records, n_classes), "in_scope": (n_records,)}
    shapes |= {name: shape for name, shape in optional.items() if name in entry.tensors}
    arrays = _read(path, shapes, entry, n_classes)
    return HeldOut(source=str(source), **(dict.fromkeys(optional) | arrays))  # type: ignore[arg-type]


def _read(path: Path, shapes: Mapping[str, Shape], entry: FileEntry, n_classes: int) -> Arrays:
    arrays: Arrays = read_arrays(path, shapes, entry.tensors, whole_numbers=_ROWS)
    targets = arrays["targets"]
    if (arrays["rows"] < 0).any() or (targets < 0).any() or (targets >= n_classes).any():
        raise ModelFileError(f"{path} has numbers of records or classes that there are not")
    return arrays


def _shape(entry: FileEntry, name: str, n_dimensions: int, path: Path) -> Shape:
    """Take a shape from the manifest, whose checksum covers it; the file must have the same."""
    _, shape = entry.tensors.get(name, ("", ()))
    if len(shape) != n_dimensions or not all(type(size) is int and size > 0 for size in shape):
        raise ModelFileError(f"{path} has no {name!r} of {n_dimensions} dimensions")
    return shape


def _read_texts(folder: Path, n_records: int) -> tuple[str, ...]:
    path = folder / TEXTS
    texts = strings(decode(path.read_bytes(), path), path, "the texts")
    if len(texts) != n_records:
        raise ModelFileError(f"{path} has {len(texts):,} texts for {n_records:,} records")
    return tuple(texts)
