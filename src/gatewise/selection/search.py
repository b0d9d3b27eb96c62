"""Which candidates are tried, and in which order: all of a grid, or what a sampler asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from gatewise.base.config import check_choice, check_whole_number
from gatewise.base.optional import require
from gatewise.base.seeding import derive_seed
from gatewise.selection.candidates import Candidate, Range, Space, check_space, grid

__all__ = ["SAMPLERS", "Search", "make_search"]

SAMPLERS = ("grid", "optuna")

# Candidates that are asked for at a time. Not the number of workers: what is tried must not depend
# on how many there are.
_AT_A_TIME = 4


class Search(Protocol):
    """Asks for candidates and is told how good they are."""

    def ask(self) -> list[Candidate]:
        """Give the next candidates; none when it is over."""

    def tell(self, candidate: Candidate, score: float | None) -> None:
        """Say how good a candidate is, or that it failed (None)."""


def make_search(
    sampler: str, space: Space, fixed: Mapping[str, Any], *, trials: int, seed: int
) -> Search:
    """Choose a search.

    Parameters
    ----------
    sampler : {"grid", "optuna"}
        All combinations, or a sampler that learns from what was tried (Bergstra et al. 2011).
    space : mapping
        Setting -> values; ranges for optuna alone.
    fixed : mapping
        The settings that all candidates have.
    trials : int
        Candidates that optuna tries.
    seed : int
        The user's seed.

    Returns
    -------
    Search

    Raises
    ------
    ConfigError
        If something is not allowed.
    MissingExtraError
        If optuna is not installed.
    """
    check_choice("sampler", sampler, SAMPLERS)
    check_space(space, has_ranges=sampler == "optuna")
    if sampler == "grid":
        return _GridSearch(list(grid(space, fixed)))
    check_whole_number("trials", trials, 1, 10_000)
    return _OptunaSearch(space, fixed, trials, seed)


class _GridSearch:
    def __init__(self, candidates: list[Candidate]) -> None:
        self._candidates = candidates

    def ask(self) -> list[Candidate]:
        candidates, self._candidates = self._candidates, []
        return candidates

    def tell(self, candidate: Candidate, score: float | None) -> None:
        """Do nothing: a grid does not learn."""


class _OptunaSearch:
    """Optuna in memory: a run that goes on asks the same and is told the same from the ledger."""

    def __init__(self, space: Space, fixed: Mapping[str, Any], trials: int, seed: int) -> None:
        self._optuna = require("optuna", extra="optuna", purpose="search with --sampler optuna")
        self._optuna.logging.set_verbosity(self._optuna.logging.WARNING)
        self._space, self._fixed, self._left = space, fixed, trials
        sampler = self._optuna.samplers.TPESampler(seed=derive_seed(seed, "optuna"))
        self._study = self._optuna.create_study(direction="maximize", sampler=sampler)
        self._open: list[tuple[Candidate, Any]] = []

    def ask(self) -> list[Candidate]:
        for trial in (self._study.ask() for _ in range(min(_AT_A_TIME, self._left))):
            params = {name: self._drawn(trial, name) for name in self._space}
            self._open.append((Candidate(params, self._fixed), trial))
            self._left -= 1
        return [candidate for candidate, _ in self._open]

    def tell(self, candidate: Candidate, score: float | None) -> None:
        place = next(n for n, (one, _) in enumerate(self._open) if one is candidate)
        trial = self._open.pop(place)[1]
        if score is None:
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(trial, score)

    def _drawn(self, trial: Any, name: str) -> Any:
        values = self._space[name]
        if not isinstance(values, Range):
            return trial.suggest_categorical(name, list(values))
        suggest = trial.suggest_int if values.is_whole else trial.suggest_float
        return suggest(name, values.low, values.high, log=values.is_wide)
