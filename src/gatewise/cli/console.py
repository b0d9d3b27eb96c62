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
_PARTS = (".json", ".safetensors", ".onnx")  # the endings of a model's files
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


def check_out_file(path: Path | None, *read: str | Path | None) -> None:
    """Say before long work that its result could not be written.

    Parameters
    ----------
    path : Path, optional
        Where to.
    *read : str, path or None
        The files and the model that the command reads; its result must not take their place.

    Raises
    ------
    ConfigError
        If the folder is not there, the path is a folder, or what is read would be lost.
    """
    if path is not None and not path.parent.is_dir():
        raise ConfigError(f"{path} cannot be written: there is no folder {str(path.parent)!r}")
    if path is not None and path.is_dir():
        raise ConfigError(f"{path} is a folder; give the name of a file")
    for source in read:
        if path is not None and source is not None and _would_be_lost(Path(source), path):
            raise ConfigError(f"{path} is what is read, and would be lost; write somewhere else")


def _would_be_lost(source: Path, path: Path) -> bool:
    """Tell whether a new file at the path takes the place of the source, or of a file in it."""
    target = path.expanduser().resolve()
    if not target.is_file():
        return False
    source = source.expanduser().resolve()
    return target == source or (source == target.parent and target.suffix in _PARTS)


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
