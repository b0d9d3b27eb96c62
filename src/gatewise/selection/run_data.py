"""Training data -> what the fits of a run share: the records and their folds."""

from __future__ import annotations

from gatewise.base.errors import ConfigError
from gatewise.classify.training_data import TrainingData
from gatewise.selection.fits import FitData
from gatewise.selection.folds import make_folds, read_times

__all__ = ["make_fit_data"]


def make_fit_data(
    read: TrainingData,
    n_folds: int,
    *,
    repeats: int = 1,
    group: str | None = None,
    time: str | None = None,
    seed: int = 0,
    threads: int = 1,
    class_weight: dict[str, float] | str | None = None,
) -> FitData:
    """Part the records into folds.

    Parameters
    ----------
    read : TrainingData
        With the columns ``group`` and ``time``, if there are any.
    n_folds, repeats : int
        Parts, and how many times the records are parted.
    group : str, optional
        Column: records with the same value stay together.
    time : str, optional
        Column: each fold learns from what was earlier.
    seed : int
        Of the order of the records.
    threads : int
        Of each fit.
    class_weight : dict, "balanced" or None
        For :class:`gatewise.TextClassifier`.

    Returns
    -------
    FitData

    Raises
    ------
    ConfigError
        If a number is outside what is allowed, or two demands do not go together.
    DataError
        If there are too few records for the folds, or a time cannot be read.
    """
    corpus = read.corpus
    if read.validation is not None:
        raise ConfigError("folds hold records out themselves; leave the validation records away")
    times = None if time is None else read_times(corpus.further[time], corpus.lines, time)
    folds = make_folds(
        corpus.labels,
        n_folds,
        seed=seed,
        repeats=repeats,
        groups=None if group is None else corpus.further[group],
        times=times,
    )
    return FitData(
        texts=corpus.texts,
        labels=corpus.labels,
        folds=folds,
        threads=threads,
        unlabelled=tuple(read.unlabelled),
        vectors=read.vectors,
        class_weight=class_weight,
    )
