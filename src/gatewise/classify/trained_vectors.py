"""A fitted model -> the word vectors it ended with."""

from __future__ import annotations

from gatewise.base.errors import DataError
from gatewise.classify.model import FittedModel
from gatewise.text.tokens import tokenize
from gatewise.vectors.word_vectors import WordVectors

__all__ = ["trained_neighbours", "trained_vectors"]

_N_RESERVED = 2  # padding and the unknown word


def trained_vectors(model: FittedModel) -> WordVectors:
    """Take the word vectors out of a trained network.

    Parameters
    ----------
    model : FittedModel
        A fitted model.

    Returns
    -------
    WordVectors
        One vector for each word of the vocabulary, the frequent words first.
    """
    table = model.network.words.weight.detach().cpu().numpy()  # (V, E)
    return WordVectors(model.vocabulary.words[_N_RESERVED:], table[_N_RESERVED:])


def trained_neighbours(model: FittedModel, word: str, n: int = 10) -> list[tuple[str, float]]:
    """Find the words whose trained vectors point the same way as a word's.

    Parameters
    ----------
    model : FittedModel
        A fitted model.
    word : str
        As the user writes it; read as the model reads texts, so case makes no difference.
    n : int
        How many.

    Returns
    -------
    list of (str, float)
        Words with their cosine, -1 to 1, the closest first.

    Raises
    ------
    DataError
        If it is not one word, or the model does not know it; close spellings are named.
    ConfigError
        If ``n`` is below 1.
    """
    vectors = trained_vectors(model)
    if word in vectors:
        return vectors.neighbours(word, n)
    tokens = tokenize(word, model.language)
    if len(tokens) != 1:
        read = f"is read as {' + '.join(map(repr, tokens))}" if tokens else "has no word in it"
        raise DataError(f"{word!r} {read}; give one word")
    return vectors.neighbours(tokens[0], n)
