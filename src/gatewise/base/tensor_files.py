"""What the system has against a file of tensors, in its own words."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError

__all__ = ["system_errors"]

_ERROR_NUMBER = re.compile(r"\(os error (\d+)\)")


@contextlib.contextmanager
def system_errors(path: Path) -> Iterator[None]:
    """Let a full disk, for example, be an OSError as it is everywhere else.

    Parameters
    ----------
    path : Path
        What safetensors writes inside the block.

    Raises
    ------
    OSError
        Instead of a ``SafetensorError`` that has the number of one.
    """
    try:
        yield
    except SafetensorError as error:
        if number := _ERROR_NUMBER.search(str(error)):
            raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error
        raise
