"""A saved model, read once by each process that asks it, however many pieces of work it does."""

from __future__ import annotations

import functools
import os
import threading
from dataclasses import replace
from pathlib import Path

from gatewise.base.errors import ModelFileError
from gatewise.base.files import sha256_file
from gatewise.classify.predictor import Predictor
from gatewise.store.manifest import MANIFEST
from gatewise.store.predictor_archive import load_predictor

__all__ = ["manifest_digest", "process_predictor"]

_MOST_MODELS = 2  # that a process keeps

_lock = threading.Lock()


def manifest_digest(folder: str | os.PathLike[str]) -> str:
    """Compute the SHA-256 of a saved model's manifest, and so of every file of the model.

    Raises
    ------
    ModelFileError
        If there is no manifest.
    """
    try:
        return sha256_file(Path(folder) / MANIFEST)
    except OSError as error:
        raise ModelFileError(
            f"{folder} is not a saved model that can be read here ({error.strerror}); every "
            "machine and process that scores has to see the model's folder under this path"
        ) from error


def process_predictor(folder: str | os.PathLike[str], *, threads: int = 1) -> Predictor:
    """Give a saved model to this process, which reads it the first time.

    A folder whose model was exchanged is read anew. What is given remembers nothing of the texts of
    earlier calls: the last digits of an answer depend on the texts that were read with it, and so
    on nothing else.

    Parameters
    ----------
    folder : path
        Of the saved model.
    threads : int
        As of :func:`gatewise.load_predictor`.

    Returns
    -------
    Predictor

    Raises
    ------
    ModelFileError
        As of :func:`gatewise.load_predictor`.
    """
    with _lock:  # or several threads would read it at once
        return replace(_read(os.fspath(folder), manifest_digest(folder), threads))


@functools.lru_cache(maxsize=_MOST_MODELS)
def _read(folder: str, digest: str, threads: int) -> Predictor:
    return load_predictor(folder, threads=threads)
