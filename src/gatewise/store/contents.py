"""A fitted classifier <-> the files of a folder, whose checksums are another module's work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import ModelFileError
from gatewise.base.seeding import derive_seed
from gatewise.classify.blend import Blend
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.fingerprint import package_versions
from gatewise.classify.model import FittedModel
from gatewise.classify.ngrams import NgramModel
from gatewise.network.config import NetworkConfig
from gatewise.network.model import TextNetwork
from gatewise.network.precision import Precision
from gatewise.store.arrays import (
    build_companion,
    companion_arrays,
    companion_shapes,
    network_shapes,
    read_arrays,
    table_shapes,
    write_arrays,
)
from gatewise.store.card import model_card
from gatewise.store.configuration import configuration_from_json, configuration_to_json
from gatewise.store.golden import GOLDEN, golden_to_json
from gatewise.store.labels import labels_from_json, labels_to_json
from gatewise.store.manifest import (
    MANIFEST,
    FileEntry,
    Manifest,
    current_tokenizer,
    describe_file,
    manifest_bytes,
)
from gatewise.store.settings import decode, encode, settings_from_json, settings_to_json
from gatewise.store.tensors import build_network, network_arrays
from gatewise.store.words import words_from_json, words_to_json

__all__ = ["read_contents", "write_contents"]

_CONFIG, _LABELS, _WORDS = "config.json", "labels.json", "vocabulary.json"
_CALIBRATION, _CARD = "calibration.json", "card.md"
_TABLES, _WEIGHTS, _COMPANION = "vectors.safetensors", "weights.safetensors", "ngrams.safetensors"


def write_contents(classifier: TextClassifier, folder: Path) -> None:
    """Write all files of a fitted classifier into an empty folder, the manifest last.

    Raises
    ------
    ConfigError
        If a parameter or label cannot be written down.
    ModelFileError
        If a weight is not finite.
    """
    model = classifier.model_
    files = _write_arrays(model, folder)
    documents = {
        _CONFIG: encode(configuration_to_json(classifier)),
        _LABELS: encode(labels_to_json(classifier.classes_)),
        _WORDS: encode(words_to_json(model.vocabulary, model.ngrams)),
        _CALIBRATION: encode(settings_to_json(model.blend)),
        GOLDEN: encode(golden_to_json(model)),
        _CARD: model_card(model, package_versions()).encode("utf-8"),
    }
    for name, content in documents.items():
        (folder / name).write_bytes(content)
        files[name] = describe_file(folder / name)
    tokenizer = current_tokenizer(model.language)
    content = manifest_bytes(seed=model.seed, tokenizer=tokenizer, files=files)
    (folder / MANIFEST).write_bytes(content)


def read_contents(folder: Path, manifest: Manifest) -> TextClassifier:
    """Build the classifier of a checked folder; its network is on the processor, in float32.

    Raises
    ------
    ModelFileError
        If the files contradict each other or hold what no fit leaves behind.
    """
    config = configuration_from_json(_read_json(folder / _CONFIG), folder / _CONFIG)
    classes = labels_from_json(_read_json(folder / _LABELS), folder / _LABELS)
    vocabulary, terms = words_from_json(_read_json(folder / _WORDS), folder / _WORDS)
    blend = _read_json(folder / _CALIBRATION)
    counted = {
        "n_words": (len(vocabulary), _WORDS),
        "n_ngrams": (len(vocabulary.ngrams), _WORDS),
        "n_classes": (len(classes), _LABELS),
    }
    _check_sizes(folder, config.network, counted)
    classifier = config.estimator
    classifier.classes_ = classes
    classifier.recipe_ = config.recipe
    classifier.model_ = FittedModel(
        recipe=config.recipe,
        language=manifest.tokenizer.language,
        labels=tuple(str(label) for label in classes),
        vocabulary=vocabulary,
        network=_read_network(folder, config.network, manifest),
        ngrams=_read_companion(folder, terms, len(classes), manifest.files.get(_COMPANION)),
        blend=settings_from_json(Blend, blend, folder / _CALIBRATION),
        history=config.history,
        facts=config.facts,
        seed=manifest.seed,
        precision=Precision(),
    )
    return classifier


def _write_arrays(model: FittedModel, folder: Path) -> dict[str, dict[str, Any]]:
    tables, weights = network_arrays(model.network)
    arrays = {_TABLES: tables, _WEIGHTS: weights}
    if model.ngrams:
        arrays[_COMPANION] = companion_arrays(model.ngrams)
    return {
        name: describe_file(folder / name, write_arrays(folder / name, group))
        for name, group in arrays.items()
    }


def _read_json(path: Path) -> Any:
    return decode(path.read_bytes(), path)


def _check_sizes(folder: Path, config: NetworkConfig, counted: dict[str, tuple[int, str]]) -> None:
    for name, (number, file) in counted.items():
        if getattr(config, name) != number:
            raise ModelFileError(
                f"{folder / _CONFIG} says that {name} is {getattr(config, name)}, but "
                f"{folder / file} makes it {number}"
            )


def _read_network(folder: Path, config: NetworkConfig, manifest: Manifest) -> TextNetwork:
    groups = {_TABLES: table_shapes(config), _WEIGHTS: network_shapes(config)}
    arrays: dict[str, NDArray[np.float32]] = {}
    for name, shapes in groups.items():
        arrays |= read_arrays(folder / name, shapes, manifest.files[name].tensors)
    return build_network(config, arrays, seed=derive_seed(manifest.seed, "network"))


def _read_companion(
    folder: Path, terms: list[str] | None, n_classes: int, entry: FileEntry | None
) -> NgramModel | None:
    if (terms is None) != (entry is None):
        has, lacks = (_WORDS, _COMPANION) if entry is None else (_COMPANION, _WORDS)
        raise ModelFileError(f"{folder / has} has a companion, but {folder / lacks} has none")
    if terms is None or entry is None:
        return None
    shapes = companion_shapes(len(terms), n_classes)
    return build_companion(terms, read_arrays(folder / _COMPANION, shapes, entry.tensors))
