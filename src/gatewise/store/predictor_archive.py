"""``load_predictor``: a saved model for those who only ask it, without torch or scikit-learn."""

from __future__ import annotations

import os
from pathlib import Path

from gatewise.base.errors import ModelFileError
from gatewise.classify.predictor import Predictor
from gatewise.store.golden import GOLDEN, check_golden
from gatewise.store.manifest import check_folder
from gatewise.store.onnx_session import make_predictor
from gatewise.store.plain_contents import read_plain

__all__ = ["load_predictor"]


def load_predictor(
    folder: str | os.PathLike[str], *, threads: int = 1, int8: bool = False
) -> Predictor:
    """Read a saved model to classify texts with, with the same checks as :func:`gatewise.load`.

    The graph is drawn once more from the checked weights, and that is what ONNX Runtime is given.
    The file ``model.onnx``, there for other programs, is only compared with it.

    Parameters
    ----------
    folder : path
        Of the saved model.
    threads : int
        Threads that share the network's work on a batch. A server that answers several requests at
        a time does best with 1.
    int8 : bool
        The LSTM multiplies with numbers of eight bits, in half the time. What it reads is rounded
        by the largest of a batch, so an answer depends a little on the texts it is computed with;
        :func:`gatewise.store.onnx_export.write_int8` measures what that costs.

    Returns
    -------
    Predictor
        With the probabilities of the classifier that was saved, to 1e-5; with ``int8`` to about
        1e-2. Several threads may ask it at once.

    Raises
    ------
    ModelFileError
        If the folder is no saved model, was changed or damaged, comes from a newer gatewise, or
        gives other probabilities with the packages installed.
    ConfigError
        If there are no such numbers of threads.
    """
    path = Path(folder)
    try:
        manifest = check_folder(path)
        plain = read_plain(path, manifest)
        model = make_predictor(plain, threads=threads)
        check_golden(model, manifest, path / GOLDEN)
        if int8:
            model = make_predictor(plain, threads=threads, int8=True)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error}") from error
    return model
