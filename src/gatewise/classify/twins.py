"""Which held-out records are close to one that was learnt from.

Data sets hold near-duplicates: templates, a sentence asked twice, one writer's variations. Held out
at random they are easier than any text to come, and thresholds chosen on them are too strict.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from gatewise.classify.ngram_terms import ngram_terms

__all__ = ["fresh_records", "largest_similarities"]

_MOST_ASKED = 4_000  # records compared with all that were learnt from
# Cosine of words and pairs of neighbours from which on two texts are close.
_CLOSE = 0.6
_FEWEST_FRESH = 100
_AT_A_TIME = 100  # rows of similarities to all records


def largest_similarities(
    known: Sequence[Sequence[str]], asked: Sequence[Sequence[str]]
) -> NDArray[np.float64]:
    """Compute how similar each text is to the most similar one of those known.

    Parameters
    ----------
    known : sequence of sequence of str
        Tokenised texts that are learnt from.
    asked : sequence of sequence of str
        M others.

    Returns
    -------
    ndarray of float64, shape (M,)
        Cosines of tf-idf vectors of those words and pairs of neighbours that a known text has,
        from 0 to 1; of very many texts some are compared, and the others get a 1.
    """
    largest = np.ones(len(asked))
    places = np.linspace(0, len(asked) - 1, min(len(asked), _MOST_ASKED)).round().astype(np.int64)
    largest[places] = 0.0
    if not any(known):
        return largest
    vectoriser = TfidfVectorizer(analyzer=_terms, sublinear_tf=True, dtype=np.float32)
    theirs = vectoriser.fit_transform(known).T.tocsr()  # (F, N)
    ours = vectoriser.transform([asked[place] for place in places])  # (M, F)
    for start in range(0, len(places), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        largest[places[part]] = (ours[part] @ theirs).max(axis=1).toarray().ravel()
    return largest


def fresh_records(similarities: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which records are close to none that was learnt from; all, where too few are not.

    Parameters
    ----------
    similarities : ndarray of float64, shape (M,)
        Of :func:`largest_similarities`.

    Returns
    -------
    ndarray of bool, shape (M,)
    """
    fresh = similarities < _CLOSE
    return fresh if fresh.sum() >= _FEWEST_FRESH else np.ones(len(similarities), dtype=bool)


def _terms(tokens: Sequence[str]) -> list[str]:
    return ngram_terms(tokens, characters=False)
