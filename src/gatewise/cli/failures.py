"""Errors -> one line on standard error, and an exit status."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from gatewise.base.errors import GatewiseError
from gatewise.cli.console import remark

__all__ = [
    "BAD_INPUT",
    "INTERRUPTED",
    "TERMINATED",
    "OneLineErrors",
    "heed_sigterm",
    "open_closed_streams",
    "stopped_by",
]

BAD_INPUT = 2
INTERRUPTED, TERMINATED = 130, 143  # 128 + SIGINT, 128 + SIGTERM, as shells have it

_READER_GONE = 1
_UsageError: Any = typer.BadParameter.__base__  # its name and place differ between versions
_LINE_BREAKS = re.compile(r"\s*[\r\n]+\s*")
# What a parser says of a value -> the same for people.
_PLAINLY = {
    "Input should be a valid integer, unable to parse string as an integer": "whole numbers fit",
    "Input should be a valid number, unable to parse string as a number": "numbers fit",
}
_TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]{12}\.tmp")


class _Terminated(KeyboardInterrupt):
    """SIGTERM has come, which asks for the same as Ctrl-C."""


def heed_sigterm() -> None:
    """End at SIGTERM as at Ctrl-C: tell how to go on, and leave no half-written file behind."""

    def stop(number: int, frame: Any) -> NoReturn:
        raise _Terminated

    signal.signal(signal.SIGTERM, stop)


def open_closed_streams() -> None:
    """Put something in the place of a standard stream that was closed before we began.

    Else the next file that is opened gets its number, and what is printed goes into that file.
    Nothing comes from such an input, and writing results to such an output fails.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is not None:
            continue
        with contextlib.suppress(OSError):
            descriptor = os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8"))


def stopped_by(interrupt: KeyboardInterrupt) -> int:
    """Give the exit status of a program that was stopped."""
    return TERMINATED if isinstance(interrupt, _Terminated) else INTERRUPTED


class OneLineErrors(TyperGroup):
    """Commands whose failures are told in one line, never by a traceback."""

    def make_context(self, *arguments: Any, **more: Any) -> Any:
        """Read what was typed before the command."""
        try:
            return super().make_context(*arguments, **more)
        except _UsageError as error:
            if not error.format_message():  # nothing was typed: the help has been shown
                raise
            _fail(_typed(error), BAD_INPUT)
        except OSError as error:  # of the help's or the version's reader
            _not_written(error)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what goes wrong becomes an exit status."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except _UsageError as error:
            _fail(_typed(error), BAD_INPUT)
        except GatewiseError as error:
            _fail(str(error), BAD_INPUT)
        except KeyboardInterrupt as interrupt:
            _fail("stopped", stopped_by(interrupt))
        except OSError as error:
            _not_written(error)
        return result


def _not_written(error: OSError) -> NoReturn:
    if isinstance(error, BrokenPipeError):
        # Whoever read our output, such as head, has seen enough.
        _close_output()
        raise typer.Exit(_READER_GONE) from None
    _fail(_said(error), BAD_INPUT)


def _typed(error: Any) -> str:
    """Say what is wrong with what was typed, and where it is told what can be."""
    message = error.format_message().rstrip(".")
    for told, plainly in _PLAINLY.items():
        message = message.replace(told, plainly)
    command = error.ctx.command_path if error.ctx else "gatewise"
    return f"{message[:1].lower()}{message[1:]}; {command} --help tells what can be typed"


def _fail(message: str, status: int) -> NoReturn:
    with contextlib.suppress(OSError):
        remark([f"gatewise: {_LINE_BREAKS.sub(' ', message)}"])
    raise typer.Exit(status) from None


def _said(error: OSError) -> str:
    """Say what the system has against a file, by its own name and not the temporary one."""
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename is None:
        _close_output()
        return f"the output cannot be written ({reason}); make room, or write somewhere else"
    folder, name = os.path.split(os.fsdecode(error.filename))
    final = _TEMPORARY.fullmatch(name)
    path = os.path.join(folder, final[1] if final else name)
    return (
        f"{path} cannot be read or written ({reason}); check the path, its permissions, and the "
        "room on the disk"
    )


def _close_output() -> None:
    """Send what is still to be written nowhere, or Python complains of it when it ends."""
    with contextlib.suppress(OSError, ValueError):
        descriptor = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
