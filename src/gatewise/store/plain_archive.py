"""``load_plain``: a saved model without torch, for what only reads it."""

from __future__ import annotations

import os
from pathlib import Path

from gatewise.base.errors import ModelFileError
from gatewise.classify.plain_model import PlainModel
from gatewise.store.golden import GOLDEN, check_golden
from gatewise.store.manifest import check_folder
from gatewise.store.plain_contents import read_plain

__all__ = ["load_plain"]


def load_plain(folder: str | os.PathLike[str]) -> PlainModel:
    """Read a saved model as arrays, with the same checks as :func:`gatewise.load`.

    Parameters
    ----------
    folder : path
        Of the saved model.

    Returns
    -------
    PlainModel

    Raises
    ------
    ModelFileError
        If the folder is no saved model, was changed or damaged, comes from a newer gatewise, or
        gives other probabilities with the packages installed.
    """
    path = Path(folder)
    try:
        manifest = check_folder(path)
        model = read_plain(path, manifest)
        check_golden(model, manifest, path / GOLDEN)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error}") from error
    return model
