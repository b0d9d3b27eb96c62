"""``gatewise evaluate``: a model and labelled texts -> how good it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatewise.cli.console import check_out_file, remark, require_training, say, show
from gatewise.cli.options import DataArgument, LabelOption, ModelArgument, TextOption
from gatewise.cli.progress import open_progress
from gatewise.cli.tables import class_table, confused_table, part_table, remarks_on
from gatewise.text.accounts import counted

if TYPE_CHECKING:
    from gatewise.evaluate.evaluation import Evaluation

__all__ = ["evaluate", "show_evaluation"]

JsonOption = Annotated[
    Path | None,
    typer.Option(
        "--json",
        metavar="FILE",
        help="Write all scores as JSON; - for standard output, without the tables.",
        show_default=False,
    ),
]


def evaluate(
    model: ModelArgument,
    data: DataArgument,
    *,
    text: TextOption = None,
    label: LabelOption = None,
    json: JsonOption = None,
) -> None:
    """Measure a model on labelled texts that it was not trained on."""
    require_training("evaluate a model")
    from gatewise.base.files import json_bytes, write_bytes
    from gatewise.evaluate.evaluation import evaluate as score
    from gatewise.store.archive import load
    from gatewise.text.corpus import read_corpus

    to_output = str(json) == "-"
    check_out_file(None if to_output else json, model, data)
    classifier = load(model)
    corpus = read_corpus(data, text_column=text, label_column=label, min_labels=1)
    remark(corpus.summary())
    with open_progress() as progress:
        evaluation = score(classifier, corpus.texts, corpus.labels, progress=progress)
    content = json_bytes(evaluation.as_dict())
    if to_output:
        sys.stdout.buffer.write(content)
        return
    show_evaluation(evaluation)
    if json is not None:
        write_bytes(json, content)


def show_evaluation(evaluation: Evaluation) -> None:
    """Print the parts side by side, the worst classes and what is confused."""
    metrics = evaluation.blend
    say(counted(metrics.n_records, "record"), *remarks_on(metrics))
    if evaluation.n_wordless:
        say(
            f"{counted(evaluation.n_wordless, 'text')} without a word or number: a guess is "
            "counted here, which predict leaves out"
        )
    say("")
    show(part_table(evaluation))
    say("")
    show(class_table(metrics))
    if metrics.confused:
        say("")
        show(confused_table(metrics))
