"""The texts of a fit -> their tokens, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gatewise.base.errors import DataError
from gatewise.base.progress import Progress
from gatewise.classify.request import FitRequest, LabelledTexts
from gatewise.text.stored_corpus import StoredTexts
from gatewise.text.token_table import TokenTable, join_tables, tabulate
from gatewise.text.tokens import tokenize

__all__ = ["tokenise"]


def tokenise(data: LabelledTexts, request: FitRequest) -> tuple[TokenTable, TokenTable]:
    """Cut all texts into tokens.

    Parameters
    ----------
    data : LabelledTexts
        The training records.
    request : FitRequest
        With the other texts, and the language.

    Returns
    -------
    tokens : TokenTable
        Of the training records and, behind them, of the validation records.
    unlabelled : TokenTable
        Of the texts without labels.

    Raises
    ------
    DataError
        If no training text has a token.
    """
    validation = request.validation.texts if request.validation else ()
    n_texts = len(data.texts) + len(validation) + len(request.unlabelled)
    request.progress.start("tokens", n_texts, "texts")

    def table(texts: Sequence[str]) -> TokenTable:
        return _table(texts, request.language, request.progress)

    tokens = table(data.texts)
    if not len(tokens.numbers):
        raise DataError(
            f"none of the {len(data.texts)} texts has a word or number in it; check that the right "
            "column was read"
        )
    return join_tables(tokens, table(validation)), table(request.unlabelled)


def _table(texts: Sequence[str], language: str, progress: Progress) -> TokenTable:
    """Take the tokens that were kept with texts, or make them."""
    if isinstance(texts, StoredTexts) and texts.language == language:
        progress.advance(len(texts))
        return texts.tokens

    def read() -> Iterator[list[str]]:
        for text in texts:
            yield tokenize(text, language)
            progress.advance(1)

    return tabulate(read())
