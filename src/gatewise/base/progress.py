"""What long work tells: a protocol, and the silent default. The command line draws it."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress", "SilentProgress"]


class Progress(Protocol):
    """Receives the progress of long work."""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Begin a stage of ``total`` units (None: not known before the end)."""

    def advance(self, n_units: int, note: str = "") -> None:
        """Say that ``n_units`` more are done; ``note`` is shown beside the bar."""

    def message(self, text: str) -> None:
        """Say one sentence that stays on the screen."""


class SilentProgress:
    """Says nothing: the default in Python."""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Do nothing."""

    def advance(self, n_units: int, note: str = "") -> None:
        """Do nothing."""

    def message(self, text: str) -> None:
        """Do nothing."""
