"""Fitting the companion: which n-grams are worth a column, and a linear model of them.

A linear support vector machine of all classes at once (Crammer & Singer 2001), from scikit-learn.
"""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from gatewise.base.config import check_range, check_whole_number
from gatewise.base.errors import DataError
from gatewise.classify.ngram_terms import (
    REACH,
    count_characters,
    forget_runs,
    ngram_terms,
    pairs_apart,
    pairs_of_neighbours,
)
from gatewise.classify.ngrams import NgramModel

__all__ = ["CompanionConfig", "CountedNgrams", "count_ngrams", "fit_ngrams"]

# A pair of words that stands in a single text would only learn that text by heart.
_MIN_PAIR_TEXTS = 2
_SIEVE_BITS = 16, 28  # of the number of bytes: 64 KiB to 256 MiB
# Margin of a class without a single text: those of the others rarely fall below -1, and the largest
# of them never below 0.
_NEVER_SEEN = -2.0
# liblinear has one random generator for the process: fits in two threads, one of them perhaps left
# behind by a fit that was interrupted, would draw from each other's.
_LIBLINEAR = threading.Lock()


@dataclass(frozen=True)
class CompanionConfig:
    """What the linear companion looks at.

    Attributes
    ----------
    max_features : int
        At most so many n-grams are kept, those that stand most often.
    short_texts : int
        Below this mean number of tokens, words that are not neighbours make pairs too: short
        texts have few neighbours.
    long_texts : int
        From this mean number of tokens on, characters are left out: long texts have enough words.
    cost : float
        C of the linear support vector machine.
    """

    max_features: int = 300_000
    short_texts: int = 60
    long_texts: int = 150
    cost: float = 1.0

    def __post_init__(self) -> None:
        check_whole_number("max_features", self.max_features, 1, 100_000_000)
        check_whole_number("short_texts", self.short_texts, 0, 1_000_000)
        check_whole_number("long_texts", self.long_texts, 0, 1_000_000)
        check_range("cost", self.cost, 1e-6, 1e6)


@dataclass(frozen=True)
class CountedNgrams:
    """N texts as counts of n-grams, ready to be fitted once or several times.

    Attributes
    ----------
    terms : tuple of str
        The F n-grams, as in :class:`gatewise.classify.ngrams.NgramModel`.
    counts : sparse matrix of float32, shape (N, F)
        How often each stands in each text.
    """

    terms: tuple[str, ...]
    counts: Any

    def rows(self, numbers: NDArray[np.int64]) -> CountedNgrams:
        """Take some of the texts, and of the n-grams those that stand in them.

        An n-gram of other texts alone is not known to a model of these: were it kept, it would
        count in the length of the texts it stands in and so in how sure the model seems.
        """
        counts = self.counts[numbers]
        worth = _worth_a_column(counts, self.terms)
        return CountedNgrams(tuple(self.terms[column] for column in worth), counts[:, worth])

    def fit(
        self,
        targets: NDArray[np.int64],
        config: CompanionConfig,
        *,
        n_classes: int,
        seed: int,
        sample_weights: NDArray[np.float64] | None = None,
    ) -> NgramModel:
        """Fit the companion to these texts; see :func:`fit_ngrams`.

        Texts with the target ``n_classes`` belong to none: all classes learn to score them low.
        """
        transformer = TfidfTransformer(sublinear_tf=True).fit(self.counts)
        idf = transformer.idf_.astype(np.float32)
        solver = _solver(len(np.unique(targets)), config.cost, seed)
        weighted = _tf_idf(self.counts, idf, count_characters(self.terms))
        with _LIBLINEAR:
            solver.fit(weighted, targets, sample_weight=sample_weights)
        has_outside = bool((targets == n_classes).any())
        weights, intercepts = _one_column_per_class(solver, n_classes + has_outside)
        outside = np.append(weights[:, -1], intercepts[-1]) if has_outside else None
        inside = np.ascontiguousarray(weights[:, :n_classes])
        return NgramModel(self.terms, idf, inside, intercepts[:n_classes], outside)


def fit_ngrams(
    token_lists: Sequence[Sequence[str]],
    targets: NDArray[np.int64],
    config: CompanionConfig,
    *,
    n_classes: int,
    seed: int,
    sample_weights: NDArray[np.float64] | None = None,
) -> NgramModel:
    """Fit the companion: a linear support vector machine.

    Parameters
    ----------
    token_lists : sequence of sequence of str
        One sequence of tokens per text, N in all.
    targets : ndarray of int64, shape (N,)
        The class number of each text.
    config : CompanionConfig
        What to look at.
    n_classes : int
        C; a class that no target names gets the lowest score.
    seed : int
        Of the order in which the solver visits the texts.
    sample_weights : ndarray of float64, shape (N,), optional
        Weight of each text.

    Returns
    -------
    NgramModel

    Raises
    ------
    DataError
        If no text has a token.
    """
    counted = count_ngrams(token_lists, config)
    return counted.fit(
        targets, config, n_classes=n_classes, seed=seed, sample_weights=sample_weights
    )


def count_ngrams(token_lists: Sequence[Sequence[str]], config: CompanionConfig) -> CountedNgrams:
    """Choose the n-grams worth a column, and count them in each text.

    Raises
    ------
    DataError
        If no text has a token.
    """
    n_tokens = sum(map(len, token_lists))
    if not n_tokens:
        raise DataError(
            f"none of the {len(token_lists)} texts has a word or number in it; check that the "
            "right column was read"
        )
    mean_length = n_tokens / len(token_lists)
    terms_of = functools.partial(
        ngram_terms,
        characters=mean_length < config.long_texts,
        apart=mean_length < config.short_texts,
    )
    may_repeat = _pairs_that_may_repeat(token_lists, apart=mean_length < config.short_texts)
    counter = CountVectorizer(
        analyzer=lambda tokens: filter(may_repeat, terms_of(tokens)), dtype=np.float32
    )
    counts = counter.fit_transform(token_lists).tocsc()
    forget_runs()
    terms = counter.get_feature_names_out()
    kept = _worth_a_column(counts, terms)
    if len(kept) > config.max_features:
        totals = np.asarray(counts[:, kept].sum(axis=0)).ravel()
        commonest = np.argsort(-totals, kind="stable")[: config.max_features]
        kept = kept[np.sort(commonest)]
    return CountedNgrams(tuple(map(str, terms[kept])), counts[:, kept].tocsr())


def _pairs_that_may_repeat(
    token_lists: Sequence[Sequence[str]], *, apart: bool
) -> Callable[[str], bool]:
    """Find out beforehand which pairs stand in one text alone: most of them, and memory is dear.

    A sieve of one byte per hash: what it lets through wrongly is found when columns are chosen.
    """
    n_pairs = sum(map(len, token_lists)) * (REACH if apart else 1)
    size = 1 << int(np.clip(2 + n_pairs.bit_length(), *_SIEVE_BITS))
    sieve = bytearray(size)
    for tokens in token_lists:
        pairs = itertools.chain(pairs_of_neighbours(tokens), pairs_apart(tokens) if apart else ())
        for slot in {hash(pair) % size for pair in pairs}:
            if sieve[slot] < _MIN_PAIR_TEXTS:
                sieve[slot] += 1
    return lambda term: not _is_pair(term) or sieve[hash(term) % size] >= _MIN_PAIR_TEXTS


def _is_pair(term: str) -> bool:
    return " " in term[2:] and term[0] != "c"


def _worth_a_column(counts: Any, terms: Sequence[str]) -> NDArray[np.int64]:
    """Find the columns of n-grams that stand in a text, and of word pairs that stand in two."""
    n_texts = counts.getnnz(axis=0)
    wanted = [_MIN_PAIR_TEXTS if _is_pair(term) else 1 for term in terms]
    return np.flatnonzero(n_texts >= np.array(wanted))


def _tf_idf(counts: Any, idf: NDArray[np.float32], n_characters: int) -> Any:
    """Weight counts as (1 + log count) * idf; characters and words each get length 1.

    The characters of a text outnumber its words by far, and would drown them in a common length.
    """
    weighted = counts.astype(np.float32)
    weighted.data = (1.0 + np.log(weighted.data)).astype(np.float32)
    weighted = weighted.multiply(idf).tocsr()
    blocks = [weighted[:, :n_characters], weighted[:, n_characters:]]
    del weighted  # each of them is as large as all texts
    found = [normalize(block, copy=False) for block in blocks if block.shape[1]]
    return sparse.hstack(found, format="csr")


def _solver(n_found: int, cost: float, seed: int) -> LinearSVC:
    """Let all classes that were found compete for each text; of two, one border is enough."""
    common: dict[str, Any] = {"C": cost, "random_state": seed, "dual": True, "max_iter": 3000}
    if n_found == 2:
        return LinearSVC(tol=1e-3, **common)
    return LinearSVC(multi_class="crammer_singer", tol=1e-2, **common)


def _one_column_per_class(
    solver: LinearSVC, n_classes: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    weights = np.zeros((solver.coef_.shape[1], n_classes), dtype=np.float32)
    intercepts = np.full(n_classes, _NEVER_SEEN, dtype=np.float32)
    rows, offsets = solver.coef_, solver.intercept_
    if len(solver.classes_) == 2:  # scikit-learn keeps one row for two classes
        rows, offsets = np.concatenate([-rows, rows]), np.concatenate([-offsets, offsets])
    weights[:, solver.classes_] = rows.T
    intercepts[solver.classes_] = offsets
    return weights, intercepts
