"""Tokens -> their composed vectors, each composed once and remembered.

What a network reads of a token never changes: its word vector, the mean of its n-grams' vectors,
and the projection of both. Most tokens of a text are common ones, so most of a text is looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from gatewise.classify.remembered import Remembered
from gatewise.text.vocabulary import EncodedTexts, Vocabulary

__all__ = ["TokenVectors"]

Vectors = NDArray[np.float32]

_MOST_REMEMBERED = 1 << 14  # tokens
_NO_NUMBERS = np.empty(0, dtype=np.int64)

_Compose = Callable[[Sequence[str]], Vectors]


class _Table:
    """Vectors in the order in which their tokens came; the first is that of padding."""

    def __init__(self, n_tokens: int, padding: Vectors, compose: _Compose) -> None:
        self.vectors = np.empty((1 + n_tokens, len(padding)), dtype=np.float32)  # (1 + n, E)
        self.vectors[0] = padding
        self.rows: dict[str, int] = {}
        self._compose = compose

    def has_room_for(self, n_tokens: int) -> bool:
        return 1 + len(self.rows) + n_tokens <= len(self.vectors)

    def add(self, tokens: Sequence[str]) -> None:
        start = 1 + len(self.rows)
        self.vectors[start : start + len(tokens)] = self._compose(tokens)
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
        padding = compose(vocabulary.encode([]))[0]  # (E,)

        def compose_all(tokens: Sequence[str]) -> Vectors:
            return compose(vocabulary.encode([tokens]))[1:]  # (U, E)

        self._remembered = Remembered(
            lambda n_tokens: _Table(max(_MOST_REMEMBERED, n_tokens), padding, compose_all)
        )

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
        rows, table = self._remembered.look_up(token_lists)
        encoded = EncodedTexts(
            word_ids=_NO_NUMBERS,
            ngram_ids=_NO_NUMBERS,
            ngram_offsets=np.zeros(1, dtype=np.int64),
            tokens=np.array(rows, dtype=np.int64) - 1,
            offsets=np.cumsum([0, *map(len, token_lists)], dtype=np.int64),
        )
        return encoded, table.vectors
