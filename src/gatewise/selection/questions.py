"""``gatewise.tune`` and ``gatewise.compare``: the two questions, asked of lists of texts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from joblib import cpu_count

from gatewise.base.config import check_whole_number
from gatewise.base.errors import ConfigError
from gatewise.base.progress import Progress
from gatewise.base.seeding import MAX_SEED
from gatewise.network.recipes import Recipe
from gatewise.selection import comparison, sizes
from gatewise.selection.candidates import as_space
from gatewise.selection.comparison import CompareRequest, Comparison
from gatewise.selection.fits import FitData
from gatewise.selection.folds import make_folds
from gatewise.selection.sizes import TuneRequest, Tuning
from gatewise.selection.workers import Engine
from gatewise.text.corpus import corpus_from_lists

__all__ = ["compare", "tune"]

_OTHERS = ("recipe", "language", "max_words", "validation_fraction", "device", "precision")
_DATA = ("class_weight", "groups", "repeats", "times", "unlabelled", "vectors")
_SEARCH = (
    "coverage",
    "drop",
    "final",
    "keep_texts",
    "precision",
    "sampler",
    "score",
    "trials",
)
_SETTINGS = {field.name for field in fields(Recipe)} | set(_OTHERS)


def tune(
    texts: Iterable[str],
    labels: Iterable[Any],
    out: str | os.PathLike[str],
    *,
    folds: int = 5,
    engine: Engine | None = None,
    random_state: int = 0,
    progress: Progress | None = None,
    data: Mapping[str, Any] | None = None,
    search: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Tuning:
    """Find out by cross-validation how many units your data want, or any other setting.

    Parameters
    ----------
    texts : iterable of str
        N texts.
    labels : iterable
        Their labels.
    out : path
        The run's folder. If it holds this very run, what is there is not done again.
    folds : int
        Parts of the data.
    engine : gatewise.selection.workers.Engine, optional
        Where to fit; by default one fit per core of this machine.
    random_state : int
        The one seed.
    progress : Progress, optional
        Told of everything.
    data : mapping, optional
        ``groups`` and ``times`` (one per text), ``repeats``, ``unlabelled``, ``vectors``,
        ``class_weight``.
    search : mapping, optional
        ``sampler``, ``trials``, ``score``, ``drop``, ``final``, ``coverage``, ``precision``,
        ``keep_texts`` of :class:`gatewise.selection.sizes.TuneRequest`.
    **settings
        Parameters of :class:`gatewise.TextClassifier`. A list is tried value by value, a pair
        ``(low, high)`` is a range for ``sampler="optuna"``. By default units and layers are tried.

    Returns
    -------
    gatewise.selection.sizes.Tuning
        Scores of all candidates, which one to take and why, and the folder of the chosen one,
        trained on all records.

    Raises
    ------
    ConfigError
        If a setting is outside what is allowed, or the folder holds something else.
    DataError
        If the records cannot be learnt from, or no candidate could be judged.

    Examples
    --------
    >>> from gatewise import tune
    >>> found = tune(texts, labels, "runs/size", units=[32, 64, 128])  # doctest: +SKIP
    >>> found.choice.reason  # doctest: +SKIP
    """
    _check_names(settings)
    _check_known("search", search, _SEARCH)
    given = {
        name: value if isinstance(value, tuple | list) else [value]
        for name, value in settings.items()
    }
    space, fixed = as_space(given)
    engine = engine or Engine(workers=cpu_count())
    shared = _fit_data(texts, labels, folds, random_state, engine.threads, data or {})
    request = TuneRequest(
        Path(out), space, fixed, seed=random_state, engine=engine, **(search or {})
    )
    return sizes.tune(shared, request, progress)


def compare(
    texts: Iterable[str],
    labels: Iterable[Any],
    out: str | os.PathLike[str],
    *,
    folds: int = 5,
    methods: Sequence[str] | None = None,
    curve: bool = True,
    score: str = "accuracy",
    engine: Engine | None = None,
    random_state: int = 0,
    progress: Progress | None = None,
    data: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Comparison:
    """Find out what word vectors, fine-tuning, LSTM and n-grams each bring on your data.

    Parameters
    ----------
    texts, labels, out, folds, engine, random_state, progress, data
        As for :func:`tune`.
    methods : sequence of str, optional
        Keys of ``gatewise.selection.comparison.METHODS``; all by default.
    curve : bool
        Learn from 10, 25 and 50 % of the records as well.
    score : {"accuracy", "macro_f1"}
        What methods are judged by.
    **settings
        Parameters of :class:`gatewise.TextClassifier` for our own recipe; not ``recipe``,
        ``embedding`` or ``companion``, in which the methods differ.

    Returns
    -------
    gatewise.selection.comparison.Comparison
        Scores, tested differences, a learning curve, and a paragraph.

    Raises
    ------
    ConfigError
        If a setting is outside what is allowed, or the folder holds something else.
    DataError
        If the records cannot be learnt from, or no method could be judged.
    """
    _check_names(settings)
    engine = engine or Engine(workers=cpu_count())
    shared = _fit_data(texts, labels, folds, random_state, engine.threads, data or {})
    if isinstance(methods, str):
        raise ConfigError(f"methods is {methods!r}; give a list of them, such as [{methods!r}]")
    named = [method.key for method in comparison.METHODS] if methods is None else list(methods)
    request = CompareRequest(
        Path(out),
        settings,
        score=score,
        methods=named,
        curve=curve,
        seed=random_state,
        engine=engine,
    )
    return comparison.compare(shared, request, progress)


def _fit_data(
    texts: Iterable[str],
    labels: Iterable[Any],
    n_folds: int,
    seed: int,
    threads: int,
    data: Mapping[str, Any],
) -> FitData:
    _check_known("data", data, _DATA)
    check_whole_number("random_state", seed, 0, MAX_SEED)
    corpus = corpus_from_lists(texts, labels)
    if corpus.refused:
        first = corpus.refused[0]
        raise ConfigError(f"record {first.line} cannot be used: {first.reason}; leave it out")
    folds = make_folds(
        corpus.labels,
        n_folds,
        seed=seed,
        repeats=data.get("repeats", 1),
        groups=data.get("groups"),
        times=data.get("times"),
    )
    return FitData(
        texts=corpus.texts,
        labels=corpus.labels,
        folds=folds,
        threads=threads,
        unlabelled=tuple(data.get("unlabelled") or ()),
        vectors=data.get("vectors"),
        class_weight=data.get("class_weight"),
    )


def _check_known(name: str, given: Mapping[str, Any] | None, known: Sequence[str]) -> None:
    if unknown := sorted(set(given or {}) - set(known), key=str):
        raise ConfigError(f"{name} has {unknown[0]!r}; known are {', '.join(known)}")


def _check_names(settings: Mapping[str, Any]) -> None:
    if unknown := sorted(set(settings) - _SETTINGS):
        raise ConfigError(
            f"{unknown[0]!r} is no setting of TextClassifier; see its documentation, and give what "
            "belongs to the records as data={...}"
        )
