"""What commands share: where results and remarks go, and the door to the packages they need."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from gatewise.base.errors import ConfigError
from gatewise.base.optional import require

__all__ = ["check_out_file", "remark", "require_training", "say", "show", "visible"]

_FILE_WIDTH = 160  # columns where there is no terminal to ask
# With those that turn round what is written after them.
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_PACKAGES = ("torch", "sklearn", "scipy", "gensim", "pyarrow", "matplotlib")


def require_training(purpose: str) -> None:
    """Say how to install what is missing before a command begins.

    Raises
    ------
    MissingExtraError
        If a package of the extra ``train`` is not installed.
    """
    for package in _PACKAGES:
        require(package, extra="train", purpose=purpose)


def check_out_file(path: Path | None) -> None:
    """Say before long work that its result could not be written.

    Raises
    ------
    ConfigError
        If the folder is not there, or the path is a folder.
    """
    if path is not None and not path.parent.is_dir():
        raise ConfigError(f"{path} cannot be written: there is no folder {str(path.parent)!r}")
    if path is not None and path.is_dir():
        raise ConfigError(f"{path} is a folder; give the name of a file")


def visible(text: str) -> str:
    """Replace control characters: what comes from data must not steer the terminal."""
    return _CONTROLS.sub("\ufffd", text)


def say(*lines: str) -> None:
    """Write lines to standard output."""
    for line in lines:
        typer.echo(visible(line))


def remark(lines: Iterable[str]) -> None:
    """Write lines to standard error."""
    for line in lines:
        typer.echo(visible(line), err=True)


def show(table: Table) -> None:
    """Draw a table on standard output; what stands in it is never taken for markup."""
    width = None if sys.stdout.isatty() else _FILE_WIDTH
    console = Console(width=width, markup=False, emoji=False, highlight=False)
    with console.capture() as drawn:
        console.print(table)
    for line in drawn.get().splitlines():
        typer.echo(line.rstrip())
