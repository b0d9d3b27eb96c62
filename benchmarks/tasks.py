"""One run of the benchmark, as it goes to its own process, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Outcome", "Task"]


@dataclass(frozen=True)
class Task:
    """One run: a data set, a method, a seed, and a fold or the test split.

    Attributes
    ----------
    data_set, method : str
        Their names.
    seed : int
        Of the method.
    train : str
        The training file.
    test : str or None
        The test file; None: a fold of the training file.
    n_folds, fold : int or None
        How many folds, and which of them is tested on.
    threads : int
        Processor threads that a method may use.
    settings : mapping
        Of the method.
    fasttext_python : str or None
        The interpreter that has fastText, where that is needed.
    """

    data_set: str
    method: str
    seed: int
    train: str
    test: str | None
    n_folds: int | None
    fold: int | None
    threads: int
    settings: Mapping[str, Any]
    fasttext_python: str | None = None

    @property
    def name(self) -> str:
        """For people: set, method, seed, fold."""
        fold = "" if self.n_folds is None else f" fold {(self.fold or 0) + 1}/{self.n_folds}"
        return f"{self.data_set} {self.method} seed {self.seed}{fold}"


@dataclass(frozen=True)
class Outcome:
    """What a method answered.

    Attributes
    ----------
    predictions : dict of str to list
        A label per test record, or None where the method has no answer, by each part of the
        method; ``"model"`` where there are no parts.
    details : dict
        Further facts, fit for JSON.
    """

    predictions: dict[str, list[str | None]] | dict[str, list[str]]
    details: dict[str, Any] = field(default_factory=dict)
