"""A model's graph as a file for other programs, in full or with weights of eight bits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gatewise.base.errors import ConfigError, DataError
from gatewise.base.files import write_bytes
from gatewise.classify.plain_model import PlainModel
from gatewise.store.onnx_model import onnx_bytes
from gatewise.store.onnx_session import make_predictor

__all__ = ["LARGEST_LOSS", "Int8Accuracy", "write_int8", "write_onnx"]

LARGEST_LOSS = 0.005  # share of the records
_N_NAMED = 3


@dataclass(frozen=True)
class Int8Accuracy:
    """What weights of eight bits cost, the network alone.

    Attributes
    ----------
    n_records : int
        Records it was measured on.
    full, int8 : float
        Shares of right answers, with weights of 32 bits and of eight.
    """

    n_records: int
    full: float
    int8: float

    @property
    def sentence(self) -> str:
        """Tell it."""
        return (
            f"accuracy of the network alone on {self.n_records:,} records: {self.full:.2%} with 32 "
            f"bits, {self.int8:.2%} with 8"
        )


def write_onnx(model: PlainModel, path: Path) -> None:
    """Write the network as an ONNX file: from vectors and lengths to logits.

    Parameters
    ----------
    model : PlainModel
        A fitted model.
    path : Path
        The file.
    """
    write_bytes(path, onnx_bytes(model.network.config, model.network.arrays))


def write_int8(
    model: PlainModel, path: Path, texts: Sequence[str], labels: Sequence[str]
) -> Int8Accuracy:
    """Write the network with an LSTM of eight bits, and measure what that costs.

    For ONNX Runtime, which alone has the operation. Inputs are rounded by the largest of a batch,
    so an answer depends on the texts it is computed with: this is for programs that can live with
    that.

    Parameters
    ----------
    model : PlainModel
        A fitted model.
    path : Path
        The file. What was measured stands in its metadata.
    texts, labels : sequence of str, length N
        Records that it was not trained on.

    Returns
    -------
    Int8Accuracy

    Raises
    ------
    DataError
        If there are no records, or none with a label of the model.
    ConfigError
        If more than half a point of accuracy is lost.
    """
    if not len(texts):
        raise DataError("there are no records to measure the accuracy on")
    if not (given := {str(label) for label in labels}) & set(model.labels):
        raise DataError(
            f"none of the {len(texts):,} records has a label of the model, so no accuracy can be "
            f"measured: theirs are {_some(given)}, the model's {_some(model.labels)}; name the "
            "column with --label COL"
        )
    network = model.network
    full = onnx_bytes(network.config, network.arrays)
    int8 = onnx_bytes(network.config, network.arrays, int8=True)
    shares = [_accuracy(model, content, texts, labels) for content in (full, int8)]
    found = Int8Accuracy(len(texts), *shares)
    if found.full - found.int8 > LARGEST_LOSS:
        raise ConfigError(
            f"{found.sentence}, which is more than {100 * LARGEST_LOSS:g} points less; leave out "
            "--int8"
        )
    notes = {
        "gatewise.accuracy.full": f"{found.full:.6f}",
        "gatewise.accuracy.int8": f"{found.int8:.6f}",
        "gatewise.accuracy.records": str(found.n_records),
    }
    write_bytes(path, onnx_bytes(network.config, network.arrays, int8=True, notes=notes))
    return found


def _some(labels: Iterable[str]) -> str:
    """Name the first labels."""
    named = sorted(labels)
    rest = ", ..." if len(named) > _N_NAMED else ""
    return ", ".join(f"{label!r:.60}" for label in named[:_N_NAMED]) + rest


def _accuracy(
    model: PlainModel, content: bytes, texts: Sequence[str], labels: Sequence[str]
) -> float:
    """Compute the share of right answers of the network alone."""
    scores = make_predictor(model, content).read(texts).parts.lstm  # (N, C)
    answers = np.array(model.labels)[scores.argmax(axis=1)]  # (N,)
    return float((answers == np.asarray(labels, dtype=str)).mean())
