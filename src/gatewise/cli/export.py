"""``gatewise export``: a model's parts in other programs' formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatewise.base.config import check_choice
from gatewise.cli.console import check_out_file, remark, require_training
from gatewise.cli.options import ModelArgument

__all__ = ["export"]

_FORMATS = ("keras", "word2vec")

ToOption = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="|".join(_FORMATS),
        help="keras: the network, as a .keras file; word2vec: the trained word vectors, as text, "
        "or binary if FILE ends in .bin.",
        show_default=False,
    ),
]
OutOption = Annotated[
    Path, typer.Option("--out", metavar="FILE", help="The file to write.", show_default=False)
]


def export(model: ModelArgument, *, to: ToOption, out: OutOption) -> None:
    """Write a model's network for Keras, or its word vectors for word2vec's readers."""
    check_choice("to", to, _FORMATS)
    check_out_file(out)
    if to == "keras":
        _export_keras(model, out)
    else:
        _export_vectors(model, out)
    remark([f"{out} written"])


def _export_keras(model: Path, out: Path) -> None:
    from gatewise.store.keras_model import write_keras
    from gatewise.store.plain_archive import load_plain

    plain = load_plain(model)
    write_keras(plain, out)
    lines = ["not in the file: how texts are cut into tokens, and the calibration"]
    if plain.vocabulary.ngrams:
        lines.append("nor the character n-grams: unknown words share one vector there")
    if plain.ngrams:
        lines.append("nor the n-gram companion: the file holds the LSTM alone")
    remark(lines)


def _export_vectors(model: Path, out: Path) -> None:
    require_training("open a model")
    from gatewise.classify.trained_vectors import trained_vectors
    from gatewise.store.archive import load
    from gatewise.vectors.word_vectors import write_word_vectors

    vectors = trained_vectors(load(model).model_)
    write_word_vectors(vectors, out, binary=out.suffix == ".bin")
