"""The bundled help-desk tickets of an invented company, in English and Chinese."""

from __future__ import annotations

from importlib import resources

from gatewise.base.config import check_choice
from gatewise.text.corpus import Corpus, read_corpus, read_texts

__all__ = ["LANGUAGES", "load_tickets", "load_unlabelled_tickets"]

LANGUAGES = ("en", "zh")

_STEMS = {"en": "tickets", "zh": "tickets_zh"}


def load_tickets(split: str, language: str = "en") -> Corpus:
    """Read the labelled tickets.

    Parameters
    ----------
    split : {"train", "test"}
        Which of the two fixed parts.
    language : {"en", "zh"}
        Which set.

    Returns
    -------
    Corpus
        Texts and the queues they belong to.

    Raises
    ------
    ConfigError
        If there is no such part or set.
    """
    check_choice("split", split, ("train", "test"))
    check_choice("language", language, LANGUAGES)
    file = resources.files(__name__) / f"{_STEMS[language]}.{split}.csv"
    with resources.as_file(file) as path:
        return read_corpus(path, text_column="text", label_column="label")


def load_unlabelled_tickets(language: str = "en") -> list[str]:
    """Read the tickets without labels; the Chinese set has none.

    Raises
    ------
    ConfigError
        If there is no such set.
    """
    check_choice("language", language, LANGUAGES)
    file = resources.files(__name__) / f"{_STEMS[language]}.unlabelled.txt"
    if not file.is_file():
        return []
    with resources.as_file(file) as path:
        return read_texts(path).texts
