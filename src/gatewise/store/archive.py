"""``save`` and ``load``: a fitted classifier <-> a folder of checked files.

Nothing in the folder is code, names code, or is trusted before it was checked:

    plain files, none too large -> manifest -> all there -> sizes and checksums -> settings
          -> names, shapes and dtypes of tensors -> finite values
          -> golden texts, where a package has another version than when the model was saved
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from safetensors import SafetensorError

from gatewise import __version__
from gatewise.base.errors import ConfigError, ModelFileError
from gatewise.base.files import atomic_folder
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.model import FittedModel
from gatewise.network.precision import Precision, choose_precision
from gatewise.store.contents import read_contents, write_contents
from gatewise.store.golden import GOLDEN, check_golden, golden_difference
from gatewise.store.manifest import FORMAT, MANIFEST, SIZE_LIMITS, Manifest, check_folder

__all__ = ["MODEL_FILES", "load", "save", "verify"]

# A report of the old model goes with it.
MODEL_FILES = frozenset({*SIZE_LIMITS, "report.html"})


def save(classifier: TextClassifier, folder: str | os.PathLike[str]) -> None:
    """Write a fitted classifier into a folder, whole or not at all.

    Equal data, seed and versions give equal bytes: no time, host or path is written. The
    parameters ``vectors`` and ``unlabelled`` are not kept, only what was learnt from them.

    Parameters
    ----------
    classifier : TextClassifier
        A fitted one.
    folder : path
        Made if it is not there; a model saved there before is replaced in one step.

    Raises
    ------
    ConfigError
        If the classifier is not fitted, or the folder holds something else than a saved model.
    ModelFileError
        If the folder cannot be written, or the model has values that are not finite.
    """
    _check_fitted(classifier)
    target = Path(folder).resolve()
    try:
        _check_target(target)
        with atomic_folder(target) as temporary:
            write_contents(classifier, temporary)
            # Read before it takes the old model's place: what cannot be loaded is not saved.
            read_contents(temporary, check_folder(temporary))
    except (OSError, SafetensorError) as error:
        raise ModelFileError(f"{target} cannot be written: {error}") from error
    except ModelFileError as error:
        reason = str(error).replace(str(temporary), str(target))
        raise ModelFileError(f"the model cannot be saved: {reason}") from error


def load(folder: str | os.PathLike[str]) -> TextClassifier:
    """Read a classifier that :func:`save` wrote.

    Parameters
    ----------
    folder : path
        Of the saved model. What lies in it besides the model's own files is not read.

    Returns
    -------
    TextClassifier
        Fitted, with the same probabilities bit for bit on the same machine. It computes on a
        graphics processor where there is one, unless it was made with ``device="cpu"``.

    Raises
    ------
    ModelFileError
        If the folder is no saved model, was changed or damaged, comes from a newer gatewise, or
        gives other probabilities with the packages installed.
    """
    path = Path(folder)
    try:
        manifest = check_folder(path)
        classifier = _read(path, manifest)
        check_golden(classifier.model_, manifest, path / GOLDEN)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error}") from error
    classifier.model_ = _placed(classifier.model_, _precision(classifier))
    return classifier


def verify(classifier: TextClassifier, folder: str | os.PathLike[str]) -> float:
    """Score the golden texts of a saved model and compare with the probabilities kept there.

    Parameters
    ----------
    classifier : TextClassifier
        The classifier that was loaded from the folder, or saved to it.
    folder : path
        Of the saved model.

    Returns
    -------
    float
        The largest difference of a probability, from 0 to 1, in float32 on the processor.

    Raises
    ------
    ConfigError
        If the classifier is not fitted.
    ModelFileError
        If the folder was changed, or is of another model.
    """
    _check_fitted(classifier)
    path = Path(folder)
    try:
        check_folder(path)
        return golden_difference(classifier.model_, path / GOLDEN)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error}") from error


def _read(folder: Path, manifest: Manifest) -> TextClassifier:
    try:
        return read_contents(folder, manifest)
    except ModelFileError as error:
        made_with = manifest.versions.get("gatewise", __version__)
        if made_with == __version__:
            raise
        raise ModelFileError(
            f"{error}; the model was saved by gatewise {made_with} and this is {__version__}, so "
            f"type: pip install gatewise=={made_with}"
        ) from error


def _check_fitted(classifier: object) -> None:
    if not isinstance(classifier, TextClassifier) or not hasattr(classifier, "model_"):
        raise ConfigError(
            f"a fitted TextClassifier is needed, and this is {type(classifier).__name__} "
            f"{classifier!r:.80}; call fit first, and give the classifier itself and not a "
            "pipeline around it"
        )


def _check_target(target: Path) -> None:
    """Refuse to replace what is not a saved model: the old folder is deleted as a whole."""
    if not target.exists():
        return
    if not target.is_dir():
        raise ConfigError(f"{target} is a file; name a folder for the model")
    entries = sorted(target.iterdir())
    foreign = [
        entry
        for entry in entries
        if entry.name not in MODEL_FILES or entry.is_symlink() or not entry.is_file()
    ]
    if entries and not foreign and not _is_ours(target / MANIFEST):
        foreign = entries
    if foreign:
        raise ConfigError(
            f"{target} holds {foreign[0].name!r}, which is not part of a saved model and would be "
            "lost; name a new folder, or one that holds nothing but a saved model"
        )


def _is_ours(manifest: Path) -> bool:
    if not manifest.exists() or manifest.stat().st_size > SIZE_LIMITS[MANIFEST]:
        return False
    return f'"format": "{FORMAT}"'.encode() in manifest.read_bytes()


def _precision(classifier: TextClassifier) -> Precision:
    """Choose as a fit would, but with what this machine has."""
    return choose_precision(
        device="cpu" if classifier.device == "cpu" else "auto",
        precision="float32" if classifier.precision == "float32" else "auto",
    )


def _placed(model: FittedModel, precision: Precision) -> FittedModel:
    return replace(model, network=model.network.to(precision.device), precision=precision)
