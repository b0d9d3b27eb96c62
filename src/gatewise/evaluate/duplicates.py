"""Texts -> those that are nearly the same: with different labels, or on both sides of a split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from gatewise.text.accounts import folded_text

__all__ = ["Twin", "find_leaks", "find_twins"]

# Cosine of the letter groups of two texts from which on they are nearly the same.
_NEAR = 0.9
_GROUP = 3  # letters
_ROWS_AT_A_TIME = 512
# Every pair is looked at, so the time grows with the square; beyond this, only equal texts are.
_MOST_TEXTS = 50_000


@dataclass(frozen=True)
class Twin:
    """Two records with nearly the same text.

    Attributes
    ----------
    first, second : int
        Rows, from 0.
    similarity : float
        Cosine of their letter groups, up to 1.
    """

    first: int
    second: int
    similarity: float


def find_twins(texts: Sequence[str], labels: Sequence[str]) -> tuple[list[Twin], list[str]]:
    """Find texts that stand, or nearly so, under another label as well.

    Parameters
    ----------
    texts, labels : sequence of str
        N records.

    Returns
    -------
    twins : list of Twin
        For each record that has one, the nearest of those behind it; the nearest pair first.
    notes : list of str
        What was not looked at.
    """
    nearest: dict[int, Twin] = {}
    for first, second, similarity in _near_pairs(texts, texts):
        if first < second and labels[first] != labels[second]:
            known = nearest.get(first)
            if known is None or similarity > known.similarity:
                nearest[first] = Twin(first, second, similarity)
    found = sorted(nearest.values(), key=lambda twin: (-twin.similarity, twin.first))
    return found, _notes(len(texts))


def find_leaks(texts: Sequence[str], others: Sequence[str]) -> tuple[list[Twin], list[str]]:
    """Find texts that stand, or nearly so, among others that should be new: a test file's.

    Parameters
    ----------
    texts, others : sequence of str
        What is learnt from, and what is judged on.

    Returns
    -------
    leaks : list of Twin
        ``first`` is a row of ``texts``, ``second`` one of ``others``; the nearest of each.
    notes : list of str
        What was not looked at.
    """
    nearest: dict[int, Twin] = {}
    for first, second, similarity in _near_pairs(texts, others):
        if second not in nearest or similarity > nearest[second].similarity:
            nearest[second] = Twin(first, second, similarity)
    return [nearest[second] for second in sorted(nearest)], _notes(max(len(texts), len(others)))


def _near_pairs(texts: Sequence[str], others: Sequence[str]) -> Iterator[tuple[int, int, float]]:
    if max(len(texts), len(others)) > _MOST_TEXTS:
        yield from _equal_pairs(texts, others)
        return
    yield from _equal_pairs(texts, others, shorter_than=_GROUP)
    first = [folded_text(text) for text in texts]
    second = first if others is texts else [folded_text(text) for text in others]
    if max(map(len, first), default=0) < _GROUP or max(map(len, second), default=0) < _GROUP:
        return
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(_GROUP, _GROUP), dtype=np.float32)
    # Of both: groups that only one side has are what makes two texts differ.
    vectorizer.fit(first if second is first else first + second)
    rows = vectorizer.transform(first)
    columns = vectorizer.transform(second).T.tocsc()
    for start in range(0, rows.shape[0], _ROWS_AT_A_TIME):
        block = (rows[start : start + _ROWS_AT_A_TIME] @ columns).tocoo()
        near = block.data >= _NEAR
        for row, column, value in zip(
            block.row[near].tolist(), block.col[near].tolist(), block.data[near], strict=True
        ):
            yield start + row, column, min(1.0, float(value))


def _equal_pairs(
    texts: Sequence[str], others: Sequence[str], *, shorter_than: int | None = None
) -> Iterator[tuple[int, int, float]]:
    places: dict[str, list[int]] = {}
    for place, text in enumerate(others):
        places.setdefault(folded_text(text), []).append(place)
    for row, text in enumerate(texts):
        folded = folded_text(text)
        if shorter_than is None or len(folded) < shorter_than:
            for place in places.get(folded, ()):
                yield row, place, 1.0


def _notes(n_texts: int) -> list[str]:
    if n_texts <= _MOST_TEXTS:
        return []
    return [
        f"with more than {_MOST_TEXTS:,} texts only those that are equal were looked for, and not "
        "those that are nearly so"
    ]
