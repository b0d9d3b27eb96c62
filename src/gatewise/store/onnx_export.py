"""A model's graph as a file for other programs, in full or with weights of eight bits."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gatewise.base.errors import ConfigError, DataError
from gatewise.base.files import write_bytes
from gatewise.base.optional import require
from gatewise.classify.plain_model import PlainModel
from gatewise.store.onnx_model import onnx_bytes
from gatewise.store.onnx_session import make_predictor

__all__ = ["LARGEST_LOSS", "Int8Accuracy", "write_int8", "write_onnx"]

LARGEST_LOSS = 0.005  # share of the records
_PURPOSE = "write weights of eight bits"
_PREPARED = "onnx.quant.pre_process"  # nothing to prepare: our shapes are known


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
    """Write the network with weights of eight bits, and measure what that costs.

    Inputs are rounded by the largest of a batch, so an answer depends on the texts it is computed
    with: this is for programs that can live with that.

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
        If there are no records.
    ConfigError
        If more than half a point of accuracy is lost.
    MissingExtraError
        If the package ``onnx`` is not installed.
    """
    if not len(texts):
        raise DataError("there are no records to measure the accuracy on")
    full = onnx_bytes(model.network.config, model.network.arrays)
    int8 = _quantised(full)
    shares = [_accuracy(model, content, texts, labels) for content in (full, int8)]
    found = Int8Accuracy(len(texts), *shares)
    if found.full - found.int8 > LARGEST_LOSS:
        raise ConfigError(
            f"{found.sentence}, which is more than {100 * LARGEST_LOSS:g} points less; leave out "
            "--int8"
        )
    write_bytes(path, _noted(int8, found))
    return found


def _quantised(content: bytes) -> bytes:
    onnx = require("onnx", extra="train", purpose=_PURPOSE)
    quantization = require("onnxruntime.quantization", extra=None, purpose=_PURPOSE)
    model = onnx.load_model_from_string(content)
    model.metadata_props.add(key=_PREPARED, value="onnxruntime.quant")
    with tempfile.TemporaryDirectory(prefix="gatewise-") as folder:
        written = Path(folder) / "int8.onnx"
        quantization.quantize_dynamic(model, written, weight_type=quantization.QuantType.QInt8)
        return written.read_bytes()


def _noted(content: bytes, found: Int8Accuracy) -> bytes:
    onnx = require("onnx", extra="train", purpose=_PURPOSE)
    model = onnx.load_model_from_string(content)
    notes = {one.key: one.value for one in model.metadata_props if one.key != _PREPARED}
    notes |= {
        "gatewise.accuracy.full": f"{found.full:.6f}",
        "gatewise.accuracy.int8": f"{found.int8:.6f}",
        "gatewise.accuracy.records": str(found.n_records),
    }
    onnx.helper.set_model_props(model, notes)
    return bytes(model.SerializeToString(deterministic=True))


def _accuracy(
    model: PlainModel, content: bytes, texts: Sequence[str], labels: Sequence[str]
) -> float:
    """Compute the share of right answers of the network alone."""
    scores = make_predictor(model, content).read(texts).parts.lstm  # (N, C)
    answers = np.array(model.labels)[scores.argmax(axis=1)]  # (N,)
    return float((answers == np.asarray(labels, dtype=str)).mean())
