"""A fitted classifier <-> the files of a folder, whose checksums are another module's work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gatewise.base.seeding import derive_seed
from gatewise.base.versions import package_versions
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.model import FittedModel
from gatewise.network.model import build_network
from gatewise.network.precision import Precision
from gatewise.store.arrays import companion_arrays, split_tables, write_arrays
from gatewise.store.card import model_card
from gatewise.store.configuration import configuration_from_json, configuration_to_json
from gatewise.store.golden import GOLDEN, golden_to_json
from gatewise.store.insight import TEXTS, insight_arrays, read_held_out
from gatewise.store.labels import labels_to_json
from gatewise.store.manifest import (
    MANIFEST,
    Manifest,
    current_tokenizer,
    describe_file,
    manifest_bytes,
)
from gatewise.store.onnx_model import ONNX, onnx_bytes
from gatewise.store.onnx_proof import check_graph
from gatewise.store.plain_contents import (
    CALIBRATION,
    COMPANION,
    CONFIG,
    LABELS,
    TABLES,
    WEIGHTS,
    WORDS,
    calibration_to_json,
    read_calibration,
    read_plain,
)
from gatewise.store.settings import decode, encode
from gatewise.store.words import words_to_json

__all__ = ["read_contents", "write_contents"]

_CARD = "card.md"


def write_contents(classifier: TextClassifier, folder: Path) -> None:
    """Write all files of a fitted classifier into an empty folder, the manifest last.

    Raises
    ------
    ConfigError
        If a parameter or label cannot be written down.
    ModelFileError
        If a weight is not finite, or the graph does not give the network's probabilities.
    """
    model = classifier.model_
    files = _write_arrays(model, folder)
    documents = {
        CONFIG: encode(configuration_to_json(classifier)),
        LABELS: encode(labels_to_json(classifier.classes_)),
        WORDS: encode(words_to_json(model.vocabulary, model.ngrams)),
        CALIBRATION: encode(calibration_to_json(model.blend, model.decision, model.held_out)),
        GOLDEN: encode(golden_to_json(model)),
        ONNX: _checked_graph(model),
        _CARD: model_card(model, package_versions()).encode("utf-8"),
    }
    if model.index is not None and model.index.texts is not None:
        documents[TEXTS] = encode(list(model.index.texts))
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
    path = folder / CONFIG
    config = configuration_from_json(decode(path.read_bytes(), path), path)
    plain = read_plain(folder, manifest)
    _, _, source = read_calibration(folder / CALIBRATION)
    classifier = config.estimator
    classifier.classes_ = plain.classes
    classifier.recipe_ = config.recipe
    classifier.model_ = FittedModel(
        recipe=config.recipe,
        language=plain.language,
        labels=plain.labels,
        vocabulary=plain.vocabulary,
        network=build_network(
            config.network, plain.network.arrays, seed=derive_seed(manifest.seed, "network")
        ),
        ngrams=plain.ngrams,
        blend=plain.blend,
        decision=plain.decision,
        history=config.history,
        facts=config.facts,
        seed=manifest.seed,
        precision=Precision(),
        scope=plain.scope,
        index=plain.index,
        held_out=read_held_out(folder, manifest, source, len(plain.labels)),
    )
    return classifier


def _checked_graph(model: FittedModel) -> bytes:
    """Draw the network for other programs; its weights stand in it, so that one file is enough."""
    content = onnx_bytes(model.network.config, model.network.arrays())
    check_graph(model, content)
    return content


def _write_arrays(model: FittedModel, folder: Path) -> dict[str, dict[str, Any]]:
    tables, weights = split_tables(model.network.arrays())
    arrays: dict[str, Any] = {TABLES: tables, WEIGHTS: weights}
    if model.ngrams:
        arrays[COMPANION] = companion_arrays(model.ngrams)
    arrays |= insight_arrays(model.index, model.scope, model.held_out)
    return {
        name: describe_file(folder / name, write_arrays(folder / name, group))
        for name, group in arrays.items()
    }
