"""What do the word vectors, the LSTM and the n-grams each bring? The same folds for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.base.config import check_choice
from gatewise.base.errors import ConfigError, DataError
from gatewise.base.progress import Progress, SilentProgress
from gatewise.base.seeding import numpy_generator
from gatewise.evaluate.paired import (
    Difference,
    corrected_t_test,
    error_of_macro_f1,
    error_of_records,
    mcnemar_test,
)
from gatewise.selection.candidates import Candidate
from gatewise.selection.choice import CandidateResult, FoldScore
from gatewise.selection.fits import FitData, FitFacts, learning_rows
from gatewise.selection.folds import Fold
from gatewise.selection.methods import METHODS, Method, check_open
from gatewise.selection.outcomes import FoldResult
from gatewise.selection.results import OOF, OutOfFold, write_out_of_fold, write_results
from gatewise.selection.runs import Run, open_run
from gatewise.selection.sizes import SCORES
from gatewise.selection.verdict import CurvePoint, Pair, verdict
from gatewise.selection.workers import Engine

__all__ = ["METHODS", "CompareRequest", "Comparison", "Method", "compare"]

SHARES = (0.1, 0.25, 0.5)

# What the forum's recipe takes of the user's settings.
_COMMON = ("language", "max_words", "device", "precision")


# First and second method, and the question that their difference answers.
_PAIRS = (
    ("lstm", "lstm-random", "vectors"),
    ("lstm", "lstm-frozen", "fine-tuning"),
    ("modern", "ngrams", "lstm"),
    ("modern", "lstm", "ngrams"),
    ("lstm", "averages", "order"),
    ("modern", "classic", "recipe"),
)


@dataclass(frozen=True)
class CompareRequest:
    """How to compare.

    Attributes
    ----------
    out : Path
        The run's folder. If it holds this very run, what is there is not done again.
    fixed : mapping
        Parameters of :class:`gatewise.TextClassifier` for our own recipe, none of them one that the
        methods differ in.
    score : {"accuracy", "macro_f1"}
        What methods are judged by.
    methods : sequence of str
        Keys of the methods, in any order.
    curve : bool
        Learn from 10, 25 and 50 % of the records as well.
    seed : int
        Of everything random.
    engine : Engine
        Where the fits are done.
    lines : sequence of int, optional
        Where each record stands in the user's file; positions from 1 by default.
    """

    out: Path
    fixed: Mapping[str, Any] = field(default_factory=dict)
    score: str = "accuracy"
    methods: Sequence[str] = tuple(method.key for method in METHODS)
    curve: bool = True
    seed: int = 0
    engine: Engine = field(default_factory=Engine)
    lines: Sequence[int] | None = None


@dataclass(frozen=True)
class Comparison:
    """What a comparison has found.

    Attributes
    ----------
    results : list of CandidateResult
        One per method that was asked for, in the order of ``METHODS``.
    chosen : int
        The quickest method that these data cannot tell from the best.
    pairs : list of Pair
        Which of two is better, and how surely.
    curve : list of CurvePoint
        What less data would have brought.
    conclusion : str
        A plain paragraph.
    notes : list of str
        What should be known of it.
    """

    results: list[CandidateResult]
    chosen: int
    pairs: list[Pair]
    curve: list[CurvePoint]
    conclusion: str
    notes: list[str]


def compare(data: FitData, request: CompareRequest, progress: Progress | None = None) -> Comparison:
    """Compare all methods on the same folds.

    Parameters
    ----------
    data : FitData
        Records and folds.
    request : CompareRequest
        How.
    progress : Progress, optional
        Told of everything.

    Returns
    -------
    Comparison

    Raises
    ------
    ConfigError
        If a setting is outside what is allowed, the folder holds something else, or a run is going
        on there.
    DataError
        If no method could be judged.
    """
    check_choice("score", request.score, SCORES)
    for key in request.methods:
        check_choice("the method", key, [method.key for method in METHODS])
    if not request.methods:
        raise ConfigError("no method is named; name one at least")
    check_open(request.fixed)
    for method in _asked(request):  # before a process is started
        Candidate({}, _settings(method, request)).check()
    about = {"question": "compare", "seed": request.seed}
    with open_run(request.out, data, about, request.engine, progress or SilentProgress()) as run:
        judged = _Judged(run, data, request)
        judged.fit()
        found = judged.conclude()
        notes = [*data.notes, *judged.notes, *run.notes()]
        found = Comparison(**{**vars(found), "notes": notes})
        write_results(request.out, found.results, found.chosen, _summary(data, request, found))
        lines = request.lines or range(1, len(data.texts) + 1)
        write_out_of_fold(request.out / OOF, judged.out_of_fold(), data.labels, data.classes, lines)
    return found


class _Judged:
    """The fits of a comparison, and what is read from them."""

    def __init__(self, run: Run, data: FitData, request: CompareRequest) -> None:
        self.run, self.data, self.request = run, data, request
        self.notes: list[str] = []
        self._reasons: dict[str, str] = {}
        self._truth = np.searchsorted(np.array(data.classes), np.array(data.labels))  # (N,)
        self._answers: dict[str, list[NDArray[np.int64]]] = {}  # fold by fold

    def fit(self) -> None:
        """Do the fits: several methods are parts of one."""
        folds, wanted = self.data.folds.folds, []
        for method in _asked(self.request):
            # A part is fitted with its whole, which has a row of its own or stands for it.
            wanted += [(self._facts(method, fold), method.title) for fold in folds]
        shares = SHARES if self.request.curve else ()
        for share in shares:
            title = f"{share:.0%} of the records"
            wanted += [(self._facts(METHODS[0], fold, share), title) for fold in folds]
        # Longest first, so that no long one is waited for at the end.
        wanted.sort(key=lambda one: (one[0].settings.get("recipe") != "classic", -one[0].share))
        failures = self.run.fit(wanted)
        for title, reason in failures.items():
            self._reasons[title] = reason
            self.notes.append(f"{title}: failed, {reason}")

    def conclude(self) -> Comparison:
        """Gather the scores, test the differences, say what follows."""
        asked = _asked(self.request)
        results, right = [], dict[str, NDArray[np.bool_]]()
        for method in asked:
            result, answers = self._result(method)
            results.append(result)
            if not result.state:
                right[method.key] = answers
        if not right:
            raise DataError(f"no method could be judged: {results[0].state}")
        by_key = {method.key: one for method, one in zip(asked, results, strict=True)}
        pairs = [
            self._pair(by_key, right, first, second, question)
            for first, second, question in _PAIRS
            if first in right and second in right
        ]
        curve = self._curve() if self.request.curve else []
        chosen = self._quickest(by_key, right)
        titles = {method.key: method.title for method in METHODS}
        return Comparison(
            results=results,
            chosen=[method.key for method in asked].index(chosen),
            pairs=pairs,
            curve=curve,
            conclusion=verdict(by_key, pairs, curve, chosen, titles, self._doubling(curve)),
            notes=[],
        )

    def out_of_fold(self) -> Iterator[OutOfFold]:
        """Read the probabilities of all methods, one fold at a time."""
        for place, method in enumerate(_asked(self.request)):
            for fold, result in self._found(method):
                probabilities = np.exp(getattr(result.parts, method.part))
                yield OutOfFold(place, fold.number, fold.test, probabilities)

    def _facts(self, method: Method, fold: Fold, share: float = 1.0) -> FitFacts:
        settings = _settings(method, self.request)
        return FitFacts(settings, fold.number, self.request.seed, method.kind, share)

    def _found(self, method: Method, share: float = 1.0) -> Iterator[tuple[Fold, FoldResult]]:
        for fold in self.data.folds.folds:
            result = self.run.find(self._facts(method, fold, share))
            if result is not None and method.part in result.scores:
                yield fold, result

    def _result(self, method: Method) -> tuple[CandidateResult, NDArray[np.bool_]]:
        result = CandidateResult(method.title, {"method": method.key}, self.request.score)
        result.repeats = self.data.folds.repeats
        sizes, right = [], []
        answers = self._answers[method.key] = []
        for fold, found in self._found(method):
            answers.append(getattr(found.parts, method.part).argmax(axis=1))
            right.append(answers[-1] == self._truth[fold.test])
            scores = found.scores[method.part]
            result.folds.append(
                FoldScore(
                    fold.number,
                    **scores,
                    seconds=found.part_seconds(method.part),
                    parts=found.scores,
                )
            )
            sizes.append(found.part_size(method.part))
        if len(sizes) < len(self.data.folds.folds):
            reason = next(
                (self._reasons[one.title] for one in METHODS if self._is_failed_like(one, method)),
                "there is no such part",
            )
            result.state = f"failed: {reason}"
            return result, np.zeros(0, dtype=bool)
        result.parameters = round(sum(sizes) / len(sizes))
        return result, np.concatenate(right)[self.data.folds.first_answers]

    def _pair(
        self,
        by_key: Mapping[str, CandidateResult],
        right: Mapping[str, NDArray[np.bool_]],
        first: str,
        second: str,
        question: str,
    ) -> Pair:
        tested = corrected_t_test(
            by_key[first].scores,
            by_key[second].scores,
            test_share=self._test_share,
            least_error=self._least_error(right, first, second),
        )
        # A difference of shares is no larger than one.
        tested = replace(tested, low=max(tested.low, -1.0), high=min(tested.high, 1.0))
        chance = mcnemar_test(right[first], right[second])
        return Pair(first, second, question, tested, chance, self.request.score == "accuracy")

    def _least_error(
        self, right: Mapping[str, NDArray[np.bool_]], first: str, second: str
    ) -> float:
        """Compute the error that the number of records leaves, whatever the folds say."""
        if self.request.score == "accuracy":
            return error_of_records(right[first], right[second])
        generator = numpy_generator(self.request.seed, f"macro F1/{first}/{second}")
        folds = self.data.folds
        answers = zip(folds.folds, self._answers[first], self._answers[second], strict=True)
        variances = [
            error_of_macro_f1(self._truth[fold.test], one, other, generator) ** 2
            for fold, one, other in answers
        ]
        # Repeats judge the same records again, which leaves the error as it is.
        n_answers = sum(len(fold.test) for fold in folds.folds)
        n_folds = len(folds.folds) * len(folds.first_answers) / n_answers
        return float(np.sqrt(np.mean(variances) / n_folds))

    @property
    def _test_share(self) -> float:
        folds = self.data.folds.folds
        return float(np.mean([len(fold.test) / len(fold.train) for fold in folds]))

    def _quickest(
        self, by_key: Mapping[str, CandidateResult], right: Mapping[str, NDArray[np.bool_]]
    ) -> str:
        """Find the quickest method that these data cannot tell from the best."""
        best = max(right, key=lambda key: by_key[key].mean)
        level = [
            key
            for key in right
            if key == best or self._pair(by_key, right, best, key, "level").is_level
        ]
        return min(level, key=lambda key: by_key[key].seconds)

    def _is_failed_like(self, one: Method, method: Method) -> bool:
        """Say whether one method failed, and is fitted as another one is."""
        same = (one.settings, one.kind) == (method.settings, method.kind)
        return same and one.title in self._reasons

    def _curve(self) -> list[CurvePoint]:
        points = []
        for share in (*SHARES, 1.0):
            found = [result.scores for _, result in self._found(METHODS[0], share)]
            if len(found) == len(self.data.folds.folds):
                parts = {
                    part: [scores[part][self.request.score] for scores in found]
                    for part in found[0]
                }
                points.append(CurvePoint(share, self._n_learnt(share), parts))
        return points

    def _doubling(self, curve: Sequence[CurvePoint]) -> Difference | None:
        """Test what the second half of the records has brought."""
        if [point.share for point in curve[-2:]] != [SHARES[-1], 1.0]:
            return None
        half, whole = (point.scores["blend"] for point in curve[-2:])
        error = 0.0
        if self.request.score == "accuracy":
            error = error_of_records(*map(self._right_with, (SHARES[-1], 1.0)))
        return corrected_t_test(whole, half, test_share=self._test_share, least_error=error)

    def _right_with(self, share: float) -> NDArray[np.bool_]:
        """Tell which records the whole answer gets right, having learnt from a share of them."""
        found = [
            result.parts.blend.argmax(axis=1) == self._truth[fold.test]
            for fold, result in self._found(METHODS[0], share)
        ]
        return np.concatenate(found)[self.data.folds.first_answers]

    def _n_learnt(self, share: float) -> int:
        labels, seed = self.data.labels, self.request.seed
        folds = self.data.folds.folds
        sizes = [len(learning_rows(labels, fold.train, share, seed)) for fold in folds]
        return round(sum(sizes) / len(sizes))


def _asked(request: CompareRequest) -> list[Method]:
    return [method for method in METHODS if method.key in request.methods]


def _settings(method: Method, request: CompareRequest) -> dict[str, Any]:
    fixed = dict(request.fixed)
    if "recipe" in method.settings:
        fixed = {name: value for name, value in fixed.items() if name in _COMMON}
    return {**fixed, **method.settings}


def _summary(data: FitData, request: CompareRequest, found: Comparison) -> dict[str, Any]:
    return {
        "question": "compare",
        "n_records": len(data.texts),
        "n_classes": len(data.classes),
        "n_folds": len(data.folds.folds),
        "repeats": data.folds.repeats,
        "score": request.score,
        "seed": request.seed,
        "fixed": dict(request.fixed),
        "chosen": found.results[found.chosen].name,
        "conclusion": found.conclusion,
        "pairs": [pair.to_plain() for pair in found.pairs],
        "curve": [point.to_plain() for point in found.curve],
        "notes": found.notes,
    }
