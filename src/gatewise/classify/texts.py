"""Texts that come from outside, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gatewise.base.errors import DataError
from gatewise.text.stored_corpus import StoredTexts

__all__ = ["check_texts"]


def check_texts(texts: Any) -> Sequence[str]:
    """Check that something is a sequence of strings, and make a list of it.

    Texts that lie in files were checked when they were written, and stay there.

    Raises
    ------
    DataError
        If it is a single string, has another shape, is empty or holds something else.
    """
    if isinstance(texts, StoredTexts):
        return texts
    if isinstance(texts, str | bytes) or not hasattr(texts, "__len__"):
        raise DataError(
            f"texts must be a list of strings; got {type(texts).__name__} {texts!r:.60}"
        )
    array = np.asarray(texts, dtype=object)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(f"texts must have one dimension; got an array of shape {array.shape}")
    for number, text in enumerate(array):
        if not isinstance(text, str):
            raise DataError(
                f"text number {number} is {text!r:.60} of type {type(text).__name__}; every text "
                "must be a string"
            )
    return [str(text) for text in array]
