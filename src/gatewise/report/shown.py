"""Texts of records as a page shows them: cut, and masked where others will read the page."""

from __future__ import annotations

from collections.abc import Callable

from gatewise.report.redaction import redact

__all__ = ["LONGEST_TEXT", "Shower", "shower"]

LONGEST_TEXT = 300  # characters

Shower = Callable[[str], str]


def shower(*, redacted: bool) -> Shower:
    """Make the function that every text of a record passes through before it is shown.

    Parameters
    ----------
    redacted : bool
        Mask what may name a person.

    Returns
    -------
    callable
        Text -> text of ``LONGEST_TEXT`` characters at most, with ``…`` where it was cut.
    """

    def show(text: str) -> str:
        whole = " ".join((redact(text) if redacted else text).split())
        return whole if len(whole) <= LONGEST_TEXT else whole[: LONGEST_TEXT - 1] + "…"

    return show
