"""Word vectors -> vectors of the character n-grams that the words are spelt with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import PCA

__all__ = ["ngram_vectors"]

Rows = NDArray[np.float32]
Numbers = NDArray[np.int64]


def ngram_vectors(
    words: Rows, ngram_ids: Numbers, ngram_offsets: Numbers, size: int
) -> tuple[Numbers, Rows]:
    """Give each n-gram the mean of the words that hold it, along the words' main directions.

    What is left of a word's vector in the mean is what words with that n-gram have in common. So
    an unseen word starts near those that are spelt like it. fastText comes to the same from the
    other side: there a word's vector is made of its n-grams' (Bojanowski et al. 2017).

    Parameters
    ----------
    words : ndarray of float32, shape (V, E)
        One vector per word.
    ngram_ids : ndarray of int64, shape (n_spelt,)
        The n-grams of all words, one word behind the other.
    ngram_offsets : ndarray of int64, shape (V + 1,)
        Where each word begins in ``ngram_ids``.
    size : int
        Numbers an n-gram's vector may have.

    Returns
    -------
    numbers : ndarray of int64, shape (n,)
        The n-grams that are in a word, ascending.
    vectors : ndarray of float32, shape (n, min(size, V, E))
        Their vectors, with a mean of zero. The earlier numbers vary more than the later ones.
    """
    if not len(ngram_ids) or np.array_equal(words.min(axis=0), words.max(axis=0)):
        # Nothing to tell apart.
        return np.empty(0, dtype=np.int64), np.empty((0, 0), dtype=np.float32)
    n_directions = min(size, *words.shape)
    directions = PCA(n_directions, svd_solver="covariance_eigh").fit(words).components_  # (S, E)
    shorter = words @ directions.T  # (V, S)
    ones = np.ones(len(ngram_ids), dtype=np.float32)
    spelt = sparse.csr_array((ones, ngram_ids, ngram_offsets)).T.tocsr()  # (n_ngrams, V)
    counts = spelt.sum(axis=1)  # (n_ngrams,)
    numbers = np.flatnonzero(counts)  # (n,)
    means = (spelt @ shorter)[numbers] / counts[numbers, None]  # (n, S)
    return numbers, (means - means.mean(axis=0)).astype(np.float32)  # (n,), (n, S)
