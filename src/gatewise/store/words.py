"""Vocabulary and companion terms <-> JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gatewise.base.errors import ConfigError, ModelFileError
from gatewise.classify.ngrams import NgramModel
from gatewise.store.settings import check_keys, strings
from gatewise.text.vocabulary import UNKNOWN, Vocabulary

__all__ = ["words_from_json", "words_to_json"]

_N_RESERVED = UNKNOWN + 1


def words_to_json(vocabulary: Vocabulary, companion: NgramModel | None) -> dict[str, Any]:
    """List words, their counts, character n-grams and the companion's terms, by their numbers."""
    return {
        "words": list(vocabulary.words[_N_RESERVED:]),
        "counts": [int(count) for count in vocabulary.counts[_N_RESERVED:]],
        "ngrams": list(vocabulary.ngrams),
        "companion": None if companion is None else list(companion.terms),
    }


def words_from_json(values: Any, source: Path) -> tuple[Vocabulary, list[str] | None]:
    """Read the vocabulary and, where there is a companion, its terms.

    Raises
    ------
    ModelFileError
        If something is missing, stands twice or is of another type.
    """
    check_keys(values, {"words", "counts", "ngrams", "companion"}, source, "the vocabulary")
    words = strings(values["words"], source, "the words")
    ngrams = strings(values["ngrams"], source, "the character n-grams")
    counts, terms = values["counts"], values["companion"]
    if "" in words or "" in ngrams:
        raise ModelFileError(f"{source} has a word or n-gram without a letter")
    if not isinstance(counts, list) or any(type(count) is not int or count < 0 for count in counts):
        raise ModelFileError(f"{source} has counts of words that are not whole numbers from 0 up")
    if terms is not None:
        _check_terms(strings(terms, source, "the companion's n-grams"), source)
    try:
        return Vocabulary(words, counts, ngrams), terms
    except ConfigError as error:
        raise ModelFileError(f"{source} has a vocabulary that cannot be used: {error}") from error


def _check_terms(terms: list[str], source: Path) -> None:
    if not terms or len(set(terms)) != len(terms):
        raise ModelFileError(f"{source} has no n-gram for the companion, or one of them twice")
    if foreign := [term for term in terms if not term.startswith(("w:", "p:", "c:"))]:
        raise ModelFileError(
            f"{source} has the companion n-gram {foreign[0]!r:.60}; each must begin with 'w:', "
            "'p:' or 'c:'"
        )
