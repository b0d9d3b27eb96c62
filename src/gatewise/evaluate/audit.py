"""Out-of-fold probabilities -> labels that look wrong, twin texts, classes to rethink."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import DataError
from gatewise.base.optional import require
from gatewise.evaluate.duplicates import Twin, find_twins

__all__ = ["Audit", "ConfusedClasses", "Suspect", "audit_labels"]

Probabilities = NDArray[np.float64]
Numbers = NDArray[np.int64]

# Fewer records of a class are too few to say anything of it.
_FEW = 10
# Two classes are confused both ways when so large a share of each goes to the other.
_CONFUSED_SHARE, _CONFUSED_RECORDS = 0.1, 2
_LEAST = 1e-9  # that a probability counts as, at least


@dataclass(frozen=True)
class Suspect:
    """A record whose label looks wrong.

    Attributes
    ----------
    row : int
        Of the records, from 0.
    given, suggested : str
        Its label, and the one that a model which has not seen the record gives it.
    given_probability, suggested_probability : float
        What that model thinks of the two.
    is_flagged : bool
        Confident learning takes the label for wrong (Northcutt et al. 2021); the others are only
        answered differently.
    why : str
        In words.
    """

    row: int
    given: str
    suggested: str
    given_probability: float
    suggested_probability: float
    is_flagged: bool
    why: str


@dataclass(frozen=True)
class ConfusedClasses:
    """Two classes that are taken for each other, both ways.

    Attributes
    ----------
    first, second : str
        The classes.
    first_as_second, second_as_first : int
        Records.
    share : float
        Of all records of the two.
    """

    first: str
    second: str
    first_as_second: int
    second_as_first: int
    share: float


@dataclass(frozen=True)
class Audit:
    """What an audit has found.

    Attributes
    ----------
    suspects : list of Suspect
        Every record that is answered differently from its label, the most suspicious first.
    twins : list of Twin
        Records with nearly the same text and different labels.
    confused : list of ConfusedClasses
        Those to merge or to redefine, the worst first.
    small : dict of str to int
        Classes that are too small to judge, and their records.
    n_judged : int
        Records that a model has answered which had not seen them.
    notes : list of str
        What was not looked at.
    """

    suspects: list[Suspect]
    twins: list[Twin]
    confused: list[ConfusedClasses]
    small: dict[str, int]
    n_judged: int
    notes: list[str] = field(default_factory=list)


def audit_labels(
    texts: Sequence[str],
    labels: Sequence[str],
    classes: Sequence[str],
    probabilities: Probabilities,
) -> Audit:
    """Look for labels that are wrong.

    Parameters
    ----------
    texts, labels : sequence of str
        N records.
    classes : sequence of str
        The C classes, sorted.
    probabilities : ndarray of float64, shape (N, C)
        By models that had not seen the record; a row of nan for a record that none has judged.

    Returns
    -------
    Audit

    Raises
    ------
    DataError
        If the shapes do not fit, or no record was judged.
    MissingExtraError
        If cleanlab is not installed.
    """
    if probabilities.shape != (len(texts), len(classes)) or len(labels) != len(texts):
        raise DataError(
            f"{len(texts)} texts, {len(labels)} labels and {len(classes)} classes came with "
            f"probabilities of shape {probabilities.shape}; give one row per record and one column "
            "per class"
        )
    judged = np.flatnonzero(np.isfinite(probabilities).all(axis=1))
    if not len(judged):
        raise DataError("no record was judged by a model that has not seen it")
    number_of = {name: number for number, name in enumerate(classes)}
    given = np.array([number_of[label] for label in labels], dtype=np.int64)  # (N,)
    twins, notes = find_twins(texts, labels)
    twin_of: dict[int, int] = {}
    for twin in twins:  # the nearest pair is first
        twin_of.setdefault(twin.first, twin.second)
        twin_of.setdefault(twin.second, twin.first)
    suspects = [
        _suspect(row, given, classes, probabilities[row], is_flagged, twin_of.get(row))
        for row, is_flagged in _ranked(judged, given, probabilities)
    ]
    answers = probabilities[judged].argmax(axis=1)
    counts = Counter(labels)
    return Audit(
        suspects=suspects,
        twins=twins,
        confused=_confused(given[judged], answers, classes),
        small={name: counts[name] for name in classes if counts[name] < _FEW},
        n_judged=len(judged),
        notes=notes,
    )


def _ranked(
    judged: Numbers, given: Numbers, probabilities: Probabilities
) -> Iterator[tuple[int, bool]]:
    """Yield the records that are answered differently, the least likely label first.

    Likely by the logarithm of its probability, against the mean of its class: of a class that is
    hard to tell, a low probability says little.
    """
    found, labels = probabilities[judged], given[judged]
    own = found[np.arange(len(judged)), labels]  # (M,)
    logarithms = np.log(np.maximum(own, _LEAST))  # (M,)
    counts = np.maximum(np.bincount(labels, minlength=found.shape[1]), 1)  # (C,)
    means = np.bincount(labels, weights=logarithms, minlength=found.shape[1]) / counts  # (C,)
    surprise = logarithms - means[labels]  # (M,)
    flagged = _flagged(labels, found)
    order = np.lexsort((judged, surprise))
    for place in order[own[order] < found.max(axis=1)[order]]:
        yield int(judged[place]), bool(flagged[place])


def _flagged(given: Numbers, probabilities: Probabilities) -> NDArray[np.bool_]:
    """Let confident learning decide; it wants classes that are all there, numbered from 0."""
    cleanlab = require("cleanlab.filter", extra="audit", purpose="find labels that look wrong")
    present = np.unique(given)
    if len(present) < 2:
        return np.zeros(len(given), dtype=bool)
    kept = probabilities[:, present]
    kept = kept / np.maximum(kept.sum(axis=1, keepdims=True), 1e-12)
    numbers = np.searchsorted(present, given)
    return np.asarray(cleanlab.find_label_issues(numbers, kept, n_jobs=1), dtype=bool)


def _suspect(
    row: int,
    given: Numbers,
    classes: Sequence[str],
    probabilities: Probabilities,
    is_flagged: bool,
    twin: int | None,
) -> Suspect:
    suggested = int(probabilities.argmax())
    own, other = float(probabilities[given[row]]), float(probabilities[suggested])
    why = f"read without its label, it is {classes[suggested]} with {other:.0%}"
    why += f" and {classes[given[row]]} with {own:.0%}"
    if twin is not None:
        why += f"; nearly the same text has the label {classes[given[twin]]}"
    return Suspect(row, classes[given[row]], classes[suggested], own, other, is_flagged, why)


def _confused(given: Numbers, answers: Numbers, classes: Sequence[str]) -> list[ConfusedClasses]:
    """Find the pairs of which a good part goes to the other one, in both directions."""
    counts = Counter(zip(given.tolist(), answers.tolist(), strict=True))
    sizes = np.bincount(given, minlength=len(classes))
    found = []
    for (one, other), there in counts.items():
        back = counts.get((other, one), 0)
        if one < other and min(there, back) >= _CONFUSED_RECORDS:
            shares = there / sizes[one], back / sizes[other]
            if min(shares) >= _CONFUSED_SHARE:
                share = (there + back) / float(sizes[one] + sizes[other])
                found.append(ConfusedClasses(classes[one], classes[other], there, back, share))
    return sorted(found, key=lambda pair: (-pair.share, pair.first))
