"""``gatewise``: the command line. What is heavy is imported by the commands, when they run."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Annotated

import typer

from gatewise import __version__
from gatewise.cli.audit import audit
from gatewise.cli.compare import compare
from gatewise.cli.demo import demo
from gatewise.cli.evaluate import evaluate
from gatewise.cli.export import export
from gatewise.cli.failures import (
    OneLineErrors,
    heed_sigterm,
    open_closed_streams,
    stopped_by,
)
from gatewise.cli.garbage import look_seldom
from gatewise.cli.info import info
from gatewise.cli.neighbours import neighbours
from gatewise.cli.predict import predict
from gatewise.cli.replay import replay
from gatewise.cli.report import report
from gatewise.cli.serve import serve
from gatewise.cli.train import train
from gatewise.cli.tune import tune

__all__ = ["app", "run"]

app = typer.Typer(
    name="gatewise",
    cls=OneLineErrors,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (
    demo,
    train,
    evaluate,
    predict,
    replay,
    tune,
    compare,
    audit,
    report,
    info,
    neighbours,
    export,
    serve,
):
    app.command()(_command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gatewise {__version__}")
        raise typer.Exit


# Of the libraries below; read when they are loaded.
_SETTINGS = {
    # Threads that wait for each other busily take turns with other programs many times slower.
    "OMP_WAIT_POLICY": "PASSIVE",
}


@app.callback()
def gatewise(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Labelled texts in; a tuned, explained LSTM text classifier out."""


def run() -> None:
    """Run the command line."""
    look_seldom()
    heed_sigterm()
    open_closed_streams()
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    # Of scikit-learn, about classes that are numbers: ours are named in the account of the data.
    warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")
    for stream in (sys.stdout, sys.stderr):
        # A label or file name that the terminal cannot show must not end the program.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="gatewise")
    except KeyboardInterrupt as interrupt:  # before a command began
        sys.exit(stopped_by(interrupt))
