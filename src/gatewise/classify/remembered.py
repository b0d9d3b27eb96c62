"""Tables of tokens that grow as tokens come, and are begun anew when they are full."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

__all__ = ["Remembered", "TokenTable"]

_ABSENT = -1


class TokenTable(Protocol):
    """What is known of tokens, in rows; it only grows, and may be read while it does."""

    rows: dict[str, int]

    def has_room_for(self, n_tokens: int) -> bool:
        """Say whether so many more tokens can be added."""
        ...

    def add(self, tokens: Sequence[str]) -> None:
        """Add tokens that are not there; their rows last, since other threads look here first."""
        ...


Table = TypeVar("Table", bound=TokenTable)


class Remembered(Generic[Table]):
    """Finds tokens' rows, and adds what is missing; may be asked by several threads.

    Parameters
    ----------
    make_table : callable
        A number of tokens -> an empty table with room for so many, or more.
    """

    def __init__(self, make_table: Callable[[int], Table]) -> None:
        self._make_table = make_table
        self._lock = threading.Lock()
        self.table = make_table(0)

    def look_up(self, token_lists: Sequence[Sequence[str]]) -> tuple[list[int], Table]:
        """Find the row of each token of all texts, and the table that has these rows."""
        table = self.table
        rows = [table.rows.get(token, _ABSENT) for tokens in token_lists for token in tokens]
        if _ABSENT in rows:
            table = self._extended(token for tokens in token_lists for token in tokens)
            rows = [table.rows[token] for tokens in token_lists for token in tokens]
        return rows, table

    def _extended(self, tokens: Iterable[str]) -> Table:
        """Give a table that has all of these; of too many, it has no others."""
        distinct = list(dict.fromkeys(tokens))
        with self._lock:
            table = self.table
            missing = [token for token in distinct if token not in table.rows]
            if not table.has_room_for(len(missing)):
                # A new one: other threads may still read the old one.
                table, missing = self._make_table(len(distinct)), distinct
            table.add(missing)
            self.table = table
        return table
