"""Word vectors: a matrix with a word for each row, its nearest words, and its files."""

from __future__ import annotations

import difflib
import functools
import itertools
import numbers
import os
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import ConfigError, DataError
from gatewise.vectors.vector_files import read_vector_file, write_vector_file

__all__ = ["DEFAULT_MAX_BYTES", "WordVectors", "read_word_vectors", "write_word_vectors"]

DEFAULT_MAX_BYTES = 8 << 30  # 3 million words of 300 numbers take half of it

_MAX_SPELLINGS = 20_000  # words compared for a message: the first, which are the frequent ones
_DIGITS = 12  # of a cosine; what follows is rounding noise and must not decide an order


@dataclass(frozen=True, repr=False, eq=False)
class WordVectors:
    """A vector for each of V words.

    Parameters
    ----------
    words : sequence of str
        V words, each once; usually the frequent ones first. Kept as a tuple.
    matrix : ndarray of shape (V, E), float32
        One row per word, finite. Other real dtypes are converted. A float32 matrix is not
        copied: it is held through a read-only view.
    notes : tuple of str
        What reading left out, in sentences; empty if nothing.

    Raises
    ------
    ConfigError
        If the matrix is no matrix of V rows and at least one column.
    DataError
        If a word comes twice or a number is not finite.
    """

    words: Sequence[str]
    matrix: NDArray[np.float32]
    notes: tuple[str, ...] = ()
    _row_of: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        words = tuple(self.words)
        matrix = _as_matrix(self.matrix, len(words))
        row_of = {word: row for row, word in enumerate(words)}
        if len(row_of) < len(words):
            row = next(row for row, word in enumerate(words) if row_of[word] != row)
            raise DataError(
                f"the word {words[row]!r} stands in rows {row} and {row_of[words[row]]}; "
                "each word may have one vector"
            )
        _check_finite(matrix, words)
        for name, value in (("words", words), ("matrix", matrix), ("_row_of", row_of)):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"WordVectors({len(self)} words, {self.dimension} dimensions)"

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._row_of

    @property
    def dimension(self) -> int:
        """E, the numbers per vector."""
        return int(self.matrix.shape[1])

    def vector(self, word: str) -> NDArray[np.float32]:
        """Look up the vector of a word.

        Parameters
        ----------
        word : str
            One of the words.

        Returns
        -------
        ndarray of shape (E,), float32
            Its row of the matrix, read-only.

        Raises
        ------
        DataError
            If the word has no vector; close spellings are named.
        """
        vector: NDArray[np.float32] = self.matrix[self._row(word)]  # (E,)
        return vector

    def neighbours(
        self, word_or_vector: str | NDArray[np.floating[Any]], n: int = 10
    ) -> list[tuple[str, float]]:
        """Find the words whose vectors point the same way.

        Parameters
        ----------
        word_or_vector : str or ndarray of shape (E,)
            A word, which is left out of its own neighbours, or any finite vector.
        n : int
            How many; fewer come back if there are fewer words.

        Returns
        -------
        list of (str, float)
            Words with their cosine, -1 to 1, the closest first; equal ones in the order of the
            words. A vector of zeros has the cosine 0 with every other.

        Raises
        ------
        ConfigError
            If ``n`` is below 1 or the vector has another size or is not finite.
        DataError
            If the word has no vector.
        """
        if not isinstance(n, numbers.Integral) or n < 1:
            raise ConfigError(f"n={n!r} is not allowed: ask for 1 neighbour or more")
        if isinstance(word_or_vector, str):
            own_row = self._row(word_or_vector)
            cosines = self._cosines(self.matrix[own_row])  # (V,)
            cosines[own_row] = -np.inf
            n_others = len(self) - 1
        else:
            cosines = self._cosines(self._checked(word_or_vector))  # (V,)
            n_others = len(self)
        rows = _rows_of_largest(cosines, min(n, n_others))
        return [(self.words[row], float(cosines[row])) for row in rows]

    def restricted_to(self, words: Iterable[str]) -> WordVectors:
        """Keep only some words, in the order they have here.

        Parameters
        ----------
        words : iterable of str
            The words to keep; those without a vector make no difference.

        Returns
        -------
        WordVectors
            A copy with the kept rows and the same notes.
        """
        kept = set(words)
        rows = [row for row, word in enumerate(self.words) if word in kept]
        return WordVectors([self.words[row] for row in rows], self.matrix[rows], self.notes)

    def _row(self, word: str) -> int:
        row = self._row_of.get(word)
        if row is None:
            raise DataError(
                f"the word {word!r} is not among the {len(self)} words that have a vector; "
                f"{_advice(word, self.words)}"
            )
        return row

    def _checked(self, given: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        vector = np.asarray(given)
        is_real = vector.dtype.kind in "fiu" and np.isfinite(vector).all()
        if vector.shape != (self.dimension,) or not is_real:
            raise ConfigError(
                f"a vector of shape {vector.shape} is not allowed here: give {self.dimension} "
                "finite numbers, or a word"
            )
        return vector

    def _cosines(self, vector: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        query = vector.astype(np.float64)  # (E,)
        largest = np.abs(query).max()
        if largest > 0:
            query /= largest  # so that no square overflows
            query /= np.sqrt(query @ query)
        # einsum casts in small pieces; a matrix product would copy the matrix to float64.
        dots = np.einsum("ve,e->v", self.matrix, query)  # (V,)
        cosines: NDArray[np.float64] = np.round(dots * self._inverse_norms, _DIGITS)
        return cosines  # (V,)

    @functools.cached_property
    def _inverse_norms(self) -> NDArray[np.float64]:
        """Hold 1 / norm of each row, (V,), and 0 for a row of zeros."""
        squares = np.einsum("ve,ve->v", self.matrix, self.matrix, dtype=np.float64)  # (V,)
        norms = np.sqrt(squares)  # (V,)
        inverse: NDArray[np.float64] = np.zeros_like(norms)  # (V,)
        np.divide(1.0, norms, out=inverse, where=norms > 0)
        return inverse


def read_word_vectors(
    path: str | os.PathLike[str],
    *,
    wanted: Set[str] | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> WordVectors:
    """Read word2vec (text or binary), GloVe or fastText vectors, packed by gzip or not.

    The format is recognised from the content. The file is read as a stream, so that with
    ``wanted`` a file of millions of words takes little memory.

    Parameters
    ----------
    path : str or path
        The file.
    wanted : set of str, optional
        Keep only these words; those the file does not have make no difference.
    max_bytes : int
        The most memory for the words and vectors that are kept, in bytes.

    Returns
    -------
    WordVectors
        In the file's order. Repeated words keep their first vector, and ``notes`` counts them.

    Raises
    ------
    ConfigError
        If ``max_bytes`` is below 1.
    DataError
        If the file cannot be read, is damaged, contradicts its first line, holds a number that
        is not finite, or more than ``max_bytes``.

    Notes
    -----
    A text row is split from the right, so that GloVe's words with spaces are read; a word with
    spaces that ends in a number is refused, because it cannot be told from a row too long.
    """
    if max_bytes < 1:
        raise ConfigError(f"max_bytes={max_bytes!r} is not allowed: give 1 or more")
    return WordVectors(*read_vector_file(Path(path), wanted=wanted, max_bytes=max_bytes))


def write_word_vectors(
    vectors: WordVectors, path: str | os.PathLike[str], *, binary: bool = False
) -> None:
    """Write vectors in a format of word2vec, which gensim and most other tools read.

    Parameters
    ----------
    vectors : WordVectors
        What to write; reading it again gives the same words and the same float32, bit for bit.
    path : str or path
        The file, replaced atomically. A name that ends in ``.gz`` is packed by gzip.
    binary : bool
        Write the binary format instead of text.

    Raises
    ------
    DataError
        If a word is empty or has white space in it, which these formats cannot carry.
    """
    write_vector_file(Path(path), vectors.words, vectors.matrix, binary=binary)


def _as_matrix(values: object, n_words: int) -> NDArray[np.float32]:
    matrix = np.asarray(values)
    if matrix.ndim != 2 or matrix.shape[0] != n_words or matrix.shape[1] < 1:
        raise ConfigError(
            f"a matrix of shape {matrix.shape} does not fit {n_words} words: give one row of at "
            "least one number for each word"
        )
    if matrix.dtype.kind not in "fiu":
        raise ConfigError(f"a matrix of dtype {matrix.dtype} is not allowed: give real numbers")
    with np.errstate(over="ignore"):  # what overflows is infinite, and refused as such
        matrix = np.ascontiguousarray(matrix, dtype=np.float32).view()  # (V, E)
    matrix.flags.writeable = False
    return matrix


def _check_finite(matrix: NDArray[np.float32], words: Sequence[str]) -> None:
    with np.errstate(invalid="ignore"):
        # A float64 sum of finite float32 is finite, and takes no memory as a mask would.
        if np.isfinite(matrix.sum(dtype=np.float64)):
            return
        row = int(np.flatnonzero(~np.isfinite(matrix.sum(axis=1, dtype=np.float64)))[0])
    column = int(np.flatnonzero(~np.isfinite(matrix[row]))[0])
    raise DataError(
        f"the vector of {words[row]!r} (row {row}) has {matrix[row, column]} as float32 in column "
        f"{column}; every number must be finite"
    )


def _rows_of_largest(values: NDArray[np.float64], n: int) -> NDArray[np.intp]:
    """Find the rows of the n largest values, the largest first, equal ones in order of rows."""
    if n < 1:
        return np.empty(0, dtype=np.intp)
    threshold = np.partition(values, -n)[-n]
    rows = np.flatnonzero(values >= threshold)  # n rows, or more if some are equal
    return rows[np.argsort(-values[rows], kind="stable")][:n]


def _advice(word: str, words: Sequence[str]) -> str:
    """Name close spellings, looked for among words of like length and like end or start."""
    similar = (
        other
        for other in words
        if abs(len(other) - len(word)) <= 2 and (other[:1] == word[:1] or other[-1:] == word[-1:])
    )
    close = difflib.get_close_matches(word, itertools.islice(similar, _MAX_SPELLINGS))
    if not close:
        return "no word is spelled like it"
    return f"close spellings: {', '.join(map(repr, close))}"
