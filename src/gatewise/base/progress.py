"""What long work tells: a protocol, and the silent default. The command line draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Part", "Progress", "SilentProgress"]


@dataclass(frozen=True)
class Part:
    """A piece of a stage that is being done, beside others.

    Attributes
    ----------
    name : str
        Which.
    seconds : float
        Since it began.
    expected : float or None
        Seconds that it takes in all, as far as that can be foreseen.
    """

    name: str
    seconds: float
    expected: float | None = None


class Progress(Protocol):
    """Receives the progress of long work."""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Begin a stage of ``total`` units (None: not known before the end)."""

    def advance(self, n_units: int, note: str = "") -> None:
        """Say that ``n_units`` more are done; ``note`` is shown beside the bar."""

    def running(self, parts: Sequence[Part], seconds_left: float | None) -> None:
        """Say what is being done side by side, and how long all takes yet (None: not known)."""

    def message(self, text: str) -> None:
        """Say one sentence that stays on the screen."""


class SilentProgress:
    """Says nothing: the default in Python."""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Do nothing."""

    def advance(self, n_units: int, note: str = "") -> None:
        """Do nothing."""

    def running(self, parts: Sequence[Part], seconds_left: float | None) -> None:
        """Do nothing."""

    def message(self, text: str) -> None:
        """Do nothing."""
