"""Arrays <-> safetensors files: which there are, of which shape, and that all are finite."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from gatewise.base.errors import ModelFileError
from gatewise.base.tensor_files import system_errors
from gatewise.classify.ngrams import NgramModel
from gatewise.network.config import NetworkConfig

__all__ = [
    "DTYPE",
    "Array",
    "Shape",
    "build_companion",
    "companion_arrays",
    "companion_shapes",
    "network_shapes",
    "read_arrays",
    "split_tables",
    "table_shapes",
    "write_arrays",
]

Array = NDArray[np.float32]
Shape = tuple[int, ...]

DTYPE, _WHOLE = "F32", "I64"  # as safetensors calls them
_OUTSIDE = "outside"
_WORDS, _NGRAMS = "words.weight", "ngrams.weight"


def table_shapes(config: NetworkConfig) -> dict[str, Shape]:
    """Name the vectors of words and of character n-grams that a network has."""
    shapes: dict[str, Shape] = {_WORDS: (config.n_words, config.word_dimension)}
    if config.ngram_dimension and config.n_ngrams:
        shapes[_NGRAMS] = (config.n_ngrams, config.ngram_dimension)
    return shapes


def network_shapes(config: NetworkConfig) -> dict[str, Shape]:
    """Name all other weights of a network.

    Said here and not asked of a network, so that no memory is taken for a network as large as
    a file claims before it is known that the weights are there.
    """
    shapes: dict[str, Shape] = {}
    if config.projection:
        shapes |= _dense("project", config.composed_size, config.projection)
    names = ["forward", "backward"] if config.bidirectional else ["forward"]
    n_gates = 4 * config.units
    for number in range(config.layers):
        n_inputs = config.state_size if number else config.vector_size
        for name in names:
            direction = f"layers.{number}.{name}_direction"
            shapes[f"{direction}.input_weights"] = (n_gates, n_inputs)
            shapes[f"{direction}.recurrent_weights"] = (n_gates, config.units)
            shapes[f"{direction}.bias"] = (n_gates,)
    return shapes | _dense("dense", config.pooled_size, config.n_classes)


def companion_shapes(n_terms: int, n_classes: int, *, outside: bool) -> dict[str, Shape]:
    """Name the arrays of the companion."""
    shapes: dict[str, Shape] = {
        "idf": (n_terms,),
        "weights": (n_terms, n_classes),
        "intercepts": (n_classes,),
    }
    return shapes | ({_OUTSIDE: (n_terms + 1,)} if outside else {})


def split_tables(arrays: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
    """Part the vectors of words and n-grams from all other weights of a network."""
    tables = {name: array for name, array in arrays.items() if name in (_WORDS, _NGRAMS)}
    return tables, {name: array for name, array in arrays.items() if name not in tables}


def companion_arrays(companion: NgramModel) -> dict[str, Array]:
    """Take the arrays out of a companion."""
    arrays = {
        "idf": companion.idf,
        "weights": companion.weights,
        "intercepts": companion.intercepts,
    }
    return arrays if companion.outside is None else arrays | {_OUTSIDE: companion.outside}


def build_companion(terms: list[str], arrays: Mapping[str, Array]) -> NgramModel:
    """Make a companion of its terms and arrays."""
    return NgramModel(terms=tuple(terms), **arrays)


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, Any]]:
    """Write arrays and describe them for the manifest.

    Raises
    ------
    ModelFileError
        If a value is not finite.
    """
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ModelFileError(
                f"{path} cannot be written, because {name!r} has values that are not finite, so "
                "training went astray; fit again with a lower learning_rate"
            )
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with system_errors(path):
        safetensors.numpy.save_file(contiguous, path)
    # It makes files that only their owner can read; others may read what they may enter.
    path.chmod(path.parent.stat().st_mode & 0o666)
    return {
        name: {"dtype": _dtype_of(array), "shape": list(array.shape)}
        for name, array in contiguous.items()
    }


def read_arrays(
    path: Path,
    shapes: Mapping[str, Shape],
    listed: Mapping[str, tuple[str, Shape]],
    *,
    whole_numbers: Collection[str] = (),
) -> dict[str, NDArray[Any]]:
    """Read arrays whose names, shapes and dtypes are known beforehand.

    Parameters
    ----------
    path : Path
        A safetensors file.
    shapes : mapping of str to shape
        What the settings imply.
    listed : mapping of str to dtype and shape
        What the manifest says.
    whole_numbers : collection of str
        Names of arrays of int64; all others are of float32.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    ModelFileError
        If the file holds something else, or a value that is not finite.
    """
    wanted = {
        name: (_WHOLE if name in whole_numbers else DTYPE, shape) for name, shape in shapes.items()
    }
    _compare(path, wanted, listed, "the manifest")
    try:
        with safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            found = {
                name: (str(part.get_dtype()), tuple(part.get_shape()))
                for name, part in slices.items()
            }
            _compare(path, wanted, found, "itself")
            arrays = {name: file.get_tensor(name) for name in shapes}
    except SafetensorError as error:
        raise ModelFileError(f"{path} is not a safetensors file: {error}") from error
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ModelFileError(f"{path} has values in {name!r} that are not finite numbers")
    return arrays


def _compare(
    path: Path,
    wanted: Mapping[str, tuple[str, Shape]],
    found: Mapping[str, tuple[str, Shape]],
    where: str,
) -> None:
    for name in sorted({*wanted, *found}):
        if wanted.get(name) != found.get(name):
            raise ModelFileError(
                f"{path} has {_tell(found.get(name))} for {name!r:.80} according to {where}, but "
                f"the model asks for {_tell(wanted.get(name))}"
            )


def _dtype_of(array: NDArray[Any]) -> str:
    return _WHOLE if array.dtype == np.int64 else DTYPE


def _tell(entry: tuple[str, Shape] | None) -> str:
    return "nothing" if entry is None else f"{entry[0]} of shape {entry[1]}"


def _dense(name: str, n_inputs: int, n_outputs: int) -> dict[str, Shape]:
    return {f"{name}.weight": (n_outputs, n_inputs), f"{name}.bias": (n_outputs,)}
