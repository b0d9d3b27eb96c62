"""``gatewise train``: labelled texts -> a model."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gatewise.base.errors import ConfigError
from gatewise.cli.console import remark, require_training, say, show
from gatewise.cli.options import DataArgument, LabelOption, RestartOption, TextOption
from gatewise.cli.progress import open_progress
from gatewise.cli.settings import given_settings, with_settings
from gatewise.cli.tables import epochs_told, fact_table, held_out_facts, share
from gatewise.cli.training_engine import (
    AddressOption,
    EngineOption,
    GpuOption,
    ThreadsOption,
    WorkersOption,
    open_trainer,
)

if TYPE_CHECKING:
    from gatewise.classify.classifier import TextClassifier
    from gatewise.classify.model import FittedModel
    from gatewise.text.corpus import Corpus

__all__ = ["train", "training_facts", "write_report"]

OutOption = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="MODEL",
        help="The folder to write the model to; a model there is replaced when the new one is "
        "complete.",
        show_default=False,
    ),
]
VectorsOption = Annotated[
    Path | None,
    typer.Option(
        "--vectors",
        metavar="FILE",
        help="Word vectors from elsewhere: word2vec, GloVe or fastText.",
        show_default=False,
    ),
]
UnlabelledOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--unlabelled",
        metavar="FILE",
        help="Further texts for the word vectors; repeatable.",
        show_default=False,
    ),
]
ValidationOption = Annotated[
    Path | None,
    typer.Option(
        "--validation",
        metavar="FILE",
        help="Labelled texts to hold out instead of a share of DATA.",
        show_default=False,
    ),
]
OutOfScopeOption = Annotated[
    Path | None,
    typer.Option(
        "--out-of-scope",
        metavar="FILE",
        help="Texts that belong to none of the labels, to tell such texts better.",
        show_default=False,
    ),
]
CacheOption = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        help="Keep the texts and tokens of DATA in files of this folder instead of in memory, for "
        "this run and later ones. Files of 32 MB and more go to MODEL.cache while it is trained.",
        show_default=False,
    ),
]
ReportOption = Annotated[
    bool,
    typer.Option("--report", help="Write MODEL/report.html, with examples from your texts."),
]
RedactOption = Annotated[
    bool,
    typer.Option("--redact", help="Mask digits, addresses and what looks like a name in it."),
]
ResumeOption = Annotated[
    bool,
    typer.Option("--resume", help="Go on with a run that was not finished: the same command."),
]


@with_settings()
def train(
    data: DataArgument,
    *,
    out: OutOption,
    text: TextOption = None,
    label: LabelOption = None,
    vectors: VectorsOption = None,
    unlabelled: UnlabelledOption = None,
    validation: ValidationOption = None,
    out_of_scope: OutOfScopeOption = None,
    cache: CacheOption = None,
    report: ReportOption = False,
    redact: RedactOption = False,
    resume: ResumeOption = False,
    restart: RestartOption = False,
    engine: EngineOption = "local",
    address: AddressOption = None,
    workers: WorkersOption = None,
    threads: ThreadsOption = 1,
    gpu: GpuOption = False,
    **settings: Any,
) -> None:
    """Train a model on labelled texts.

    Every epoch is kept in MODEL.checkpoint, so a run that was killed goes on with --resume and
    ends with the same model. What is not set is the recipe's, or chosen from the data.
    """
    require_training("train a model")
    from gatewise.classify.classifier import TextClassifier
    from gatewise.classify.training_data import class_weights, read_training_data, store_for
    from gatewise.store.training_run import prepare_run

    if redact and not report:
        raise ConfigError("--redact is about the report; add --report, or leave it away")
    out = out.expanduser()  # as a shell does it, but not behind --out=
    chosen = given_settings(settings)
    check_settings(chosen)
    run = prepare_run(out, resume=resume, restart=restart)
    check_cache(cache, run.out, data)
    with run.alone(), open_trainer(engine, address, workers, threads, gpu) as trainer:
        with open_progress() as progress:
            read = read_training_data(
                data,
                text_column=text,
                label_column=label,
                validation=validation,
                unlabelled=unlabelled or (),
                vectors=vectors,
                out_of_scope=out_of_scope,
                language=chosen.get("language", "auto"),
                store=store_for(cache, run.cache, progress),
            )
        remark(read.summary())
        weights = class_weights(chosen.pop("class_weight", ()), read.corpus)
        classifier = TextClassifier(**chosen, class_weight=weights)
        try:
            with open_progress() as progress:
                run.train(classifier, read, progress, trainer=trainer)
        except KeyboardInterrupt:
            remark([f"the same command with --resume goes on from {run.checkpoint}"])
            raise
    show(fact_table(training_facts(classifier.model_)))
    if report:
        write_report(classifier, out, read.corpus, redact=redact)
    say("", f"model written to {out}", f"next, type: gatewise evaluate {_typed(out)} FILE")


def _typed(path: Path) -> str:
    """Write a path as a shell and our own options take it."""
    return shlex.quote(f"./{path}" if str(path).startswith("-") else str(path))


def check_settings(chosen: dict[str, Any]) -> None:
    """Refuse settings that no data would allow before the data are read, which may take long.

    Raises
    ------
    ConfigError
        If one is not allowed.
    """
    from gatewise.classify.decision import check_targets
    from gatewise.classify.plan import checked_recipe
    from gatewise.network.precision import choose_precision

    others = {name: value for name, value in chosen.items() if name != "recipe"}
    checked_recipe(chosen.get("recipe", "modern"), **others)
    check_targets(chosen.get("abstain_coverage", 0.95), chosen.get("abstain_precision"))
    choose_precision(chosen.get("device", "auto"), chosen.get("precision", "auto"))


def check_cache(cache: Path | None, model: Path, data: str) -> None:
    """Refuse a cache that would stand in the model's way, or that has no use.

    Raises
    ------
    ConfigError
        If it lies in the model's folder, or the data are no file.
    """
    if cache is None:
        return
    folder = cache.expanduser().resolve()
    if model in (folder, *folder.parents):
        raise ConfigError(f"--cache {cache} lies in the folder of --out; give it one of its own")
    if Path(data).is_dir() or data == "-":
        raise ConfigError(
            f"--cache keeps what was read from a file, and {data} is none; leave --cache away"
        )


def write_report(
    classifier: TextClassifier, folder: Path, corpus: Corpus, *, redact: bool = False
) -> None:
    """Write the report of a model beside its files, and say where."""
    from gatewise.report.model_page import write_model_page

    command = f"gatewise {shlex.join(sys.argv[1:])}"
    page = folder / "report.html"
    write_model_page(classifier, page, corpus=corpus, redact=redact, command=command)
    say("", f"report written to {page}")


def training_facts(model: FittedModel) -> list[tuple[str, str]]:
    """Tell how a training went."""
    facts = held_out_facts(model.facts)
    facts += [
        ("epochs", epochs_told(model)),
        ("texts read up to", f"{model.recipe.max_length:,} words"),
        ("computed on", model.precision.describe()),
    ]
    if coverage := model.facts.get("coverage"):
        words, occurrences = share(coverage["words"]), share(coverage["occurrences"])
        facts.append(("words with vectors", f"{words}, {occurrences} of all occurrences"))
    return facts
