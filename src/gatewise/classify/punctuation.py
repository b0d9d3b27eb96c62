"""Labelled texts -> whether punctuation is worth reading, tried out on them.

The signs of a tweet tell who wrote it, and its links; those of most other texts tell nothing that
their words don't, and cost time. So a linear model of words is judged with and without them, each
record by a model that has not seen it, and words only are read unless signs help beyond chance.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from gatewise.base.seeding import numpy_generator
from gatewise.classify.companion import CompanionConfig, fit_ngrams
from gatewise.classify.plan import choose_max_features, has_long_texts
from gatewise.classify.request import FitRequest, LabelledTexts
from gatewise.text.tokens import is_sign, leaves_signs_open, tokenize, with_signs

__all__ = ["settle_punctuation", "signs_help"]

_FEWEST_RECORDS, _MOST_RECORDS = 300, 4_000
_TO_SEE_LENGTH = 200  # records
_FEWEST_CLASSES = 2
_CHANCE = 0.01


def settle_punctuation(data: LabelledTexts, request: FitRequest) -> tuple[FitRequest, str | None]:
    """Settle whether a fit reads punctuation, where its language leaves that to the data.

    Parameters
    ----------
    data : LabelledTexts
        The training records.
    request : FitRequest
        The fit.

    Returns
    -------
    request : FitRequest
        With a language that leaves nothing open.
    note : str or None
        What the user should know of it.

    Raises
    ------
    ConfigError
        If there is no such language.
    """
    if not leaves_signs_open(request.language) or len(data.rows) < _FEWEST_RECORDS:
        return request, None
    generator = numpy_generator(request.seed, "punctuation")
    rows = generator.permutation(data.rows)[:_MOST_RECORDS]
    language = with_signs(request.language)
    token_lists = [tokenize(data.texts[row], language) for row in rows[:_TO_SEE_LENGTH]]
    if _are_long(token_lists):
        return request, None
    token_lists += [tokenize(data.texts[row], language) for row in rows[_TO_SEE_LENGTH:]]
    with_them, without = signs_help(token_lists, data.targets[rows], seed=request.seed)
    if with_them <= without:
        return request, None
    note = (
        f"punctuation is read too: of {len(rows):,} records, {with_them:,} are told by a linear "
        f"model that reads it and not by one of words only, {without:,} the other way round"
    )
    return replace(request, language=language), note


def signs_help(
    token_lists: Sequence[Sequence[str]], targets: NDArray[np.int64], *, seed: int
) -> tuple[int, int]:
    """Count the records that punctuation makes right, and those that it makes wrong.

    Parameters
    ----------
    token_lists : sequence of sequence of str
        N texts in any order that has nothing to do with their classes, punctuation included.
    targets : ndarray of int64, shape (N,)
        Their classes.
    seed : int
        Of the order in which the solver visits the records.

    Returns
    -------
    with_them, without : int
        Records that only a model with signs, and only one without, has right; both 0 where there
        are no signs, or the difference may be chance (McNemar 1947, in its exact form).
    """
    words = [_words_of(tokens) for tokens in token_lists]
    if not any(words) or sum(map(len, words)) == sum(map(len, token_lists)):
        return 0, 0
    right = _out_of_fold(token_lists, targets, seed)
    right_by_words = _out_of_fold(words, targets, seed)
    with_them = int((right & ~right_by_words).sum())
    without = int((right_by_words & ~right).sum())
    if not with_them:
        return 0, 0
    chance = binomtest(with_them, with_them + without, alternative="greater").pvalue
    return (with_them, without) if chance < _CHANCE else (0, 0)


def _are_long(token_lists: Sequence[Sequence[str]]) -> bool:
    return has_long_texts(sum(len(_words_of(tokens)) for tokens in token_lists) / len(token_lists))


def _words_of(tokens: Sequence[str]) -> list[str]:
    return [token for token in tokens if not is_sign(token)]


def _out_of_fold(
    token_lists: Sequence[Sequence[str]], targets: NDArray[np.int64], seed: int
) -> NDArray[np.bool_]:
    """Say of each record whether a model of the other half names its class, shape (N,)."""
    n_classes = int(targets.max()) + 1
    # Words and their neighbours: all that signs change, and quickly counted. With many classes
    # there is a limit to n-grams, as for the companion itself.
    config = CompanionConfig(choose_max_features(n_classes), short_texts=0, long_texts=0)
    found = np.full(len(targets), -1)  # (N,)
    by_class = np.argsort(targets, kind="stable")  # (N,)
    halves = np.sort(by_class[0::2]), np.sort(by_class[1::2])
    for known, asked in itertools.permutations(halves):
        learnt = [token_lists[row] for row in known]
        if len(np.unique(targets[known])) < _FEWEST_CLASSES or not any(learnt):
            continue
        model = fit_ngrams(learnt, targets[known], config, n_classes=n_classes, seed=seed)
        scores = model.scores([token_lists[row] for row in asked])  # (n_asked, C)
        found[asked] = scores.argmax(axis=1)
    right: NDArray[np.bool_] = found == targets  # (N,)
    return right
