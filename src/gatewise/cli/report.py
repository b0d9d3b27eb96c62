"""``gatewise report``: a model or a run -> one page."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from gatewise.base.errors import ConfigError
from gatewise.cli.console import check_out_file, remark, require_training, say
from gatewise.cli.options import LabelOption, TextOption

__all__ = ["report"]

FolderArgument = Annotated[
    Path,
    typer.Argument(
        metavar="RUN|MODEL",
        help="The folder of a trained model, or of a run of tune or compare.",
        show_default=False,
    ),
]
DataOption = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="FILE",
        help="Of a model: labelled texts to measure it on, instead of the records held out while "
        "it was trained.",
        show_default=False,
    ),
]
RunOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--run",
        metavar="RUN",
        help="Of a model: a run of tune or compare whose charts are shown too; may be repeated.",
        show_default=False,
    ),
]
RedactOption = Annotated[
    bool,
    typer.Option(
        "--redact",
        help="Of a model: mask digits, addresses and what looks like a name in the texts shown.",
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="The page; report.html in the folder by default.",
        show_default=False,
    ),
]
OpenOption = Annotated[bool, typer.Option("--open", help="Show it in the browser.")]


def report(
    folder: FolderArgument,
    *,
    data: DataOption = None,
    text: TextOption = None,
    label: LabelOption = None,
    run: RunOption = None,
    redact: RedactOption = False,
    out: OutOption = None,
    show: OpenOption = False,
) -> None:
    """Write what a model can do, or what a run has found, as one page that needs nothing else."""
    require_training("draw a report")
    from gatewise.selection.ledger import RUN
    from gatewise.store.manifest import MANIFEST

    check_out_file(out, folder, data)
    if data is None and (text or label):
        name = "--text" if text else "--label"
        raise ConfigError(f"{name} names a column of the file given with --data; give --data too")
    if (folder / MANIFEST).is_file():
        page = _model_page(folder, data, text, label, run or [], redact=redact, out=out)
    elif (folder / RUN).is_file():
        _check_run_options(folder, data=data, run=run, redact=redact)
        page = _run_page(folder, out)
    elif not folder.is_dir():
        what = "is a file" if folder.exists() else "is not there"
        raise ConfigError(f"{folder} {what}; give the folder of a run or a model")
    else:
        raise ConfigError(
            f"{folder} is not the folder of a run or a model: it holds neither {RUN} nor "
            f"{MANIFEST}; give the --out of gatewise train, tune or compare"
        )
    say(f"written: {page}")
    if show and not webbrowser.open(page.resolve().as_uri()):
        remark(["there is no browser to show it in; open the page by hand"])


def _check_run_options(
    folder: Path, *, data: str | None, run: list[Path] | None, redact: bool
) -> None:
    given = {"--data": data, "--run": run, "--redact": redact}
    if wrong := [name for name, value in given.items() if value]:
        raise ConfigError(
            f"{wrong[0]} belongs to the report of a model, and {folder} holds a run; leave it away"
        )


def _run_page(folder: Path, out: Path | None) -> Path:
    from gatewise.report.run_page import write_run_page

    return write_run_page(folder, out)


def _model_page(
    folder: Path,
    data: str | None,
    text: str | None,
    label: str | None,
    runs: list[Path],
    *,
    redact: bool,
    out: Path | None,
) -> Path:
    from gatewise.report.model_page import write_model_page
    from gatewise.store.archive import load
    from gatewise.store.manifest import MANIFEST, read_manifest
    from gatewise.text.corpus import read_corpus

    corpus = None
    if data is not None:
        corpus = read_corpus(data, text_column=text, label_column=label, min_labels=1)
        remark(corpus.summary())
    return write_model_page(
        load(folder),
        out or folder / "report.html",
        data=corpus,
        redact=redact,
        runs=runs,
        versions=read_manifest(folder / MANIFEST).versions,
    )
