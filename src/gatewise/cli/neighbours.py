"""``gatewise neighbours``: the nearest words in a model's trained vectors."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from gatewise.cli.console import require_training, show, visible
from gatewise.cli.options import ModelArgument

__all__ = ["neighbours"]

WordArgument = Annotated[
    str, typer.Argument(metavar="WORD", help="A word that the model knows.", show_default=False)
]
NumberOption = Annotated[int, typer.Option("-n", "--number", metavar="N", help="How many words.")]


def neighbours(model: ModelArgument, word: WordArgument, *, number: NumberOption = 10) -> None:
    """Show the words whose trained vectors point the same way as a word's."""
    require_training("open a model")
    from gatewise.classify.trained_vectors import trained_neighbours
    from gatewise.store.archive import load

    table = Table("word", box=None, pad_edge=False)
    table.add_column("cosine", justify="right")
    for other, cosine in trained_neighbours(load(model).model_, word, number):
        table.add_row(visible(other), f"{cosine:.3f}")
    show(table)
