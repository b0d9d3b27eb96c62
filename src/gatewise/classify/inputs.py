"""What comes from outside the estimator, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets

from gatewise.base.errors import ConfigError, DataError
from gatewise.base.seeding import MAX_SEED

__all__ = ["check_labels", "check_texts", "seed_from"]


def check_texts(texts: Any) -> list[str]:
    """Check that something is a sequence of strings, and make a list of it.

    Raises
    ------
    DataError
        If it is a single string, has another shape, is empty or holds something else.
    """
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


def check_labels(labels: Any, n_texts: int) -> NDArray[Any]:
    """Check that there is one label per text, and make an array of them.

    Raises
    ------
    DataError
        If there are more or fewer, or none.
    """
    array = np.asarray(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if len(array) != n_texts:
        raise DataError(f"{n_texts} texts came with {len(array)} labels; give one label per text")
    if not n_texts:
        raise DataError("there are no records; a classifier needs records of at least two classes")
    check_classification_targets(array)
    return array


def seed_from(random_state: Any) -> int:
    """Turn scikit-learn's ``random_state`` into the one seed.

    Raises
    ------
    ConfigError
        If it is none of the kinds allowed.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 2**31 - 1))
    if isinstance(random_state, int | np.integer) and 0 <= random_state <= MAX_SEED:
        return int(random_state)
    raise ConfigError(
        f"random_state is {random_state!r}; it must be None, a RandomState or a whole number from "
        f"0 to {MAX_SEED}"
    )
