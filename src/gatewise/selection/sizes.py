"""How many units? Candidates judged by cross-validation, the smallest good one trained on all."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.base.config import check_choice, check_range
from gatewise.base.errors import DataError
from gatewise.base.progress import Progress, SilentProgress
from gatewise.selection.candidates import DEFAULT_SPACE, Candidate, Space, names_of
from gatewise.selection.choice import CandidateResult, Choice, FoldScore, cannot_catch_up, choose
from gatewise.selection.final_model import FoldResults, train_final
from gatewise.selection.fits import FitData, FitFacts
from gatewise.selection.folds import Fold
from gatewise.selection.outcomes import FoldResult
from gatewise.selection.results import OOF, OutOfFold, write_out_of_fold, write_results
from gatewise.selection.runs import Run, open_run
from gatewise.selection.search import make_search
from gatewise.selection.workers import Engine

__all__ = ["TuneRequest", "Tuning", "tune"]

SCORES = ("accuracy", "macro_f1")

# So many folds say whether it is worth going on with a candidate.
_FIRST_FOLDS = 2
_DROPPED = f"dropped after {_FIRST_FOLDS} folds"


@dataclass(frozen=True)
class TuneRequest:
    """What to try, and how.

    Attributes
    ----------
    out : Path
        The run's folder. If it holds this very run, what is there is not done again.
    space : mapping
        Setting -> values to try, or a :class:`gatewise.selection.candidates.Range`.
    fixed : mapping
        Parameters of :class:`gatewise.TextClassifier` that all candidates have.
    sampler : {"grid", "optuna"}
        All combinations, or so many ``trials`` as optuna chooses them.
    trials : int
        For optuna.
    score : {"accuracy", "macro_f1"}
        What candidates are judged by.
    drop : bool
        Give up a candidate that cannot catch up after two folds; by accuracy only.
    final : bool
        Train the chosen one on all records, into ``out / "model"``.
    coverage : float
        Share of texts of the known classes that the model answers; to the strangest it says that it
        does not know.
    precision : float or None
        Share of the answers given that should be right.
    keep_texts : bool
        Keep the texts in the model, to show those nearest to a new one.
    seed : int
        Of everything random.
    engine : Engine
        Where the fits are done.
    lines : sequence of int, optional
        Where each record stands in the user's file; positions from 1 by default.
    question : str
        Runs of another question are refused in one folder: results would take each other's place.
    """

    out: Path
    space: Space = field(default_factory=lambda: dict(DEFAULT_SPACE))
    fixed: Mapping[str, Any] = field(default_factory=dict)
    sampler: str = "grid"
    trials: int = 20
    score: str = "accuracy"
    drop: bool = True
    final: bool = True
    coverage: float = 0.95
    precision: float | None = None
    keep_texts: bool = False
    seed: int = 0
    engine: Engine = field(default_factory=Engine)
    lines: Sequence[int] | None = None
    question: str = "tune"


@dataclass(frozen=True)
class Tuning:
    """What a search has found.

    Attributes
    ----------
    results : list of CandidateResult
        In the order in which they were tried.
    choice : Choice
        Which one to take, and why.
    notes : list of str
        What should be known of it: small classes, dropped candidates, files that were done again.
    model : Path or None
        The folder of the model trained on all records.
    """

    results: list[CandidateResult]
    choice: Choice
    notes: list[str]
    model: Path | None


def tune(data: FitData, request: TuneRequest, progress: Progress | None = None) -> Tuning:
    """Judge candidates by cross-validation and train the chosen one.

    Parameters
    ----------
    data : FitData
        Records and folds.
    request : TuneRequest
        What to try.
    progress : Progress, optional
        Told of everything.

    Returns
    -------
    Tuning

    Raises
    ------
    ConfigError
        If a setting is outside what is allowed, the folder holds something else, or a run is going
        on there.
    DataError
        If no candidate could be judged.
    """
    check_choice("score", request.score, SCORES)
    check_range("coverage", request.coverage, 0.0, 1.0)
    if request.precision is not None:
        check_range("precision", request.precision, 0.0, 1.0)
    search = make_search(
        request.sampler,
        request.space,
        request.fixed,
        trials=request.trials,
        seed=request.seed,
    )
    first = search.ask()
    for candidate in first:  # before a process is started
        candidate.check()
    progress = progress or SilentProgress()
    about = {"question": request.question, "seed": request.seed}
    with open_run(request.out, data, about, request.engine, progress) as run:
        judged = _Judged(run, data, request)
        batch = first
        while batch:
            for candidate in batch:
                candidate.check()
            judged.judge(batch)
            for candidate in batch:
                search.tell(candidate, judged.score_of(candidate))
            batch = search.ask()
        return _concluded(judged, data, request, progress)


def _concluded(judged: _Judged, data: FitData, request: TuneRequest, progress: Progress) -> Tuning:
    """Choose, write everything down, train the chosen one."""
    results = judged.results()
    choice = choose(results)
    if choice is None:
        reasons = sorted({one.state for one in results})
        raise DataError(f"no candidate could be judged: {'; '.join(reasons)}")
    notes = [*data.notes, *judged.notes, *judged.run.notes()]
    summary = _summary(data, request, results, choice, notes)
    write_results(request.out, results, choice.chosen, summary)
    lines = request.lines or range(1, len(data.texts) + 1)
    write_out_of_fold(request.out / OOF, judged.out_of_fold(), data.labels, data.classes, lines)
    model = None
    if request.final:
        judged.run.workers.renew()  # what they hold is of use to the last fit
        chosen = judged.candidates[choice.chosen]
        held = judged.found(choice.chosen)
        model = train_final(
            data,
            chosen.settings
            | {
                "abstain_coverage": request.coverage,
                "abstain_precision": request.precision,
                "keep_texts": request.keep_texts,
            },
            held,
            request.out,
            seed=request.seed,
            progress=progress,
        )
    return Tuning(results, choice, notes, model)


class _Judged:
    """The candidates so far, and what their folds have brought."""

    def __init__(self, run: Run, data: FitData, request: TuneRequest) -> None:
        self.run, self.data, self.request = run, data, request
        self.candidates: list[Candidate] = []
        # Each by the key of its candidate: two names may become alike.
        self._state: dict[bytes, str] = {}
        self._right: dict[bytes, NDArray[np.bool_]] = {}
        self._leaders: dict[bytes, bytes] = {}  # of those dropped, whom they could not catch
        self._known: dict[int, list[tuple[FoldScore, int]]] = {}

    def judge(self, batch: Sequence[Candidate]) -> None:
        """Fit candidates on their folds; give those up that cannot catch up."""
        known = {candidate.key for candidate in self.candidates}
        fresh = list({one.key: one for one in batch if one.key not in known}.values())
        self.candidates += fresh
        fresh.sort(key=lambda one: -one.cost)  # or the last fits would wait for a long one
        numbers = [fold.number for fold in self.data.folds.folds]
        dropping = self._drops and len(numbers) > _FIRST_FOLDS and len(self.candidates) > 1
        first, rest = (
            (numbers[:_FIRST_FOLDS], numbers[_FIRST_FOLDS:]) if dropping else (numbers, [])
        )
        self._fit(fresh, first)
        while rest and fresh:
            self._drop(fresh)
            self._fit([one for one in fresh if not self._state.get(one.key)], rest)
            fresh = self._readmitted()

    @property
    def names(self) -> dict[bytes, str]:
        """What people are told of the candidates so far."""
        keys = [candidate.key for candidate in self.candidates]
        return dict(zip(keys, names_of(self.candidates), strict=True))

    @property
    def notes(self) -> list[str]:
        """Say who was dropped."""
        names = self.names
        return [
            f"{names[key]} was {_DROPPED}: {self._right[key].mean():.1%} right, and "
            f"{names[leader]} has {self._right[leader].mean():.1%}"
            for key, leader in self._leaders.items()
        ]

    @property
    def _drops(self) -> bool:
        # It is told by the records on which one of two is right, which macro F1 does not count.
        return self.request.drop and self.request.score == "accuracy"

    def score_of(self, candidate: Candidate) -> float | None:
        """Give a candidate's mean score; None if it failed."""
        keys = [one.key for one in self.candidates]
        mean = self.results()[keys.index(candidate.key)].mean
        return None if math.isnan(mean) else mean

    def results(self) -> list[CandidateResult]:
        """Gather the scores of all candidates."""
        found, names = [], self.names
        for place, candidate in enumerate(self.candidates):
            key = candidate.key
            one = CandidateResult(names[key], dict(candidate.params), self.request.score)
            one.repeats = self.data.folds.repeats
            one.state = self._state.get(key, "")
            if len(self._known.get(place, [])) < len(self.data.folds.folds):
                self._known[place] = [_kept(*both) for both in self.found(place)()]
            one.folds = [score for score, _ in self._known[place]]
            sizes = [n_parameters for _, n_parameters in self._known[place]]
            one.parameters = round(sum(sizes) / len(sizes)) if sizes else 0
            found.append(one)
        return found

    def found(self, place: int) -> FoldResults:
        """Give what reads the fold results of a candidate, one at a time: they are large."""
        candidate, folds = self.candidates[place], self.data.folds.folds
        if self._state.get(candidate.key) == _DROPPED:  # whatever an earlier run has left there
            folds = folds[:_FIRST_FOLDS]
        facts = [self._facts(candidate, fold.number) for fold in folds]

        def read() -> Iterator[tuple[Fold, FoldResult]]:
            for one in facts:
                if (result := self.run.find(one)) is not None:
                    yield self.data.folds.folds[one.fold], result

        return read

    def out_of_fold(self) -> Iterator[OutOfFold]:
        """Read the probabilities of all candidates, one fold at a time."""
        for place in range(len(self.candidates)):
            for fold, result in self.found(place)():
                probabilities = np.exp(result.parts.blend)
                yield OutOfFold(place, fold.number, fold.test, probabilities)

    def _facts(self, candidate: Candidate, fold: int) -> FitFacts:
        return FitFacts(candidate.settings, fold, self.request.seed)

    def _fit(self, candidates: Sequence[Candidate], folds: Sequence[int]) -> None:
        # Fold by fold, so that what is there after a while is a fair comparison.
        names = self.names
        wanted = [
            (self._facts(candidate, fold), names[candidate.key])
            for fold in folds
            for candidate in candidates
        ]
        whole = len(folds) == len(self.data.folds.folds)
        first, last = folds[0] + 1, folds[-1] + 1
        some = f"folds {first} to {last}" if len(folds) > 1 else f"fold {first}"
        stage = "fits" if whole else some
        keys = {name: key for key, name in names.items()}
        for name, reason in self.run.fit(wanted, stage).items():
            self._state.setdefault(keys[name], f"failed: {reason}")

    def _drop(self, candidates: Sequence[Candidate]) -> None:
        n_folds = len(self.data.folds.folds)
        for candidate in candidates:
            if not self._state.get(candidate.key):
                self._right[candidate.key] = self._answers_right(candidate)
        good = {key: right for key, right in self._right.items() if not self._state.get(key)}
        if not good:
            return
        leader = max(good, key=lambda key: float(good[key].mean()))
        for key in (one.key for one in candidates if one.key in good and one.key != leader):
            if cannot_catch_up(good[key], good[leader], n_folds, _FIRST_FOLDS):
                self._state[key], self._leaders[key] = _DROPPED, leader

    def _readmitted(self) -> list[Candidate]:
        """Take those back that were dropped against one that failed later."""
        again = [key for key, leader in self._leaders.items() if self._state.get(leader)]
        for key in again:
            del self._state[key], self._leaders[key]
        return [one for one in self.candidates if one.key in again]

    def _answers_right(self, candidate: Candidate) -> NDArray[np.bool_]:
        classes = np.array(self.data.classes)
        found = []
        for fold in self.data.folds.folds[:_FIRST_FOLDS]:
            result = self.run.find(self._facts(candidate, fold.number))
            if result is None:
                continue
            answers = classes[result.parts.blend.argmax(axis=1)]
            found.append(answers == np.array(self.data.labels)[fold.test])
        return np.concatenate(found)


def _kept(fold: Fold, result: FoldResult) -> tuple[FoldScore, int]:
    """Keep the scores of a fold and the size of its network, and not its arrays."""
    blend, parts = result.scores["blend"], result.scores
    score = FoldScore(fold.number, **blend, seconds=result.seconds, parts=parts)
    return score, result.n_parameters


def _summary(
    data: FitData,
    request: TuneRequest,
    results: Sequence[CandidateResult],
    choice: Choice,
    notes: Sequence[str],
) -> dict[str, Any]:
    return {
        "question": "tune",
        "n_records": len(data.texts),
        "n_classes": len(data.classes),
        "n_folds": len(data.folds.folds),
        "repeats": data.folds.repeats,
        "score": request.score,
        "seed": request.seed,
        "fixed": dict(request.fixed),
        "chosen": results[choice.chosen].name,
        "best": results[choice.best].name,
        "fastest": results[choice.fastest].name,
        "reason": choice.reason,
        "notes": list(notes),
    }
