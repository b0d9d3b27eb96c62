"""Tokens -> their composed vectors, each composed once and remembered.

What a network reads of a token never changes: its word vector, the mean of its n-grams' vectors,
and the projection of both. Most tokens of a text are common ones, so most of a text is looked up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from gatewise.text.vocabulary import EncodedTexts, Vocabulary

__all__ = ["TokenVectors"]

Vectors = NDArray[np.float32]

_MOST_REMEMBERED = 1 << 14  # tokens
_NO_NUMBERS = np.empty(0, dtype=np.int64)
_ABSENT = -1


class _Table:
    """Vectors in the order in which their tokens came; the first is that of padding."""

    def __init__(self, n_rows: int, padding: Vectors) -> None:
        self.vectors = np.empty((n_rows, len(padding)), dtype=np.float32)  # (n_rows, E)
        self.vectors[0] = padding
        self.rows: dict[str, int] = {}

    def has_room_for(self, n_tokens: int) -> bool:
        return 1 + len(self.rows) + n_tokens <= len(self.vectors)

    def add(self, tokens: Sequence[str], vectors: Vectors) -> None:
        start = 1 + len(self.rows)
        self.vectors[start : start + len(tokens)] = vectors
        # Last, since other threads look here first.
        self.rows.update(zip(tokens, range(start, start + len(tokens)), strict=True))


class TokenVectors:
    """Looks vectors up; may be asked by several threads.

    Parameters
    ----------
    vocabulary : Vocabulary
        Words and n-grams.
    compose : callable
        Distinct tokens -> the vector of padding and of each of them, (1 + U, E).
    """

    def __init__(self, vocabulary: Vocabulary, compose: Callable[[EncodedTexts], Vectors]) -> None:
        self._vocabulary = vocabulary
        self._compose = compose
        self._lock = threading.Lock()
        self._table = _Table(1 + _MOST_REMEMBERED, compose(vocabulary.encode([]))[0])

    def look_up(self, token_lists: Sequence[Sequence[str]]) -> tuple[EncodedTexts, Vectors]:
        """Find the vectors of N texts.

        Parameters
        ----------
        token_lists : sequence of sequence of str
            The texts.

        Returns
        -------
        encoded : EncodedTexts
            The texts as positions into a table of tokens, without its words and n-grams.
        vectors : ndarray of float32, shape (at least 1 + U, E)
            The vector of padding, then of each token of the table.
        """
        table = self._table
        rows = [table.rows.get(token, _ABSENT) for tokens in token_lists for token in tokens]
        if _ABSENT in rows:
            table = self._extended(token for tokens in token_lists for token in tokens)
            rows = [table.rows[token] for tokens in token_lists for token in tokens]
        encoded = EncodedTexts(
            word_ids=_NO_NUMBERS,
            ngram_ids=_NO_NUMBERS,
            ngram_offsets=np.zeros(1, dtype=np.int64),
            tokens=np.array(rows, dtype=np.int64) - 1,
            offsets=np.cumsum([0, *map(len, token_lists)], dtype=np.int64),
        )
        return encoded, table.vectors

    def _extended(self, tokens: Iterable[str]) -> _Table:
        """Give a table that has all of these; of too many, it has no others."""
        distinct = list(dict.fromkeys(tokens))
        with self._lock:
            table = self._table
            missing = [token for token in distinct if token not in table.rows]
            if not table.has_room_for(len(missing)):
                # A new one: other threads may still read the old one.
                table = _Table(1 + max(_MOST_REMEMBERED, len(distinct)), table.vectors[0])
                missing = distinct
            table.add(missing, self._compose(self._vocabulary.encode([missing]))[1:])
            self._table = table
        return table
