"""The linear companion: tf-idf of word and character n-grams -> one score per class.

It errs where the LSTM does not: it has no order beyond two words, but every rare spelling is a
feature of its own. In short texts it also sees which two words stand near each other, in either
order. The features are those of the tokens, so it reads exactly what the network reads.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
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
from gatewise.text.tokens import has_unspaced_script

__all__ = [
    "CompanionConfig",
    "CountedNgrams",
    "NgramModel",
    "NgramVectorizer",
    "count_ngrams",
    "fit_ngrams",
    "ngram_terms",
]

_SPACED_ORDERS = (2, 3, 4, 5)
_UNSPACED_ORDERS = (1, 2, 3)
# Two words so many places apart still make a pair.
_REACH = 6
# A pair of words that stands in a single text would only learn that text by heart.
_MIN_PAIR_TEXTS = 2
# Margin of a class without a single text: one class against the rest rarely falls below -1.
_NEVER_SEEN = -2.0


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


class NgramVectorizer:
    """Tokenised texts -> counts of the n-grams chosen.

    Parameters
    ----------
    terms : sequence of str
        The n-grams in column order: first those of characters, ``c:`` before them, then pairs
        of words that stand apart, ``p:`` before them, then words and pairs of neighbours, ``w:``
        before them.

    Attributes
    ----------
    n_characters : int
        How many of the columns are character n-grams.
    """

    def __init__(self, terms: Sequence[str]) -> None:
        self.terms = tuple(terms)
        self.n_characters = sum(term.startswith("c:") for term in self.terms)
        self._counter = CountVectorizer(
            analyzer=functools.partial(
                ngram_terms,
                characters=self.n_characters > 0,
                apart=any(term.startswith("p:") for term in self.terms),
            ),
            vocabulary={term: column for column, term in enumerate(self.terms)},
            dtype=np.float32,
        )

    def counts(self, token_lists: Sequence[Sequence[str]]) -> Any:
        """Count the n-grams of each text: a sparse float32 matrix of shape (N, F)."""
        return self._counter.transform(token_lists)


@dataclass(frozen=True)
class NgramModel:
    """A fitted companion.

    Attributes
    ----------
    vectorizer : NgramVectorizer
        Knows the F n-grams.
    idf : ndarray of float32, shape (F,)
        Inverse document frequencies.
    weights : ndarray of float32, shape (F, C)
        One column per class.
    intercepts : ndarray of float32, shape (C,)
    """

    vectorizer: NgramVectorizer
    idf: NDArray[np.float32]
    weights: NDArray[np.float32]
    intercepts: NDArray[np.float32]

    def scores(self, token_lists: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        """Compute the margins of each text, float64, shape (N, C)."""
        return self.scores_of(self.vectorizer.counts(token_lists))

    def scores_of(self, counts: Any) -> NDArray[np.float64]:
        """Compute the margins of counted texts, (N, F) -> float64, (N, C)."""
        weighted = _tf_idf(counts, self.idf, self.vectorizer.n_characters)
        return np.asarray(weighted @ self.weights, dtype=np.float64) + self.intercepts


@dataclass(frozen=True)
class CountedNgrams:
    """N texts as counts of n-grams, ready to be fitted once or several times.

    Attributes
    ----------
    vectorizer : NgramVectorizer
        Knows the F n-grams.
    counts : sparse matrix of float32, shape (N, F)
        How often each stands in each text.
    """

    vectorizer: NgramVectorizer
    counts: Any

    def rows(self, numbers: NDArray[np.int64]) -> CountedNgrams:
        """Take some of the texts, and of the n-grams those that stand in them.

        An n-gram of other texts alone is not known to a model of these: were it kept, it would
        count in the length of the texts it stands in and so in how sure the model seems.
        """
        counts = self.counts[numbers]
        worth = _worth_a_column(counts, self.vectorizer.terms)
        if len(worth) == counts.shape[1]:
            return CountedNgrams(self.vectorizer, counts)
        terms = [self.vectorizer.terms[column] for column in worth]
        return CountedNgrams(NgramVectorizer(terms), counts[:, worth])

    def fit(
        self,
        targets: NDArray[np.int64],
        config: CompanionConfig,
        *,
        n_classes: int,
        seed: int,
        sample_weights: NDArray[np.float64] | None = None,
    ) -> NgramModel:
        """Fit the companion to these texts; see :func:`fit_ngrams`."""
        transformer = TfidfTransformer(sublinear_tf=True).fit(self.counts)
        idf = transformer.idf_.astype(np.float32)
        solver = LinearSVC(C=config.cost, random_state=seed, dual=True, max_iter=3000, tol=1e-3)
        weighted = _tf_idf(self.counts, idf, self.vectorizer.n_characters)
        solver.fit(weighted, targets, sample_weight=sample_weights)
        weights, intercepts = _one_column_per_class(solver, n_classes)
        return NgramModel(self.vectorizer, idf, weights, intercepts)


def fit_ngrams(
    token_lists: Sequence[Sequence[str]],
    targets: NDArray[np.int64],
    config: CompanionConfig,
    *,
    n_classes: int,
    seed: int,
    sample_weights: NDArray[np.float64] | None = None,
) -> NgramModel:
    """Fit the companion: a linear support vector machine, one class against the rest.

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
    counter = CountVectorizer(
        analyzer=functools.partial(
            ngram_terms,
            characters=mean_length < config.long_texts,
            apart=mean_length < config.short_texts,
        ),
        dtype=np.float32,
    )
    counts = counter.fit_transform(token_lists).tocsc()
    terms = counter.get_feature_names_out()
    kept = _worth_a_column(counts, terms)
    if len(kept) > config.max_features:
        totals = np.asarray(counts[:, kept].sum(axis=0)).ravel()
        commonest = np.argsort(-totals, kind="stable")[: config.max_features]
        kept = kept[np.sort(commonest)]
    vectorizer = NgramVectorizer([str(term) for term in terms[kept]])
    return CountedNgrams(vectorizer, counts[:, kept].tocsr())


def _worth_a_column(counts: Any, terms: Sequence[str]) -> NDArray[np.int64]:
    """Find the columns of n-grams that stand in a text, and of word pairs that stand in two."""
    n_texts = counts.getnnz(axis=0)
    wanted = [_MIN_PAIR_TEXTS if " " in term[2:] and term[0] != "c" else 1 for term in terms]
    return np.flatnonzero(n_texts >= np.array(wanted))


def ngram_terms(tokens: Sequence[str], *, characters: bool, apart: bool = False) -> list[str]:
    """List the n-grams of one text.

    Parameters
    ----------
    tokens : sequence of str
        The text.
    characters : bool
        With the n-grams of characters.
    apart : bool
        With the pairs of words that are not neighbours, whichever comes first.

    Returns
    -------
    list of str
        Words, pairs of neighbours in their order, and what was asked for.
    """
    terms = [f"w:{token}" for token in tokens]
    terms.extend(f"w:{first} {second}" for first, second in itertools.pairwise(tokens))
    if apart:
        terms.extend(_pairs_apart(tokens))
    if characters:
        for token in _character_units(tokens):
            terms.extend(_character_terms(token))
    return terms


def _pairs_apart(tokens: Sequence[str]) -> Iterator[str]:
    for place, first in enumerate(tokens):
        for second in tokens[place + 2 : place + _REACH + 1]:
            if first != second:
                yield f"p:{first} {second}" if first < second else f"p:{second} {first}"


def _character_units(tokens: Sequence[str]) -> Iterator[str]:
    """Words of spaced scripts one by one; a run of unspaced words as one piece of writing."""
    for unspaced, run in itertools.groupby(tokens, _is_unspaced):
        if unspaced:
            yield "".join(run)
        else:
            yield from (f" {token} " for token in run)


_is_unspaced = functools.lru_cache(maxsize=1 << 17)(has_unspaced_script)


@functools.lru_cache(maxsize=1 << 17)
def _character_terms(letters: str) -> tuple[str, ...]:
    orders = _SPACED_ORDERS if letters[0] == " " else _UNSPACED_ORDERS
    return tuple(
        f"c:{letters[start : start + order]}"
        for order in orders
        for start in range(len(letters) - order + 1)
    )


def _tf_idf(counts: Any, idf: NDArray[np.float32], n_characters: int) -> Any:
    """Weight counts as (1 + log count) * idf; characters and words each get length 1.

    The characters of a text outnumber its words by far, and would drown them in a common length.
    """
    weighted = counts.astype(np.float32)
    weighted.data = (1.0 + np.log(weighted.data)).astype(np.float32)
    weighted = weighted.multiply(idf).tocsr()
    blocks = (weighted[:, :n_characters], weighted[:, n_characters:])
    return sparse.hstack([normalize(block) for block in blocks if block.shape[1]], format="csr")


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
