"""What reviewers say of a model's answers: one SQLite file, nothing in it is ever half written.

STATE/corrections.sqlite3    reviews, their records, and the label that a reviewer gave each
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from gatewise.base.errors import DataError

__all__ = [
    "MOST_RECORDS",
    "REMOVE",
    "CorrectionStore",
    "ReviewNotFoundError",
    "ReviewRecord",
    "StoreError",
    "default_state_folder",
]

# What a reviewer gives a record that is to be left out; `gatewise audit --apply` knows it too.
REMOVE = "(remove)"
MOST_RECORDS = 10_000  # of a review: more than a person reads
_MOST_REVIEWS = 1_000
_FILE = "corrections.sqlite3"
_VERSION = 1
_BUSY_SECONDS = 10.0
# On disk before the answer goes out; what is deleted is overwritten.
_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON")
_TABLES = """
CREATE TABLE review (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    model TEXT NOT NULL,
    made_at REAL NOT NULL
);
CREATE TABLE record (
    review INTEGER NOT NULL REFERENCES review (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    text TEXT NOT NULL,
    line INTEGER,
    given TEXT,
    suggested TEXT,
    probability REAL,
    in_scope REAL,
    why TEXT,
    corrected TEXT,
    decided_at REAL,
    PRIMARY KEY (review, position)
) WITHOUT ROWID;
"""
_OVERVIEW = """
SELECT id, source, model, made_at, COUNT(position) AS n_records, COUNT(corrected) AS n_decided,
       COUNT(line) AS n_lines
FROM review LEFT JOIN record ON review = id
"""


class StoreError(DataError):
    """The file cannot be used: no place, no right to write, damaged, or of another version."""


class ReviewNotFoundError(DataError):
    """There is no such review, or no such record in it."""


@dataclass(frozen=True)
class ReviewRecord:
    """One text to look at.

    Attributes
    ----------
    text : str
        It.
    line : int or None
        Where it stands in its file, if that is known.
    given : str or None
        The label that the file gives it.
    suggested : str or None
        The label that the model gives it.
    probability, in_scope : float or None
        Of the model's answer, 0 to 1.
    why : str or None
        What is suspicious about it.
    corrected : str or None
        What the reviewer has decided: a label, or ``REMOVE``.
    """

    text: str
    line: int | None = None
    given: str | None = None
    suggested: str | None = None
    probability: float | None = None
    in_scope: float | None = None
    why: str | None = None
    corrected: str | None = None


def default_state_folder() -> Path:
    """Find the folder for what programs of this user should remember."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "gatewise"


class CorrectionStore:
    """Keeps reviews; may be used from several threads and processes at once.

    Parameters
    ----------
    folder : Path, optional
        Where; made when it is first needed. None: :func:`default_state_folder`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = default_state_folder() if folder is None else folder

    @property
    def path(self) -> Path:
        """The file."""
        return self._folder / _FILE

    @property
    def is_writable(self) -> bool:
        """Whether corrections can be kept, as far as rights tell it; nothing is made."""
        place = self._folder
        try:
            while not place.exists() and place != place.parent:
                place = place.parent
            return place.is_dir() and os.access(place, os.W_OK | os.X_OK)
        except OSError:
            return False

    def warn(self) -> None:
        """Log that corrections cannot be kept, if so: the page shows it only when one is made."""
        if not self.is_writable:
            logging.getLogger(__name__).warning(
                "corrections cannot be kept in %s; name a folder with --state", self._folder
            )

    def reviews(self) -> list[dict[str, Any]]:
        """Tell of all reviews, the newest first, and how far each one is.

        Raises
        ------
        StoreError
            If the file cannot be used.
        """
        try:
            self.path.stat()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unusable(error) from error
        with self._open() as connection:
            found = connection.execute(f"{_OVERVIEW} GROUP BY id ORDER BY id DESC")
            return [dict(row) for row in found]

    def review(self, number: int) -> dict[str, Any]:
        """Tell of one review.

        Raises
        ------
        ReviewNotFoundError
            If there is none of that number.
        """
        with self._open() as connection:
            return _review(connection, number)

    def begin(self, source: str, model: str, records: Sequence[ReviewRecord]) -> dict[str, Any]:
        """Begin a review.

        Parameters
        ----------
        source : str
            What it is called: the name of the file.
        model : str
            The model that was asked.
        records : sequence of ReviewRecord
            The first of them, in the order in which they are to be looked at.

        Returns
        -------
        dict
            As :meth:`review`.

        Raises
        ------
        DataError
            If there are too many records or reviews.
        """
        with self._open() as connection:
            if connection.execute("SELECT COUNT(*) FROM review").fetchone()[0] >= _MOST_REVIEWS:
                raise DataError(f"there are {_MOST_REVIEWS:,} reviews; delete one that is done")
            cursor = connection.execute(
                "INSERT INTO review (source, model, made_at) VALUES (?, ?, ?)",
                (_clean(source), _clean(model), time.time()),
            )
            number = int(cursor.lastrowid or 0)
            _insert(connection, number, 0, records)
            return _review(connection, number)

    def add(self, number: int, start: int, records: Sequence[ReviewRecord]) -> dict[str, Any]:
        """Add records from a position on; those that are there already stay as they are.

        Raises
        ------
        DataError
            If there is no such review, or it gets too long.
        """
        with self._open() as connection:
            _review(connection, number)
            _insert(connection, number, start, records)
            return _review(connection, number)

    def records(self, number: int, start: int, count: int) -> list[dict[str, Any]]:
        """Read some records of a review in their order.

        Raises
        ------
        ReviewNotFoundError
            If there is no such review.
        """
        with self._open() as connection:
            _review(connection, number)
            found = connection.execute(
                "SELECT position, text, line, given, suggested, probability, in_scope, why, "
                "corrected FROM record WHERE review = ? AND position >= ? ORDER BY position "
                "LIMIT ?",
                (number, start, count),
            )
            return [dict(row) for row in found]

    def correct(self, number: int, position: int, label: str | None) -> dict[str, Any]:
        """Note what a reviewer has decided.

        Parameters
        ----------
        number, position : int
            Which record.
        label : str or None
            The right label, ``REMOVE``, or None: not decided after all.

        Returns
        -------
        dict
            As :meth:`review`.

        Raises
        ------
        ReviewNotFoundError
            If there is no such record.
        """
        with self._open() as connection:
            changed = connection.execute(
                "UPDATE record SET corrected = ?, decided_at = ? WHERE review = ? AND position = ?",
                (label and _clean(label), label and time.time(), number, position),
            )
            if not changed.rowcount:
                raise ReviewNotFoundError(f"review {number} has no record {position}")
            return _review(connection, number)

    def training_rows(self, number: int) -> list[tuple[str, str]]:
        """List text and label of what was decided, without what is to be left out.

        Raises
        ------
        ReviewNotFoundError
            If there is no such review.
        """
        with self._open() as connection:
            _review(connection, number)
            found = connection.execute(
                "SELECT text, corrected FROM record WHERE review = ? AND corrected IS NOT NULL AND "
                "corrected != ? ORDER BY position",
                (number, REMOVE),
            )
            return [(row["text"], row["corrected"]) for row in found]

    def audit_rows(self, number: int) -> list[tuple[int, str, str, str, str]]:
        """List line, given, suggested and corrected label, and text, of what has a line.

        A label that was found right is left empty: there is nothing to correct.

        Raises
        ------
        DataError
            If there is no such review, or no line of it is known.
        """
        with self._open() as connection:
            if not _review(connection, number)["n_lines"]:
                raise DataError(f"review {number} has no line numbers; take its texts and labels")
            found = connection.execute(
                "SELECT line, COALESCE(given, ''), COALESCE(suggested, ''), "
                "CASE WHEN corrected IS given THEN '' ELSE COALESCE(corrected, '') END, text "
                "FROM record WHERE review = ? AND line IS NOT NULL ORDER BY position",
                (number,),
            )
            return [(row[0], row[1], row[2], row[3], row[4]) for row in found]

    def delete(self, number: int) -> None:
        """Forget a review and its texts.

        Raises
        ------
        ReviewNotFoundError
            If there is none of that number.
        """
        with self._open() as connection:
            if not connection.execute("DELETE FROM review WHERE id = ?", (number,)).rowcount:
                raise _none(number)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction, on disk when the block ends, or not done at all."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.path.touch(mode=0o600)  # the texts are the user's own
            with contextlib.closing(
                sqlite3.connect(self.path, timeout=_BUSY_SECONDS)
            ) as connection:
                connection.row_factory = sqlite3.Row
                connection.isolation_level = None
                for pragma in _PRAGMAS:
                    connection.execute(f"PRAGMA {pragma}")
                connection.execute("BEGIN IMMEDIATE")
                with connection:
                    self._make_tables(connection)
                    yield connection
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> StoreError:
        return StoreError(f"corrections cannot be kept in {self.path}: {error}")

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == _VERSION:
            return
        if version != 0:
            raise StoreError(
                f"{self.path} has version {version}, and this gatewise reads version {_VERSION}; "
                "use the gatewise that wrote it, or another state folder"
            )
        for statement in _TABLES.split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_VERSION}")


def _review(connection: sqlite3.Connection, number: int) -> dict[str, Any]:
    row = connection.execute(f"{_OVERVIEW} WHERE id = ? GROUP BY id", (number,)).fetchone()
    if row is None:
        raise _none(number)
    return dict(row)


def _none(number: int) -> ReviewNotFoundError:
    return ReviewNotFoundError(f"there is no review {number}; it may have been deleted")


def _insert(
    connection: sqlite3.Connection, number: int, start: int, records: Sequence[ReviewRecord]
) -> None:
    if start + len(records) > MOST_RECORDS:
        raise DataError(f"a review has at most {MOST_RECORDS:,} records; begin another one")
    # A request that is sent again because its answer got lost must not bring its records twice.
    connection.executemany(
        "INSERT OR IGNORE INTO record (review, position, text, line, given, suggested, probability,"
        " in_scope, why, corrected) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (number, position, *map(_clean, astuple(record)))
            for position, record in enumerate(records, start)
        ],
    )


def _clean(value: Any) -> Any:
    """Replace half surrogate pairs, which UTF-8 has no bytes for."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
