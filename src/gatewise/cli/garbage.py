"""How often Python looks for garbage: the libraries' million objects are none, ever.

It goes through them again and again while they are loaded, and once more at the end; together a
second of each command.
"""

from __future__ import annotations

import atexit
import gc

__all__ = ["look_as_ever", "look_seldom"]

_OBJECTS = 100_000  # more than there were, before it looks again
_AS_EVER = gc.get_threshold()


def look_seldom() -> None:
    """Let a command load its libraries, and end, without going through them."""
    gc.set_threshold(_OBJECTS)
    atexit.register(gc.freeze)


def look_as_ever() -> None:
    """Look as often as Python does by itself, in a process that lives on for weeks.

    Garbage of a hundred thousand objects may hold many requests.
    """
    gc.set_threshold(*_AS_EVER)
