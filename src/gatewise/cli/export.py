"""``gatewise export``: a model's parts in other programs' formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatewise.base.config import check_choice
from gatewise.base.errors import ConfigError
from gatewise.cli.console import check_out_file, remark, require_training
from gatewise.cli.options import LabelOption, ModelArgument, TextOption

__all__ = ["export"]

_FORMATS = ("keras", "onnx", "word2vec")

_NOT_IN_ONNX = (
    "not in the file: how texts are cut into tokens, the vectors of words and character n-grams, "
    "the n-gram companion, and the calibration",
)

ToOption = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="|".join(_FORMATS),
        help="keras: the network, as a .keras file; onnx: the network, from vectors on; "
        "word2vec: the trained word vectors, as text, or binary if FILE ends in .bin.",
        show_default=False,
    ),
]
OutOption = Annotated[
    Path, typer.Option("--out", metavar="FILE", help="The file to write.", show_default=False)
]
Int8Option = Annotated[
    bool,
    typer.Option(
        "--int8",
        help="For onnx: weights of eight bits, a third of the size. Answers then depend a little "
        "on the texts of the same batch.",
    ),
]
DataOption = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="DATA",
        help="For --int8: labelled texts that the model was not trained on, to measure what it "
        "costs; any kind that evaluate reads.",
        show_default=False,
    ),
]


def export(
    model: ModelArgument,
    *,
    to: ToOption,
    out: OutOption,
    int8: Int8Option = False,
    data: DataOption = None,
    text: TextOption = None,
    label: LabelOption = None,
) -> None:
    """Write a model's network for other programs, or its word vectors for word2vec's readers."""
    check_choice("to", to, _FORMATS)
    check_out_file(out, model, data)
    if int8 and (to != "onnx" or data is None):
        raise ConfigError(
            "--int8 goes with --to onnx and with --data FILE, labelled texts to measure its cost on"
        )
    if data is not None and not int8:
        raise ConfigError("--data goes with --int8 and is not used for anything else")
    if data is None and (text or label):
        name = "--text" if text else "--label"
        raise ConfigError(f"{name} names a column of the file given with --data; leave it away")
    if to == "keras":
        _export_keras(model, out)
    elif data is not None:
        _export_int8(model, out, data, text, label)
    elif to == "onnx":
        _export_onnx(model, out)
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


def _export_onnx(model: Path, out: Path) -> None:
    from gatewise.store.onnx_export import write_onnx
    from gatewise.store.plain_archive import load_plain

    write_onnx(load_plain(model), out)
    remark(_NOT_IN_ONNX)


def _export_int8(model: Path, out: Path, data: str, text: str | None, label: str | None) -> None:
    from gatewise.store.onnx_export import write_int8
    from gatewise.store.plain_archive import load_plain
    from gatewise.text.corpus import read_corpus

    corpus = read_corpus(data, text_column=text, label_column=label, min_labels=1)
    remark(corpus.summary())
    found = write_int8(load_plain(model), out, corpus.texts, corpus.labels)
    remark([found.sentence, *_NOT_IN_ONNX])


def _export_vectors(model: Path, out: Path) -> None:
    require_training("open a model")
    from gatewise.classify.trained_vectors import trained_vectors
    from gatewise.store.archive import load
    from gatewise.vectors.word_vectors import write_word_vectors

    vectors = trained_vectors(load(model).model_)
    write_word_vectors(vectors, out, binary=out.suffix == ".bin")
