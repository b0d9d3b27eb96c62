"""The files of a checked folder -> a model as arrays, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise import __version__
from gatewise.base.errors import ModelFileError
from gatewise.classify.blend import Blend
from gatewise.classify.decision import Decision
from gatewise.classify.held_out import SOURCES, HeldOut
from gatewise.classify.nearest import RecordIndex
from gatewise.classify.ngrams import NgramModel
from gatewise.classify.plain_model import PlainModel
from gatewise.classify.scope import Scope
from gatewise.network.config import NetworkConfig
from gatewise.network.plain import PlainNetwork
from gatewise.store.arrays import (
    build_companion,
    companion_shapes,
    network_shapes,
    read_arrays,
    table_shapes,
)
from gatewise.store.insight import SCOPE, read_index, read_scope
from gatewise.store.labels import labels_from_json
from gatewise.store.manifest import FileEntry, Manifest
from gatewise.store.network_settings import network_settings_from_json
from gatewise.store.onnx_model import ONNX, onnx_bytes
from gatewise.store.settings import check_keys, decode, settings_from_json, settings_to_json
from gatewise.store.words import words_from_json

__all__ = [
    "CALIBRATION",
    "COMPANION",
    "CONFIG",
    "LABELS",
    "TABLES",
    "WEIGHTS",
    "WORDS",
    "calibration_to_json",
    "read_calibration",
    "read_plain",
]

CONFIG, LABELS, WORDS = "config.json", "labels.json", "vocabulary.json"
CALIBRATION = "calibration.json"
TABLES, WEIGHTS, COMPANION = "vectors.safetensors", "weights.safetensors", "ngrams.safetensors"
_PARTS = {"estimator", "recipe", "network", "facts", "history"}


def read_plain(folder: Path, manifest: Manifest) -> PlainModel:
    """Read what it takes to score a text.

    Raises
    ------
    ModelFileError
        If the files contradict each other or hold what no fit leaves behind.
    """
    settings = _read_json(folder / CONFIG)
    check_keys(settings, _PARTS, folder / CONFIG, "the configuration")
    _, config = network_settings_from_json(settings, folder / CONFIG)
    classes = labels_from_json(_read_json(folder / LABELS), folder / LABELS)
    vocabulary, terms = words_from_json(_read_json(folder / WORDS), folder / WORDS)
    blend, decision, _ = read_calibration(folder / CALIBRATION)
    counted = {
        "n_words": (len(vocabulary), WORDS),
        "n_ngrams": (len(vocabulary.ngrams), WORDS),
        "n_classes": (len(classes), LABELS),
    }
    _check_sizes(folder, config, counted)
    network = PlainNetwork(config, _read_weights(folder, config, manifest))
    _check_graph(folder / ONNX, network, manifest)
    ngrams = _read_companion(folder, terms, len(classes), manifest.files.get(COMPANION))
    scope = read_scope(folder, manifest)
    index = read_index(folder, manifest, config.pooled_size, len(classes))
    _check_evidence(folder, scope, ngrams, index)
    return PlainModel(
        language=manifest.tokenizer.language,
        classes=classes,
        vocabulary=vocabulary,
        network=network,
        ngrams=ngrams,
        blend=blend,
        decision=decision,
        scope=scope,
        index=index,
    )


def calibration_to_json(
    blend: Blend, decision: Decision, held_out: HeldOut | None
) -> dict[str, Any]:
    """Describe how scores become probabilities and these a decision, and from which records."""
    return {
        "blend": settings_to_json(blend),
        "decision": settings_to_json(decision),
        "held_out": held_out.source if held_out else None,
    }


def read_calibration(path: Path) -> tuple[Blend, Decision, str | None]:
    """Read what :func:`calibration_to_json` wrote."""
    values = _read_json(path)
    check_keys(values, {"blend", "decision", "held_out"}, path, "the calibration")
    blend = settings_from_json(Blend, values["blend"], path)
    if (source := values["held_out"]) not in (None, *SOURCES):
        raise ModelFileError(f"{path} has held-out records from {source!r:.40}, which is no source")
    return blend, settings_from_json(Decision, values["decision"], path), source


def _read_json(path: Path) -> Any:
    return decode(path.read_bytes(), path)


def _check_sizes(folder: Path, config: NetworkConfig, counted: dict[str, tuple[int, str]]) -> None:
    for name, (number, file) in counted.items():
        if getattr(config, name) != number:
            raise ModelFileError(
                f"{folder / CONFIG} says that {name} is {getattr(config, name)}, but "
                f"{folder / file} makes it {number}"
            )


def _read_weights(
    folder: Path, config: NetworkConfig, manifest: Manifest
) -> dict[str, NDArray[np.float32]]:
    groups = {TABLES: table_shapes(config), WEIGHTS: network_shapes(config)}
    arrays: dict[str, NDArray[np.float32]] = {}
    for name, shapes in groups.items():
        arrays |= read_arrays(folder / name, shapes, manifest.files[name].tensors)
    return arrays


def _check_graph(path: Path, network: PlainNetwork, manifest: Manifest) -> None:
    """Refuse a graph that was not drawn from the weights; another gatewise may draw otherwise.

    The file is there for other programs. Nothing here takes it apart, or hands it to what does.
    """
    if manifest.versions.get("gatewise") != __version__:
        return
    if path.read_bytes() != onnx_bytes(network.config, network.arrays):
        raise ModelFileError(
            f"{path} is not the graph of the weights that lie beside it; take a fresh copy of the "
            "folder"
        )


def _check_evidence(
    folder: Path, scope: Scope | None, ngrams: NgramModel | None, index: RecordIndex | None
) -> None:
    """Refuse a score that asks for what the model cannot tell of a text."""
    told = {"probability"}
    if ngrams is not None:
        told |= {"lead", "familiarity"} | ({"belonging"} if ngrams.outside is not None else set())
    if index is not None:
        told.add("nearness")
    if scope is not None and (lacking := sorted(set(scope.references) - told)):
        raise ModelFileError(
            f"{folder / SCOPE} wants the {lacking[0]} of a text, which the model's other files do "
            "not give; take a fresh copy of the folder"
        )


def _read_companion(
    folder: Path, terms: list[str] | None, n_classes: int, entry: FileEntry | None
) -> NgramModel | None:
    if (terms is None) != (entry is None):
        has, lacks = (WORDS, COMPANION) if entry is None else (COMPANION, WORDS)
        raise ModelFileError(f"{folder / has} has a companion, but {folder / lacks} has none")
    if terms is None or entry is None:
        return None
    shapes = companion_shapes(len(terms), n_classes, outside="outside" in entry.tensors)
    return build_companion(terms, read_arrays(folder / COMPANION, shapes, entry.tensors))
