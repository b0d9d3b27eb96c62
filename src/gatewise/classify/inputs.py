"""What comes from outside the estimator, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from gatewise.base.config import check_range
from gatewise.base.errors import ConfigError, DataError
from gatewise.base.seeding import MAX_SEED
from gatewise.classify.request import LabelledTexts
from gatewise.classify.texts import check_texts
from gatewise.text.rows import cell_text
from gatewise.text.stored_corpus import StoredLabels
from gatewise.vectors.word_vectors import WordVectors

__all__ = [
    "check_fraction",
    "check_labels",
    "check_texts",
    "check_weights",
    "find_classes",
    "record_weights",
    "seed_from",
    "validation_records",
    "with_dimension",
]

_LARGEST_RATIO = 1e9  # of two classes' weights


def find_classes(
    labels: NDArray[Any] | StoredLabels,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Find the classes, sorted, and the class number of each record.

    Raises
    ------
    DataError
        If there are fewer than two.
    """
    if isinstance(labels, StoredLabels):
        classes, targets = labels.classes()
    else:
        classes, targets = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise DataError(
            f"all {len(labels)} records have one class, {classes.tolist()[0]!r}; a classifier "
            "needs records of at least two classes"
        )
    return classes, targets


def check_labels(labels: Any, n_texts: int) -> NDArray[Any] | StoredLabels:
    """Check that there is one label per text, and make an array of them.

    Labels that lie in files were checked when they were written, and stay there.

    Raises
    ------
    DataError
        If there are more or fewer, or none, or one is missing or cannot be a class.
    """
    if isinstance(labels, StoredLabels) and len(labels) == n_texts:
        return labels
    array = np.asarray(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.dtype.kind == "U" and isinstance(labels, list | tuple):
        _check_none_missing(labels)  # beside strings numpy makes the string "nan" of it,
        _check_all_strings(labels)  # and of 1 the class "1"
    if array.ndim != 1:
        what = f"an array of shape {array.shape}" if array.ndim else f"{labels!r:.60}"
        raise DataError(f"y should be a 1d array, one label per text; got {what}")
    if len(array) != n_texts:
        raise DataError(f"{n_texts} texts came with {len(array)} labels; give one label per text")
    if not n_texts:
        raise DataError("there are no records; a classifier needs records of at least two classes")
    if array.dtype.kind == "T":  # numpy's own strings, which scikit-learn does not know
        array = array.astype(object)
    _check_none_missing(array.tolist())
    try:
        check_classification_targets(array)
    except (TypeError, ValueError) as error:
        raise DataError(f"the labels cannot be classes: {error}") from error
    return array


def _check_all_strings(labels: Sequence[Any]) -> None:
    for number, label in enumerate(labels):
        if not isinstance(label, str | list | tuple | np.ndarray):
            raise DataError(
                f"the label of text number {number} is {label!r}, no string as others are; give "
                "labels of one kind"
            )


def _check_none_missing(labels: Sequence[Any]) -> None:
    for number, label in enumerate(labels):
        if cell_text(label) is None:
            raise DataError(
                f"the label of text number {number} is missing ({label}); correct it or leave "
                "that record out"
            )


def check_weights(weights: Any, n_texts: int) -> NDArray[np.float64]:
    """Check that there is one weight per text, and make a float64 array of them.

    Raises
    ------
    DataError
        If there are more or fewer, or one is no finite number of at least 0.
    """
    wanted = f"sample_weight must be {n_texts} finite numbers >= 0, one per text"
    try:
        array = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{wanted}; {error}") from error
    if array.shape != (n_texts,):
        raise DataError(f"{wanted}; got an array of shape {array.shape}")
    if len(wrong := np.flatnonzero(~(np.isfinite(array) & (array >= 0)))):
        raise DataError(f"{wanted}; that of text number {wrong[0]} is {array[wrong[0]]}")
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
    is_whole = isinstance(random_state, int | np.integer) and not isinstance(random_state, bool)
    if is_whole and 0 <= random_state <= MAX_SEED:
        return int(random_state)
    raise ConfigError(
        f"random_state is {random_state!r}; it must be None, a RandomState or a whole number from "
        f"0 to {MAX_SEED}"
    )


def with_dimension(params: dict[str, Any]) -> dict[str, Any]:
    """Give an estimator's parameters, with the length of a word's vector that given ones have.

    Raises
    ------
    ConfigError
        If what is given are no vectors.
    """
    vectors = params["vectors"]
    if vectors is None:
        return params
    if not isinstance(vectors, WordVectors):
        raise ConfigError(
            f"vectors is {vectors!r:.60}; it must be a WordVectors, such as "
            "gatewise.vectors.word_vectors.read_word_vectors gives"
        )
    if params["word_dimension"] is None:
        return params | {"word_dimension": vectors.dimension}
    return params


def record_weights(
    labels: NDArray[Any] | StoredLabels,
    classes: NDArray[Any],
    sample_weight: Sequence[float] | None,
    class_weight: dict[Any, float] | str | None,
) -> NDArray[np.float64] | None:
    """Multiply the records' and the classes' weights.

    Parameters
    ----------
    labels : ndarray of shape (N,)
        Of the records.
    classes : ndarray of shape (C,)
        All of them, sorted.
    sample_weight : sequence of float, length N, or None
        Weight of each record.
    class_weight : dict, "balanced" or None
        Weight of each class; balanced: all records of a class together count as much as those of
        any other.

    Returns
    -------
    ndarray of float64, shape (N,), or None
        Those above zero have the mean 1; None if all are the same.

    Raises
    ------
    ConfigError
        If the classes' weights are not what is allowed.
    DataError
        If fewer than two classes have a record whose weight is not zero.
    """
    if sample_weight is None and class_weight is None:
        return None
    weights = np.ones(len(labels))
    labels = np.asarray(labels)
    if sample_weight is not None:
        weights = check_weights(sample_weight, len(labels))
    if class_weight is not None:
        places = np.searchsorted(classes, labels)  # (N,)
        weights = _of_highest_one(weights)
        totals = np.bincount(places, weights, len(classes)).astype(np.float64)  # (C,)
        weights = weights * _weights_of_classes(class_weight, classes, labels, totals)[places]
    _check_some_count(weights, labels)
    weights = _of_highest_one(weights)  # the sum of very large ones would be infinite
    weights = weights / weights[weights > 0].mean()
    return None if np.ptp(weights) == 0 else weights


def _weights_of_classes(
    class_weight: dict[Any, float] | str,
    classes: NDArray[Any],
    labels: NDArray[Any],
    totals: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Compute the weight of each class from those of its records together, (C,) -> (C,)."""
    told = f"class_weight is {class_weight!r}"
    try:
        found = compute_class_weight(class_weight, classes=classes, y=labels)
        per_class = np.asarray(found, dtype=np.float64)  # (C,)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{told}: {error}") from error
    if len(wrong := np.flatnonzero(~(np.isfinite(per_class) & (per_class >= 0)))):
        raise ConfigError(
            f"{told}: the weight of {classes.tolist()[wrong[0]]!r} is {per_class[wrong[0]]:g}; it "
            "must be a finite number >= 0"
        )
    _check_ratio(told, classes, per_class)
    if isinstance(class_weight, str):  # balanced: by what is learnt from, not by what stands there
        some = totals > 0  # (C,)
        per_class = np.zeros(len(classes))
        per_class[some] = totals.sum() / (some.sum() * totals[some])
    return _of_highest_one(per_class)


def _check_ratio(told: str, classes: NDArray[Any], per_class: NDArray[np.float64]) -> None:
    """Refuse weights beside which others are as good as none; zero says that in so many words."""
    highest = int(per_class.argmax())
    lowest = int(np.where(per_class > 0, per_class, np.inf).argmin())
    if per_class[highest] > _LARGEST_RATIO * per_class[lowest] > 0:
        raise ConfigError(
            f"{told}: the weight of {classes.tolist()[highest]!r} is more than "
            f"{_LARGEST_RATIO:.0e} times that of {classes.tolist()[lowest]!r}, of which nothing "
            "would be learnt; give weights that are closer, or 0 to leave a class's records out"
        )


def _of_highest_one(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return weights / (weights.max() or 1.0)


def _check_some_count(weights: NDArray[np.float64], labels: NDArray[Any]) -> None:
    """Refuse weights that leave nothing to tell apart."""
    left = np.unique(labels[weights > 0])
    if not len(left):
        raise DataError("all records have the weight zero, so there is nothing to learn from")
    if len(left) == 1:
        raise DataError(
            f"all records that are not of class {left.tolist()[0]!r} have the weight zero; a "
            "classifier needs records of at least two classes"
        )


def check_fraction(fraction: Any, validation: Any) -> float | None:
    """Check the share of the records that is to be held out.

    Raises
    ------
    ConfigError
        If it is none, or there are records to hold out instead.
    """
    if fraction is None:
        return None
    check_range("validation_fraction", fraction, 0.0, 0.9)
    if validation is not None:
        raise ConfigError(
            f"validation_fraction is {fraction}, and there are validation records to hold out "
            "instead; give one of the two"
        )
    return float(fraction)


def validation_records(
    validation: tuple[Sequence[str], Sequence[Any]] | None, classes: NDArray[Any]
) -> LabelledTexts | None:
    """Check records that are to be held out, and number their classes.

    Parameters
    ----------
    validation : pair of texts and labels, or None
        The records.
    classes : ndarray of shape (C,)
        All classes, sorted.

    Returns
    -------
    LabelledTexts or None

    Raises
    ------
    DataError
        If these are no records, or a label is none of the classes.
    """
    if validation is None:
        return None
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise DataError("validation must be a pair: texts, and their labels")
    texts = check_texts(validation[0])
    labels = np.asarray(check_labels(validation[1], len(texts)))
    places = np.clip(np.searchsorted(classes, labels), 0, len(classes) - 1)
    if len(unknown := labels[classes[places] != labels]):
        raise DataError(
            f"the validation records have a label that the training records have not: "
            f"{unknown.tolist()[0]!r}; correct it or leave those records out"
        )
    return LabelledTexts(texts, places)
