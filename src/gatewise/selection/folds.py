"""Records -> folds: stratified, grouped, repeated, or in the order of time."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from gatewise.base.config import check_whole_number
from gatewise.base.errors import ConfigError, DataError
from gatewise.base.seeding import derive_seed

__all__ = ["Fold", "Folds", "make_folds", "read_times"]

Numbers = NDArray[np.int64]

# Folds of which one has more times as many records as another are worth a word.
_UNEVEN = 2


@dataclass(frozen=True)
class Fold:
    """One way to part the records.

    Attributes
    ----------
    number : int
        From 0, through all repeats.
    train, test : ndarray of int64
        Rows to learn from and to be judged on, ascending.
    """

    number: int
    train: Numbers
    test: Numbers


@dataclass(frozen=True)
class Folds:
    """All of them, and what should be known of them.

    Attributes
    ----------
    folds : list of Fold
        In order.
    notes : list of str
        Which classes are too small for them, for example.
    repeats : int
        How often each record is judged.
    """

    folds: list[Fold]
    notes: list[str] = field(default_factory=list)
    repeats: int = 1

    @property
    def first_answers(self) -> Numbers:
        """Where each record's first answer stands among those of all folds, one behind the other.

        With repeats a record is answered several times, which makes it no surer in a test that
        counts records.
        """
        _, places = np.unique(np.concatenate([fold.test for fold in self.folds]), return_index=True)
        return places


def make_folds(
    labels: Sequence[Any],
    n_folds: int,
    *,
    seed: int,
    repeats: int = 1,
    groups: Sequence[Any] | None = None,
    times: Sequence[Any] | None = None,
) -> Folds:
    """Part records so that each is judged by a model that has not seen it.

    Parameters
    ----------
    labels : sequence, length N
        The classes; every fold gets its share of each.
    n_folds : int
        How many parts.
    seed : int
        Of the order of the records.
    repeats : int
        How many times, each with another order.
    groups : sequence, length N, optional
        Records of one group (a customer, a conversation) stay together.
    times : sequence, length N, optional
        Anything that sorts: each fold then learns from what was earlier than it is judged on, and
        the earliest part is judged by none. Records of one time stay together.

    Returns
    -------
    Folds

    Raises
    ------
    ConfigError
        If a number is outside what is allowed, or two demands do not go together.
    DataError
        If there are fewer records, groups or records of the largest class than folds, not more
        different times than folds, or a record without its group or time.
    """
    check_whole_number("folds", n_folds, 2, 1000)
    check_whole_number("repeats", repeats, 1, 1000)
    _check_columns(len(labels), groups=groups, times=times)
    if times is not None:
        if groups is not None or repeats > 1:
            raise ConfigError("folds in the order of time have neither groups nor repeats")
        return _by_time(labels, n_folds, times)
    notes = _check_sizes(labels, n_folds, groups)
    targets = np.unique(np.asarray(labels, dtype=str), return_inverse=True)[1]
    folds: list[Fold] = []
    for repeat in range(repeats):
        state = derive_seed(seed, f"folds/{repeat}") % (1 << 32)
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        splitter = kind(n_splits=n_folds, shuffle=True, random_state=state)
        for train, test in _quietly(splitter, targets, groups):
            folds.append(Fold(len(folds), train, test))
    if groups is not None:
        notes += _group_notes(folds, targets)
    return Folds(folds, notes, repeats)


def read_times(values: Sequence[str], lines: Sequence[int], column: str) -> list[float]:
    """Read a column of times, all numbers or all ISO 8601 dates, as something that sorts.

    Dates without a time zone are UTC, so that the order is the same on every machine.

    Raises
    ------
    DataError
        If one is neither.
    """
    readings = [list(map(read, values)) for read in (_number, _date)]
    for found in readings:
        if None not in found:
            return [time for time in found if time is not None]
    likeliest = min(readings, key=lambda found: found.count(None))
    bad = likeliest.index(None)
    raise DataError(
        f"line {lines[bad]} has {values[bad]!r:.40} in the column {column!r}; all must be numbers, "
        "or all dates such as 2026-11-25 or 2026-11-25T18:30:00"
    )


def _number(value: str) -> float | None:
    with contextlib.suppress(ValueError):
        if math.isfinite(number := float(value)):
            return number
    return None


def _date(value: str) -> float | None:
    with contextlib.suppress(ValueError, OverflowError):
        read = datetime.fromisoformat(value.strip())
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    return None


def _check_columns(n_records: int, **columns: Sequence[Any] | None) -> None:
    for name, values in columns.items():
        if values is not None and len(values) != n_records:
            raise ConfigError(f"{n_records} labels came with {len(values)} {name}")
        if values is not None:
            _check_values(name, values)


def _check_values(name: str, values: Sequence[Any]) -> None:
    missing = [number for number, value in enumerate(values, 1) if _is_missing(value)]
    if missing:
        raise DataError(f"record {missing[0]} has none of the {name}; give it one, or leave it out")
    if name != "times":
        return
    try:
        sorted(values)
    except TypeError as error:
        raise DataError(
            f"the {name} do not sort ({error}); give numbers alone, texts alone or dates alone"
        ) from error


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _check_sizes(labels: Sequence[Any], n_folds: int, groups: Sequence[Any] | None) -> list[str]:
    counts = Counter(map(str, labels))
    largest = max(counts.values(), default=0)
    if largest < n_folds:
        way_out = "ask for fewer folds" if largest > 1 else "give classes with several records"
        raise DataError(
            f"{n_folds} folds need a class of {n_folds} records at least, and the largest has "
            f"{largest}; {way_out}"
        )
    if groups is not None and (n_groups := len(set(groups))) < n_folds:
        raise DataError(f"{n_folds} folds need as many groups, and there are {n_groups}")
    small = sorted(label for label, count in counts.items() if count < n_folds)
    if not small:
        return []
    named = ", ".join(f"{label!r} ({counts[label]})" for label in small[:10])
    more = f" and {len(small) - 10} more" if len(small) > 10 else ""
    return [
        f"{len(small)} of {len(counts)} classes have fewer records than the {n_folds} folds, so "
        f"some folds are not judged on them, or learn nothing of them: {named}{more}"
    ]


def _quietly(
    splitter: StratifiedKFold | StratifiedGroupKFold,
    targets: Numbers,
    groups: Sequence[Any] | None,
) -> list[tuple[Numbers, Numbers]]:
    """Split; small classes are told of in our own notes, and not by a warning as well."""
    counts = np.bincount(targets)
    # Classes with fewer records than folds share one number for scikit-learn: they are spread
    # evenly all the same.
    merged = np.where(counts[targets] < splitter.n_splits, -1, targets)
    if (merged == -1).sum() in range(1, splitter.n_splits):
        merged = np.where(merged == -1, int(counts.argmax()), merged)
    return list(splitter.split(np.zeros(len(targets)), merged, groups))


def _group_notes(folds: Sequence[Fold], targets: Numbers) -> Iterator[str]:
    """Tell what large groups have done to the folds."""
    sizes = [len(fold.test) for fold in folds]
    if max(sizes) > _UNEVEN * min(sizes):
        yield (
            f"the records of a group stay together, so folds have {min(sizes):,} to {max(sizes):,} "
            "records; each counts the same in a mean, and that of few records varies the most"
        )
    n_unseen = sum(int((~np.isin(targets[one.test], targets[one.train])).sum()) for one in folds)
    if n_unseen:
        yield (
            f"{n_unseen:,} answers are to a record whose class only its own fold has, and can only "
            "be wrong"
        )


def _by_time(labels: Sequence[Any], n_folds: int, times: Sequence[Any]) -> Folds:
    if len(labels) <= n_folds:
        raise DataError(f"{n_folds} folds in the order of time need more than {n_folds} records")
    order = np.array(sorted(range(len(times)), key=lambda row: times[row]), dtype=np.int64)
    cuts = _cuts([times[row] for row in order], n_folds)
    known = np.asarray(labels, dtype=str)
    folds, n_unseen = [], 0
    for number, (begin, end) in enumerate(itertools.pairwise(cuts)):
        earlier, later = np.sort(order[:begin]), np.sort(order[begin:end])
        n_unseen += int((~np.isin(known[later], known[earlier])).sum())
        folds.append(Fold(number, earlier, later))
    notes = [
        f"{len(folds[0].train):,} records, the earliest, are learnt from and judged by no fold"
    ]
    if n_unseen:
        notes.append(f"{n_unseen:,} records have a class that no earlier record has")
    return Folds(folds, notes)


def _cuts(times: Sequence[Any], n_folds: int) -> list[int]:
    """Cut sorted times into parts of about one size, and never between equal ones.

    Each cut goes to the nearest place where the time changes, of those that leave the other cuts
    one each.
    """
    changes = [row for row in range(1, len(times)) if times[row - 1] != times[row]]
    if len(changes) < n_folds:
        raise DataError(
            f"{n_folds} folds in the order of time need {n_folds + 1} different times, and there "
            f"are {len(changes) + 1}; ask for fewer folds, or give finer times"
        )
    size = len(times) // (n_folds + 1)
    cuts, first = [], 0
    for left in range(n_folds, 0, -1):
        ideal = len(times) - left * size
        last = len(changes) - left
        place = min(range(first, last + 1), key=lambda one: abs(changes[one] - ideal))
        cuts.append(changes[place])
        first = place + 1
    return [*cuts, len(times)]
